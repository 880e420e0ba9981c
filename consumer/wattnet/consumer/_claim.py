"""A claim: which messages of a partition come next, as it stands in Kafka's commit metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """The range [first, next) of one partition's offsets, and how many messages it holds.

    `messages` may be less than `next - first`: transactions and compaction leave holes in offsets. A claim of no
    messages says that everything before `first` is accounted for. `start` is where this topic's claims began, so that
    a ledger that lost its beginning is noticed. `feeder` names who stores what comes next when that is no consumer.

    A claim of no messages may be committed further on, at `passed`: [first, passed) was read and holds no messages,
    only marks of transactions and what they aborted. The next range begins at `first` all the same, so ranges tile.
    """

    topic_id: str
    first: int
    next: int
    messages: int
    start: int
    feeder: str = ""
    passed: int = 0

    @classmethod
    def nothing(cls, topic_id: str, offset: int, start: int, *, passed: int = 0) -> Claim:
        """The empty claim: all before `offset` is done, nothing is under way, no message is before `passed`."""
        return cls(topic_id, offset, offset, 0, start, passed=passed if passed > offset else 0)

    @property
    def offset(self) -> int:
        """Where it is committed."""
        return max(self.first, self.passed)

    def metadata(self) -> str:
        """The claim as text for the offset commit at `offset`; any Kafka tool shows it."""
        return json.dumps(
            {
                "wattnet": FORMAT_VERSION,
                "topic_id": self.topic_id,
                "next": self.next,
                "messages": self.messages,
                "start": self.start,
                **({"feeder": self.feeder} if self.feeder else {}),
                **({"first": self.first} if self.passed else {}),
            },
            separators=(",", ":"),
        )

    @classmethod
    def parse(cls, offset: int, metadata: str | None) -> Claim | None:
        """The claim committed at `offset`; None when somebody else wrote the commit (a reset by an operator, say)."""
        try:
            fields = json.loads(metadata or "")
            if fields["wattnet"] != FORMAT_VERSION:
                return None
            first = int(fields.get("first", offset))
            return cls(
                str(fields["topic_id"]),
                first,
                int(fields["next"]),
                int(fields["messages"]),
                int(fields["start"]),
                str(fields.get("feeder", "")),
                offset if offset > first else 0,
            )
        except (ValueError, TypeError, KeyError):
            return None
