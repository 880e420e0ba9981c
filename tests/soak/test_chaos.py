"""Consumers, broker and ClickHouse are killed at random while metrics come in; then all of it is there, once."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING

from command import Command
from road import load, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from road import ConsumerProcess, Road
    from scale import Scale

REPLICAS = 2
# A consumer that finds Kafka or ClickHouse away when it starts ends with 69, as it does when a drain takes too long;
# whatever runs it in production starts it again, and so does this test. -9 is our own kill, -15 a SIGTERM that came
# while Python itself was starting.
EXPECTED_EXITS = {0, 69, -9, -15}


@dataclass
class Supervisor:
    """Keeps so many consumers running, as an orchestrator does."""

    road: Road
    running: list[ConsumerProcess] = field(default_factory=list)
    exits: Counter[int] = field(default_factory=Counter)

    def watch(self) -> None:
        """Start those anew that have ended."""
        for consumer in list(self.running):
            code = consumer.process.poll()
            if code is not None:
                self.exits[code] += 1
                assert code in EXPECTED_EXITS, consumer.logged()[-5_000:]
                self.running.remove(consumer)
        while len(self.running) < REPLICAS:
            self.running.append(self.road.start_consumer(WATTNET_LOG_LEVEL="info", WATTNET_DRAIN_TIMEOUT_S="5"))

    def wait(self, seconds: float) -> None:
        """Let it run for so long."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.watch()
            time.sleep(0.1)

    def kill_all(self) -> None:
        for consumer in self.running:
            consumer.kill()


def test_kills_at_random(road: Road, scale: Scale) -> None:
    """Small, each kind of kill takes place once at least; whole, for half an hour. The seed is printed."""
    messages, seconds = scale(40_000, 10_000_000), scale(15, 1_800)
    seed = random.randrange(2**32)
    scale.tell(f"{messages:,} metrics in {seconds} s, seed {seed}")
    rng = random.Random(seed)
    supervisor, took_place = Supervisor(road), Counter[str]()
    acts = acts_of(road, supervisor, rng)
    publishing = Publishing(road, messages, seconds)
    try:
        supervisor.watch()
        until(lambda: all("reading" in one.logged() for one in supervisor.running), "the replicas have come up")
        publishing.thread.start()
        # Each kind once, what matters most more often, then as it comes.
        due = rng.sample([*acts, "a consumer killed", "a consumer killed"], len(acts) + 2)
        while due or publishing.thread.is_alive():
            supervisor.wait(rng.uniform(0.5, 2 if scale.share == 0 else 10))
            act = due.pop() if due else rng.choice(list(acts))
            acts[act]()
            took_place[act] += 1
            scale.tell(f"{act}; {publishing.sent:,} sent")
        publishing.thread.join()
        assert publishing.error is None, publishing.error
        heal(road, supervisor, messages, scale)
    finally:
        supervisor.kill_all()
        road.stack.clickhouse.start()
        road.stack.kafka.start()
    assert set(took_place) == set(acts)
    scale.tell(f"took place: {dict(took_place)}; the consumers' exit codes: {dict(supervisor.exits)}")
    scale.tell(verify(road))
    road.assert_exact(messages)


@dataclass
class Publishing:
    """Sends so many metrics, evenly over so many seconds, in a thread."""

    road: Road
    messages: int
    seconds: float
    sent: int = 0
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            began_s = time.monotonic()
            # Nothing is given up, however long the broker is away.
            with self.road.producer(options={"delivery.timeout.ms": 600_000}) as producer:
                for number in range(self.messages):
                    producer.send(load(f"Z{number % 300:03d}", number // 300, float(number)))
                    self.sent = number + 1
                    if number % 100 == 0:
                        time.sleep(max(0.0, began_s + self.seconds * number / self.messages - time.monotonic()))
        except Exception as exc:  # noqa: BLE001  # the test raises it
            self.error = exc


def acts_of(road: Road, supervisor: Supervisor, rng: random.Random) -> dict[str, Callable[[], None]]:
    """What happens at random. Each leaves the services running."""
    stack = road.stack

    def away(service: str) -> None:
        one = getattr(stack, service)
        one.kill()
        supervisor.wait(rng.uniform(0, 2))
        one.start()

    def paused(service: str) -> None:
        one = getattr(stack, service)
        one.pause()
        supervisor.wait(rng.uniform(0.5, 3))
        one.resume()

    return {
        # The one that has run longest: a new one may not have joined yet.
        "a consumer killed": lambda: supervisor.running[0].kill(),
        "a consumer asked to stop": lambda: supervisor.running[0].process.terminate(),
        "the broker killed": lambda: away("kafka"),
        "ClickHouse killed": lambda: away("clickhouse"),
        "the broker paused": lambda: paused("kafka"),
        "ClickHouse paused": lambda: paused("clickhouse"),
    }


def heal(road: Road, supervisor: Supervisor, messages: int, scale: Scale) -> None:
    """Leave everything alone until all of it is stored and released."""
    deadline = time.monotonic() + 120 + messages / 2_000
    while (released := road.released()) < messages:
        assert time.monotonic() < deadline, f"{released:,} of {messages:,} released"
        scale.tell(f"healing: {released:,} released")
        supervisor.wait(1)


def verify(road: Road) -> str:
    """What `wattnet verify` prints; it must be content."""
    env = {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_DATABASE": road.name,
    }
    done = Command(road.folder)("verify", env=env, timeout_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
