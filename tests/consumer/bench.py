"""A loop on the bench: a fake broker, a fake ledger and writers that finish when the test says so."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from confluent_kafka import Message

from wattnet.consumer import BatchSettings, ServiceUnavailableError
from wattnet.consumer._health import Health
from wattnet.consumer._ledger import LedgerTail
from wattnet.consumer._loop import Loop
from wattnet.consumer._meters import Meters
from wattnet.consumer._range_size import RangeSize
from wattnet.consumer._recovery import Committed, Recorded
from wattnet.consumer._writer import Writer, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wattnet.consumer._claim import Claim
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
    ends_to_tell: dict[int, int] = field(default_factory=dict)  # with the next poll
    ends_told: dict[int, int] = field(default_factory=dict)
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
        self.ends_told, self.ends_to_tell = self.ends_to_tell, {}
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
            self.commits[partition] = Committed(claim.offset, claim)
        return frozenset(claims)

    def committed(self, partition: int) -> Committed | None:
        return self.commits.get(partition)

    def extent(self, partition: int) -> tuple[int, int]:
        arrived = self.logs[partition][-1] + 1 if self.logs[partition] else 0
        return (0, arrived if self.end is None else self.end)

    def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        return {partition: self.extent(partition)[1] for partition in partitions}

    def ends_read(self) -> Mapping[int, int]:
        return self.ends_told

    def ends_at(self, partition: int, offset: int) -> bool:
        return self.extent(partition)[1] == offset

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
