"""What `verify` found: the problems, each partition's proof, and the verdict in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wattnet.consumer._feeders import FeedingGroup


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it must be. `kind` is gap, double, incomplete or dead_letters; offsets [first, next)."""

    kind: str
    topic_id: str
    partition: int
    first: int
    next: int
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: partition {self.partition} [{self.first}, {self.next}): {self.detail}"


@dataclass(frozen=True, slots=True)
class PartitionProof:
    """One partition of one topic id; `low` and `high` are Kafka's, None for a topic that was deleted.

    `first` and `next` bound what is claimed in the ledger, None when that is nothing. Counts are messages; `in_flight`
    is offsets after the newest claim, and messages of claims that are not yet stored whole. `by_engine` is messages
    that the Kafka engine stored, which are not in `stored`: at least once, and `untraced` offsets of its ranges have
    neither row nor dead letter.
    """

    topic_id: str
    partition: int
    low: int | None
    high: int | None
    first: int | None
    next: int | None
    stored: int
    refused: int
    in_flight: int
    by_engine: int = 0
    untraced: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `wattnet verify` found. `topic_id` is today's, None when there is no topic.

    `groups` are the settings' consumer group, first, and every other one that has fed the tables from the topic.
    """

    topic: str
    topic_id: str | None
    partitions: tuple[PartitionProof, ...] = ()
    problems: tuple[Problem, ...] = field(default=())
    groups: tuple[FeedingGroup, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is missing and nothing is there twice."""
        return not self.problems

    @property
    def stored(self) -> int:
        """Messages that consumers stored, dead letters among them."""
        return sum(one.stored for one in self.partitions)

    @property
    def refused(self) -> int:
        """Messages that are dead letters, or were until they were purged."""
        return sum(one.refused for one in self.partitions)

    @property
    def in_flight(self) -> int:
        """Offsets that Kafka holds after the newest claims, and messages of claims that are not yet stored whole."""
        return sum(one.in_flight for one in self.partitions)

    @property
    def by_engine(self) -> int:
        """Messages that the Kafka engine stored, at least once."""
        return sum(one.by_engine for one in self.partitions)

    @property
    def untraced(self) -> int:
        """Offsets that the Kafka engine passed without a trace: empty messages, transaction marks, or lost ones."""
        return sum(one.untraced for one in self.partitions)

    @property
    def consumers(self) -> int | None:
        """Consumers of the topic that run now, the Kafka engine's too; None where this user may not see them."""
        members = [group.members for group in self.groups if group.members is not None]
        return sum(members) if any(members) or len(members) == len(self.groups) else None

    @property
    def summary(self) -> str:
        """How much is stored, rejected and in flight, and who consumes, in one line."""
        return (
            f"{self.stored - self.refused:,} stored, {self.refused:,} rejected, {self.in_flight:,} in flight; "
            f"{self._running()}"
        )

    def _running(self) -> str:
        if self.consumers is None:
            return "whether a consumer is running is not known (this user may not describe its group)"
        if not self.consumers:
            return "no consumer is running"
        names = " and ".join(repr(group.group_id) for group in self.groups if group.members)
        return f"{self.consumers} {'consumer is' if self.consumers == 1 else 'consumers are'} running (group {names})"

    def __str__(self) -> str:
        if not self.ok:
            names = " and ".join(repr(group.group_id) for group in self.groups)
            fed = f"; groups {names} have fed these tables" if len(self.groups) > 1 else ""
            return f"NOT exact: {len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}{fed}"
        as_letters = f", {self.refused:,} of them as dead letters" if self.refused else ""
        counts = f"({self.stored:,} messages{as_letters})"
        flying = f"; {self.in_flight:,} in flight; {self._running()}" if self.in_flight else ""
        if self.by_engine or self.untraced:
            untraced = (
                f"; {self.untraced:,} offsets left no trace there (empty messages, transaction marks, or lost)"
                if self.untraced
                else ""
            )
            return (
                f"every offset that consumers claimed is stored exactly once {counts}; "
                f"{self.by_engine:,} messages more came from the Kafka engine, which stores at least once{untraced}"
                f"{flying}"
            )
        if self.in_flight:
            return f"every offset up to the end of the ledger is stored exactly once {counts}{flying}"
        return f"every offset is stored exactly once {counts}"

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        counts = {name: getattr(self, name) for name in ("stored", "refused", "in_flight", "by_engine", "untraced")}
        groups = [
            asdict(group) | {"started_at": group.started_at.isoformat() if group.started_at else None}
            for group in self.groups
        ]
        return {
            "ok": self.ok,
            "verdict": str(self),
            **counts,
            "consumers": self.consumers,
            **asdict(self),
            "groups": groups,
        }
