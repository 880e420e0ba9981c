"""A broker by hand: offsets with holes, a group with members and epochs, commits that answer as badly as real ones.

It keeps to what brokers do. A commit is checked for the member and its epoch, never for who owns the partition. A
member that stayed away too long is put out of the group without being told, and learns it when it polls. Partitions
move as in the cooperative protocols: the old owner gives one up inside its poll before the new one gets it in its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from confluent_kafka import Message

from wattnet.consumer import ServiceUnavailableError
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import OffsetsGoneError
from wattnet.consumer._message import offset_of
from wattnet.consumer._recovery import Committed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from protocol.calls import Calls

    from wattnet.consumer._source import RebalanceListener

T = TypeVar("T")

TOPIC = "t"
SENT = (1, 1_700_000_000_000)


@dataclass
class Log:
    """One partition."""

    messages: list[Message] = field(default_factory=list)
    low: int = 0
    high: int = 0

    def read(self, offset: int, count: int) -> list[Message]:
        """Some messages from `offset` on."""
        return [one for one in self.messages if offset_of(one) >= max(offset, self.low)][:count]


@dataclass
class Topic:
    """One life of the topic."""

    id: str
    logs: list[Log]


@dataclass
class Membership:
    """A member as the coordinator knows it."""

    epoch: int = 0
    owned: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Commit:
    """A commit under way, or applied."""

    member: int
    epoch: int
    partition: int
    offset: int
    metadata: str | None


class SimulatedKafka:
    """The broker and the coordinator of one group. `on_commit` sees every commit that is applied."""

    def __init__(self, partitions: int, on_commit: Callable[[Commit], None]) -> None:
        self.partitions = partitions
        self.topic: Topic | None = None
        self.lives = 0
        self.commits: dict[int, Commit] = {}
        self.late: list[Commit] = []
        self.members: dict[int, Membership] = {}
        self.target: dict[int, int] = {}
        self._epochs = 0
        self._on_commit = on_commit
        self.create_topic()

    # -- the topic

    def create_topic(self) -> None:
        """Make the topic, with an id that no topic had before."""
        self.lives += 1
        self.topic = Topic(f"id{self.lives}", [Log() for _ in range(self.partitions)])

    def append(self, partition: int, value: bytes | None, key: bytes) -> int:
        """Store a message; returns its offset."""
        log = self.log(partition)
        log.messages.append(
            Message(topic=TOPIC, partition=partition, offset=log.high, value=value, key=key, timestamp=SENT)
        )
        log.high += 1
        return log.high - 1

    def log(self, partition: int) -> Log:
        """The partition, of the topic as it is now."""
        if self.topic is None:
            raise ServiceUnavailableError("there is no topic")
        return self.topic.logs[partition]

    # -- the group

    def join(self) -> int:
        """A new member; returns its id."""
        self._epochs += 1
        self.members[self._epochs] = Membership()
        member = self._epochs
        self.rebalance(0)
        return member

    def remove(self, member: int) -> None:
        """The member leaves, or its session timed out: what it owned is free at once."""
        if self.members.pop(member, None) is not None:
            self.rebalance(0)

    def rebalance(self, shift: int) -> None:
        """Decide anew who gets what."""
        ids = sorted(self.members)
        self.target = {number: ids[(number + shift) % len(ids)] for number in range(self.partitions)} if ids else {}

    def owner(self, partition: int) -> int | None:
        """Who has the partition."""
        return next((id_ for id_, one in self.members.items() if partition in one.owned), None)

    def advance(self, member: int) -> None:
        """The member's assignment changed: commits that it sent before are of an old epoch."""
        self._epochs += 1
        self.members[member].epoch = self._epochs

    # -- commits

    def commit(self, commit: Commit) -> bool:
        """Apply the commit if the group knows the member by that epoch; says whether it did."""
        member = self.members.get(commit.member)
        if self.topic is None or member is None or member.epoch != commit.epoch:
            return False
        self.commits[commit.partition] = commit
        self._on_commit(commit)
        return True


class SimulatedSource:
    """One member's consumer: Source, as KafkaSource is."""

    def __init__(self, kafka: SimulatedKafka, calls: Calls) -> None:
        self._kafka = kafka
        self._calls = calls
        self.member = 0
        self.fetch = 100  # messages a poll
        self._owned: set[int] = set()
        self._paused: set[int] = set()
        self._positions: dict[int, int] = {}
        self._ends_read: dict[int, int] = {}

    def subscribe(self, listener: RebalanceListener) -> None:
        self._listener = listener
        self.member = self._kafka.join()

    def poll(self, max_messages: int, timeout_s: float) -> list[Message]:
        # What was fetched before the group's news comes with them in one answer: librdkafka collects in batches.
        self._ends_read = {}

        def consume() -> list[Message]:
            messages = self._read(min(max_messages, self.fetch))
            self._serve_group()
            return messages

        return self._calls.make("poll", consume, local=True)

    def _serve_group(self) -> None:
        kafka = self._kafka
        me = kafka.members.get(self.member)
        if me is None:
            lost, self._owned = sorted(self._owned), set()
            if lost:
                self._listener.lost(lost)
            self.member = kafka.join()
            return
        gone = sorted(number for number in self._owned if kafka.target.get(number) != self.member)
        if gone:
            self._listener.revoked(gone)
            self._owned -= set(gone)
            if self.member in kafka.members:  # it may have been put out meanwhile
                me.owned -= set(gone)
                kafka.advance(self.member)
            return
        new = sorted(
            number
            for number, target in kafka.target.items()
            if target == self.member and number not in self._owned and kafka.owner(number) is None
        )
        if new:
            me.owned |= set(new)
            self._owned |= set(new)
            self._paused |= set(new)
            kafka.advance(self.member)
            self._listener.assigned(new)

    def _read(self, count: int) -> list[Message]:
        messages: list[Message] = []
        for number in sorted(self._owned - self._paused):
            if self._kafka.topic is None:
                continue
            log, position = self._kafka.log(number), self._positions[number]
            if not log.low <= position <= log.high:
                raise OffsetsGoneError(f"{number}@{position}: Kafka holds [{log.low}, {log.high})")
            read = log.read(position, count)
            if read:
                self._positions[number] = offset_of(read[-1]) + 1
            if len(read) < count:  # over the marks of transactions, if there are any
                self._ends_read[number] = log.high
            messages += read
        return messages

    def claim(self, claims: Mapping[int, Claim]) -> frozenset[int]:
        epoch = self._kafka.members[self.member].epoch if self.member in self._kafka.members else 0
        commits = [
            Commit(self.member, epoch, number, claim.offset, claim.metadata()) for number, claim in claims.items()
        ]
        try:
            return self._calls.make(
                "claim",
                lambda: frozenset(one.partition for one in commits if self._kafka.commit(one)),
                instead=lambda: self._kafka.late.extend(commits),
            )
        except ServiceUnavailableError:
            return frozenset()

    def committed(self, partition: int) -> Committed | None:
        def ask() -> Committed | None:
            commit = self._kafka.commits.get(partition)
            return Committed(commit.offset, Claim.parse(commit.offset, commit.metadata)) if commit else None

        return self._calls.make("committed", ask)

    def extent(self, partition: int) -> tuple[int, int]:
        return self._calls.make("extent", lambda: (self._kafka.log(partition).low, self._kafka.log(partition).high))

    def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        return {number: self._kafka.log(number).high for number in partitions} if self._kafka.topic else {}

    def ends_at(self, partition: int, offset: int) -> bool:
        return self._kafka.topic is not None and self._kafka.log(partition).high == offset

    def ends_read(self) -> Mapping[int, int]:
        return self._ends_read

    def topic_id(self) -> str | None:
        return self._calls.make("topic_id", lambda: self._kafka.topic.id if self._kafka.topic else None)

    def start_at(self, partition: int, offset: int) -> None:
        def seek() -> None:
            self._positions[partition] = offset

        self._calls.make("start_at", seek)

    def pause(self, partitions: Iterable[int]) -> None:
        self._paused |= set(partitions)

    def resume(self, partitions: Iterable[int]) -> None:
        self._paused -= set(partitions)

    def close(self) -> None:
        owned, self._owned = sorted(self._owned), set()
        if self.member in self._kafka.members:
            if owned:
                self._listener.revoked(owned)
        elif owned:
            self._listener.lost(owned)
        self._kafka.remove(self.member)
