"""The loop's rules, with a fake broker, a fake ledger and writers that finish when the test says so."""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Message

from wattnet.consumer import BatchSettings, ServiceUnavailableError, TopicChangedError, UnsafeToContinueError
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import FatalInsertError
from wattnet.consumer._health import Health
from wattnet.consumer._ledger import LedgerTail
from wattnet.consumer._loop import Loop
from wattnet.consumer._meters import Meters
from wattnet.consumer._range_size import RangeSize
from wattnet.consumer._recovery import Committed, Recorded
from wattnet.consumer._writer import Writer, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wattnet.consumer._range import Range
    from wattnet.consumer._source import RebalanceListener

TOPIC_ID = "today"


@dataclass
class FakeBroker:
    """A topic, a group of one member, and commits that a test can refuse."""

    logs: dict[int, list[int]] = field(default_factory=dict)  # partition: the offsets that hold messages
    commits: dict[int, Committed] = field(default_factory=dict)
    claims: list[tuple[int, Claim]] = field(default_factory=list)
    refuses: bool = False
    today: str | None = TOPIC_ID
    away: bool = False
    end: int | None = None  # where the topic ends when more is there than has arrived
    positions: dict[int, int] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)
    news: list[Callable[[], None]] = field(default_factory=list)

    def subscribe(self, listener: RebalanceListener) -> None:
        self.listener = listener
        self.news.append(lambda: listener.assigned(sorted(self.logs)))
        self.paused |= set(self.logs)

    def poll(self, max_messages: int, timeout_s: float) -> list[Message]:
        while self.news:
            self.news.pop(0)()
        messages: list[Message] = []
        for partition, log in self.logs.items():
            if partition in self.paused:
                continue
            for offset in [one for one in log if one >= self.positions[partition]][: max_messages - len(messages)]:
                messages.append(
                    Message(topic="t", partition=partition, offset=offset, value=b"x" * 10, timestamp=(1, 0))
                )
                self.positions[partition] = offset + 1
        return messages

    def claim(self, claims: Mapping[int, Claim]) -> frozenset[int]:
        if self.refuses:
            return frozenset()
        for partition, claim in claims.items():
            self.claims.append((partition, claim))
            self.commits[partition] = Committed(claim.first, claim)
        return frozenset(claims)

    def committed(self, partition: int) -> Committed | None:
        return self.commits.get(partition)

    def extent(self, partition: int) -> tuple[int, int]:
        arrived = self.logs[partition][-1] + 1 if self.logs[partition] else 0
        return (0, arrived if self.end is None else self.end)

    def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        return {partition: self.extent(partition)[1] for partition in partitions}

    def topic_id(self) -> str | None:
        if self.away:
            raise ServiceUnavailableError("away")
        return self.today

    def start_at(self, partition: int, offset: int) -> None:
        self.positions[partition] = offset

    def pause(self, partitions: Iterable[int]) -> None:
        self.paused |= set(partitions)

    def resume(self, partitions: Iterable[int]) -> None:
        self.paused -= set(partitions)

    def close(self) -> None:
        pass


@dataclass
class FakeLedger:
    """A ledger of recorded claims, which may be away."""

    recorded: dict[int, list[Recorded]] = field(default_factory=dict)
    away: bool = False

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        if self.away:
            raise ServiceUnavailableError("ClickHouse is away")
        claims = self.recorded.get(partition, [])
        return LedgerTail(claims[0].first if claims else None, tuple(claims))

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        return {}


class Hand(Executor):
    """Runs nothing by itself: a test finishes the writes."""

    def __init__(self) -> None:
        self.ranges: list[Range] = []
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.ranges.append(args[0])
        self.futures.append(future)
        return future

    def finish(self) -> None:
        """All that is under way is stored."""
        for range_, future in zip(self.ranges, self.futures, strict=True):
            if not future.done():
                future.set_result(Written(len(range_.messages), {}))


@dataclass
class Bench:
    """A loop with everything around it fake."""

    broker: FakeBroker
    ledger: FakeLedger = field(default_factory=FakeLedger)
    hand: Hand = field(default_factory=Hand)
    now: float = 0.0
    rows: int = 1000
    buffer_bytes: int = 10**9
    meters: Meters = field(default_factory=lambda: Meters("t"))
    health: Health = field(default_factory=Health)
    close_breakers: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        batch = BatchSettings(
            max_batch_rows=self.rows, flush_interval_s=1, drain_timeout_s=5, max_buffer_bytes=self.buffer_bytes
        )
        self.size = RangeSize(1, self.rows)
        writer = Writer.__new__(Writer)  # never called: the hand takes the ranges
        self.loop = Loop(
            self.broker,
            writer,
            self.ledger,
            self.hand,
            batch,
            topic="t",
            topic_id=TOPIC_ID,
            meters=self.meters,
            health=self.health,
            size=self.size,
            close_breakers=self.close_breakers,
            clock=lambda: self.now,
        )
        self.broker.subscribe(self.loop)

    def steps(self, count: int = 3, *, seconds: float = 1.0) -> None:
        """Some turns, time passing."""
        for _ in range(count):
            self.loop.step()
            self.now += seconds

    @property
    def handed(self) -> list[tuple[int, int, int]]:
        """Ranges that reached the writer: first, next, messages."""
        return [(one.claim.first, one.claim.next, len(one.messages)) for one in self.hand.ranges]


def test_a_range_reaches_the_writer_only_after_its_claim_was_accepted() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}, refuses=True))
    bench.steps()
    assert bench.handed == []
    bench.broker.refuses = False
    bench.steps(1)
    assert bench.handed == [(0, 5, 5)]
    assert bench.broker.claims == [(0, Claim(TOPIC_ID, 0, 5, 5, 0))]


def test_a_refused_claim_is_never_cut_anew() -> None:
    """Messages that came meanwhile stay out of it: whether the broker has the first try is unknown."""
    bench = Bench(FakeBroker({0: list(range(5))}, refuses=True))
    bench.steps()
    bench.broker.logs[0] += range(5, 9)
    bench.steps()
    bench.broker.refuses = False
    bench.steps(1)
    assert bench.handed == [(0, 5, 5)]


def test_the_next_claim_waits_until_the_range_before_it_is_stored() -> None:
    bench = Bench(FakeBroker({0: list(range(6))}), rows=2)
    bench.steps(4)
    assert bench.handed == [(0, 2, 2)]
    bench.hand.finish()
    bench.steps(1)
    assert bench.handed == [(0, 2, 2), (2, 4, 2)]


def test_what_is_done_is_released_when_nothing_follows() -> None:
    bench = Bench(FakeBroker({0: [3, 4, 7]}))
    bench.steps()
    bench.hand.finish()
    bench.steps(2)
    assert bench.broker.claims[-1] == (0, Claim.nothing(TOPIC_ID, 8, 0)), "holes in offsets are no loss"
    count = len(bench.broker.claims)
    bench.steps(5)
    assert len(bench.broker.claims) == count, "and released once"


def test_a_claim_of_a_crashed_member_is_rebuilt_exactly() -> None:
    broker = FakeBroker({0: list(range(10))}, commits={0: Committed(2, Claim(TOPIC_ID, 2, 6, 4, 0))})
    bench = Bench(broker, FakeLedger({0: [Recorded(0, 2, 2, 2)]}))
    bench.steps()
    assert bench.handed == [(2, 6, 4)]
    bench.hand.finish()
    bench.steps()
    assert bench.handed[1:] == [(6, 10, 4)]


def test_a_claim_that_kafka_no_longer_gives_whole_stops_loudly() -> None:
    broker = FakeBroker({0: [2, 3, 5, 6]}, commits={0: Committed(2, Claim(TOPIC_ID, 2, 6, 4, 0))})
    bench = Bench(broker, FakeLedger({0: [Recorded(0, 2, 2, 2)]}))
    with pytest.raises(UnsafeToContinueError, match=r"\[2, 6\) held 4 messages, Kafka now gives 3"):
        bench.steps()


def test_lost_partitions_are_forgotten_with_all_that_was_buffered() -> None:
    """The zombie's rule: what it holds for a partition that it lost is never claimed."""
    bench = Bench(FakeBroker({0: list(range(5))}, refuses=True))
    bench.steps()
    bench.broker.news.append(lambda: bench.loop.lost([0]))
    bench.broker.refuses = False
    bench.loop.step()
    assert (bench.broker.claims, bench.handed) == ([], [])


def test_a_revoked_partition_finishes_what_is_claimed_and_drops_the_rest() -> None:
    bench = Bench(FakeBroker({0: list(range(4))}), rows=2)
    bench.steps()
    bench.hand.finish()
    bench.broker.news.append(lambda: bench.loop.revoked([0]))
    bench.loop.step()
    assert bench.broker.claims[-1] == (0, Claim.nothing(TOPIC_ID, 2, 0))
    bench.steps()
    assert bench.handed == [(0, 2, 2)]


def test_a_topic_that_was_made_again_is_noticed_before_a_claim() -> None:
    """What was read may be of the new topic, so it must not be claimed under the old id."""
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(2, seconds=0.1)
    bench.broker.today = "another"
    bench.now += 1
    with pytest.raises(TopicChangedError, match="made again"):
        bench.steps()
    assert bench.broker.claims == []


def test_a_topic_that_was_made_again_is_noticed_when_idle() -> None:
    bench = Bench(FakeBroker({0: []}))
    bench.steps()
    bench.broker.today = None
    with pytest.raises(TopicChangedError, match="deleted"):
        bench.steps(5)


def test_claims_wait_while_the_broker_does_not_name_the_topic() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(1)
    bench.broker.away = True
    bench.now += 2
    bench.loop._claim(bench.loop._due())
    assert bench.handed == []
    bench.broker.away = False
    bench.steps()
    assert bench.handed == [(0, 5, 5)]


def test_partitions_wait_paused_while_clickhouse_does_not_show_the_ledger() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}), FakeLedger(away=True))
    bench.steps(5)
    assert bench.broker.paused == {0}
    bench.ledger.away = False
    bench.steps(5)
    assert bench.handed == [(0, 5, 5)]


def test_full_buffers_stop_the_reading_and_then_pause_it() -> None:
    """A message takes its bytes and 450 more: ten of them are over this bound."""
    bench = Bench(FakeBroker({0: list(range(10))}), buffer_bytes=4_000)
    bench.steps()
    bench.broker.logs[0] += range(10, 20)
    bench.steps(4)
    assert bench.broker.paused == {0}
    assert bench.broker.positions[0] == 10, "nothing was read beyond the bound"
    bench.hand.finish()
    bench.steps(4)
    bench.hand.finish()
    bench.steps(4)
    assert bench.handed == [(0, 10, 10), (10, 20, 10)]
    assert bench.broker.paused == set()


def test_an_insert_that_cannot_succeed_ends_the_loop() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps()
    bench.hand.futures[0].set_exception(FatalInsertError("no such table"))
    with pytest.raises(FatalInsertError):
        bench.steps()
    assert bench.broker.commits[0].offset == 0, "its claim stands"


def test_draining_stores_what_is_buffered_and_releases_it() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(2, seconds=0.01)
    finishing = bench.loop._wait_for_writer

    def wait(timeout_s: float) -> None:
        bench.hand.finish()
        finishing(0)

    bench.loop._wait_for_writer = wait  # type: ignore[method-assign]  # the writer finishes while the loop waits
    assert bench.loop.drain()
    assert bench.handed == [(0, 5, 5)]
    assert bench.broker.claims[-1] == (0, Claim.nothing(TOPIC_ID, 5, 0))


def test_draining_ends_in_time_when_the_writer_hangs() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(2, seconds=0.01)

    def wait(timeout_s: float) -> None:
        bench.now += timeout_s

    bench.loop._wait_for_writer = wait  # type: ignore[method-assign]  # time passes, nothing is stored
    assert not bench.loop.drain()
    assert bench.broker.commits[0].offset == 0, "its claim stands for whoever comes next"
    began = time.monotonic()
    bench.loop.revoked([0])  # leaving the group tells so
    assert time.monotonic() - began < 2, "the time to drain is not spent a second time"


def test_draining_leaves_an_old_claim_that_is_not_read_whole() -> None:
    broker = FakeBroker({0: list(range(5))}, commits={0: Committed(2, Claim(TOPIC_ID, 2, 9, 7, 0))})
    bench = Bench(broker, FakeLedger({0: [Recorded(0, 2, 2, 2)]}))
    broker.end = 9
    bench.steps()
    assert bench.loop.drain()
    assert bench.broker.commits[0].claim == Claim(TOPIC_ID, 2, 9, 7, 0)


def test_run_drains_when_asked_to_stop() -> None:
    broker = FakeBroker({0: []})
    bench = Bench(broker)
    stop = Event()
    stop.set()
    assert bench.loop.run(stop)


def test_leaving_the_group_does_not_wait_for_a_writer_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draining waited for it already, and what is claimed stands for whoever comes next."""
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps()
    assert bench.handed == [(0, 5, 5)], "an insert is under way"
    monkeypatch.setattr(bench.broker, "subscribe", lambda listener: None)  # it is a member already
    monkeypatch.setattr(bench.loop, "drain", lambda: False)
    stop = Event()
    stop.set()
    assert not bench.loop.run(stop)
    before = time.monotonic()
    bench.loop.revoked([0])
    assert time.monotonic() - before < 1
    assert bench.broker.commits[0].claim == Claim(TOPIC_ID, 0, 5, 5, 0)


def test_nothing_is_released_between_two_ranges_that_are_repeated() -> None:
    """Released means that nothing is claimed behind it, and there is."""
    ledger = [Recorded(0, 3, 3, 3), Recorded(3, 9, 6, 6)]
    broker = FakeBroker({0: list(range(5))}, commits={0: Committed(0, Claim(TOPIC_ID, 0, 3, 3, 0))})
    bench = Bench(broker, FakeLedger({0: ledger}))
    broker.end = 9
    bench.steps()
    bench.hand.finish()
    bench.loop._partitions[0].buffer.clear()
    bench.steps()
    assert bench.handed == [(0, 3, 3)]
    assert [claim for _, claim in broker.claims] == [Claim(TOPIC_ID, 0, 3, 3, 0)]


def test_a_broker_that_is_away_while_idle_is_waited_for() -> None:
    """It only means that nothing is known of the topic: the consumer stays, and goes on when the broker is back."""
    bench = Bench(FakeBroker({0: []}))
    bench.steps()
    bench.broker.away = True
    bench.steps(5)
    bench.broker.away = False
    bench.broker.logs[0] += range(5)
    bench.steps(5)
    assert bench.handed == [(0, 5, 5)]
