"""A consumer process by hand: the real loop and the real writer, moved step by step, dead whenever the test says so."""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future
from concurrent.futures._base import DoneAndNotDoneFutures
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from threading import Event
from typing import TYPE_CHECKING, Any
from unittest import mock

import stamina
from protocol.calls import Calls, CrashedError, Trouble
from protocol.simulated_clickhouse import TABLES, Insert, OneSchema, SimulatedClickHouse, SimulatedLedger
from protocol.simulated_kafka import TOPIC, SimulatedKafka, SimulatedSource

from wattnet.consumer import BatchSettings, ConsumerError, TopicChangedError
from wattnet.consumer._errors import PoisonError, RetryableInsertError
from wattnet.consumer._health import Health
from wattnet.consumer._loop import Loop
from wattnet.consumer._meters import Meters
from wattnet.consumer._range_size import RangeSize
from wattnet.consumer._witness import Witness
from wattnet.consumer._writer import Writer
from wattnet.consumer._writer_schemas import WriterSchemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wattnet.consumer._ledger import LedgerTail
    from wattnet.consumer._range import Range

METERS = Meters(TOPIC)
BREAKER_MESSAGES = 6  # few enough that walks meet a breaker


class SuspendedError(BaseException):
    """A write stops here for now. Repeated from the start, it gets the same answers up to here."""


@dataclass(frozen=True)
class Landing:
    """What becomes of one insert: the tables that it reaches now, and how the writer hears of it."""

    into: tuple[str, ...] = TABLES
    answered: bool = True
    runs_on: bool = False  # the writer gives up waiting, and ClickHouse stores the whole of it later
    crash: bool = False  # the process dies when the tables are reached, before it hears

    @property
    def good(self) -> bool:
        return self.into == TABLES and self.answered and not self.runs_on


STORED = Landing()


class Answer(Enum):
    """What a writer heard of an insert."""

    STORED = "stored"
    POISON = "poison"
    NOTHING = "nothing"


@dataclass
class Clock:
    """Goes on when somebody says so."""

    now: float = 0.0


class WriteFuture(Future[Any]):
    """A future of this member's; waiting for it moves the writes on, if the process is to be in luck."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.member = member


@contextmanager
def by_hand() -> Iterator[None]:
    """No real time and no noise: waits return at once, retries do not pause, nothing is logged."""

    def wait(futures: Iterable[WriteFuture], *_: object) -> DoneAndNotDoneFutures[Any]:
        waited: set[Future[Any]] = set(futures)
        for one in futures:
            if one.member.patient:
                one.member.finish_writes()
        done = {one for one in waited if one.done()}
        return DoneAndNotDoneFutures(done, waited - done)

    logging.disable(logging.CRITICAL)
    stamina.instrumentation.set_on_retry_hooks(())
    try:
        with (
            mock.patch("wattnet.consumer._loop.wait", wait),
            mock.patch("wattnet.consumer._breaker.WINDOW_MESSAGES", BREAKER_MESSAGES),
            stamina.set_testing(True, attempts=10**9),
        ):
            yield
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
        logging.disable(logging.NOTSET)


@dataclass
class Write:
    """A range with the writer. Writers are deterministic, so one is continued by playing back what it heard."""

    act: Callable[[Range], Any]
    range: Range
    future: WriteFuture
    heard: list[tuple[str, Answer]] = field(default_factory=list)
    played: int = 0


class Hands(Executor):
    """Runs nothing by itself."""

    def __init__(self, member: Member) -> None:
        self.writes: list[Write] = []
        self._member = member

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        write = Write(fn, args[0], WriteFuture(self._member))
        self.writes.append(write)
        return write.future


class Member:
    """One process: what `wattnet.consumer.consume` does, without its signals and threads."""

    def __init__(self, kafka: SimulatedKafka, store: SimulatedClickHouse, batch: BatchSettings, clock: Clock) -> None:
        self._kafka = kafka
        self._store = store
        self._batch = batch
        self._clock = clock
        self.calls = Calls(self.put_out)
        self.hands = Hands(self)
        self.source: SimulatedSource | None = None
        self.loop: Loop | None = None
        self.alive = True
        self.patient = True  # whether writes end while the loop waits for them
        self.stopped: ConsumerError | None = None
        self._health = Health()
        self._writing: Write | None = None
        self._landing: Landing | None = None
        self._size = RangeSize(1, batch.max_batch_rows)
        self._writer = Writer(
            self,
            WriterSchemas(OneSchema()),
            self,
            Witness(self, METERS, clock=lambda: clock.now),
            cluster_id="cluster",
            meters=METERS,
            health=self._health,
            size=self._size,
        )

    def put_out(self) -> None:
        """Its session timed out; it does not know."""
        if self.source is not None:
            self._kafka.remove(self.source.member)

    def turn(
        self,
        *,
        fetch: int = 100,
        at: int | str = -1,
        trouble: Trouble | None = None,
        intrusion: Callable[[], None] = lambda: None,
    ) -> None:
        """One turn of the loop, in which trouble befalls the call `at`."""
        self.calls.expect(at, trouble, intrusion)
        if self.source is not None:
            self.source.fetch = fetch
        self._guarded(self._turn)

    def drain(self, *, at: int | str, trouble: Trouble | None, intrusion: Callable[[], None] = lambda: None) -> None:
        """SIGTERM: store what is buffered, leave the group, end."""
        self.calls.expect(at, trouble, intrusion)

        def drain() -> None:
            if self.loop is not None:
                with suppress(TopicChangedError):
                    self.loop.drain()
            self._leave()
            self.alive = False

        self._guarded(drain)

    def write(self, index: int, landing: Landing = STORED) -> None:
        """Continue one of the writes until its next insert was tried."""
        if not self.alive or not self.hands.writes:
            return
        write = self.hands.writes[index % len(self.hands.writes)]
        write.played = 0
        self._writing, self._landing = write, landing
        try:
            written = write.act(write.range)
        except SuspendedError:
            return
        except CrashedError:
            self.alive = False
            return
        except ConsumerError as exc:
            self.hands.writes.remove(write)
            write.future.set_exception(exc)
            return
        self.hands.writes.remove(write)
        write.future.set_result(written)

    def finish_writes(self) -> None:
        """All that is under way is stored."""
        while self.alive and self.hands.writes:
            self.write(0)

    def insert(self, body: bytes, token: str, *, limited: bool = False) -> None:
        """See Ingest."""
        write, landing = self._writing, self._landing
        assert write is not None
        if write.played < len(write.heard):
            then, answer = write.heard[write.played]
            assert then == token, f"a write is not deterministic: {then}, now {token}"
        elif landing is None:
            raise SuspendedError
        else:
            self._landing = None
            answer = self._reach(body, token, landing)
            write.heard.append((token, answer))
        write.played += 1
        if answer is Answer.POISON:
            raise PoisonError("poison")
        if answer is Answer.NOTHING:
            raise RetryableInsertError("no answer")

    def under_way(self) -> list[Range]:
        """What this process may still insert."""
        return [one.range for one in self.hands.writes] if self.alive else []

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        """See Ledger."""
        return self.calls.make("tail", lambda: SimulatedLedger(self._store).tail(topic_id, partition, since))

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        """See Ledger."""
        letters = self._store.tables["dead_letters"].rows
        refused = sum(row[:2] == (topic_id, partition) and first <= row[2] < next_ for row in letters)
        return {"refused": refused} if refused else {}

    def newest_before(self, topic_id: str, partition: int, first: int) -> tuple[int, int] | None:
        """See Past."""
        claims = [row[2:4] for row in self._store.tables["ledger"].rows if row[:2] == (topic_id, partition)]
        return max((claim for claim in claims if claim[0] < first), default=None)

    def parts(self, topic_id: str, partition: int, first: int) -> tuple[int, int]:
        """See Past."""
        ledger = self._store.tables["ledger"].rows
        counts = [n for row, n in ledger.items() if row[:3] == (topic_id, partition, first)]
        return sum(counts), len(counts)

    def _reach(self, body: bytes, token: str, landing: Landing) -> Answer:
        try:
            self._store.insert(body, token, landing.into)
        except PoisonError:
            if landing.crash:
                raise CrashedError from None
            return Answer.POISON if landing.answered else Answer.NOTHING
        if landing.runs_on:
            self._store.running.append(Insert(body, token))
        if landing.crash:
            raise CrashedError
        return Answer.STORED if landing.good else Answer.NOTHING

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except CrashedError:
            self.alive = False
        except ConsumerError as exc:
            self.stopped, self.alive = exc, False
            self._leave()

    def _turn(self) -> None:
        if self.loop is None:
            self._begin()
            return
        try:
            self.loop.step()
        except TopicChangedError:
            # As the service does: a new member for the new topic; what is being stored of the old one goes on.
            self._leave()
            self.loop = None

    def _begin(self) -> None:
        if self._kafka.topic is None:
            return
        self.source = SimulatedSource(self._kafka, self.calls)
        self.loop = Loop(
            self.source,
            self._writer,
            self,
            self.hands,
            self._batch,
            topic=TOPIC,
            topic_id=self._kafka.topic.id,
            meters=METERS,
            health=self._health,
            size=self._size,
            close_breakers=Event(),
            clock=lambda: self._clock.now,
        )
        self.loop._wait_for_writer = self._wait_for_writer  # type: ignore[method-assign]  # no real time
        self.source.subscribe(self.loop)

    def _wait_for_writer(self, timeout_s: float) -> None:
        self._clock.now += timeout_s
        if self.patient:
            self.finish_writes()

    def _leave(self) -> None:
        if self.loop is not None:
            self.loop._partitions.clear()  # as run does in the end
        try:
            if self.source is not None:
                self.source.close()
        except CrashedError:
            self.alive = False
