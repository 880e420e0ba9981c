"""A range of messages on its way into ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from wattnet.consumer._claim import Claim


@dataclass(frozen=True, slots=True)
class Range:
    """The messages of one claim. Once its claim was sent, a range is never cut anew."""

    topic: str
    partition: int
    claim: Claim
    messages: Sequence[Message]
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@[{self.claim.first}, {self.claim.next})"
