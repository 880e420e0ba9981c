"""One assigned partition: what is buffered, which range is cut, claimed, being stored, done."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import UnsafeToContinueError
from wattnet.consumer._message import offset_of
from wattnet.consumer._range import Range

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka import Message

    from wattnet.consumer._breaker import Breaker
    from wattnet.consumer._recovery import Plan
    from wattnet.consumer._writer import Written

# What CPython and confluent-kafka need for a message beside its value (measured: 380-450 bytes with a 60 byte key).
MESSAGE_OVERHEAD_BYTES = 450


@dataclass(slots=True)
class Partition:
    """Its life in one assignment. At most one range is outstanding: cut, then claimed, then stored, then done."""

    topic: str
    topic_id: str
    number: int
    breaker: Breaker
    positioned: bool = False
    repeats: deque[tuple[int, int, int]] = field(default_factory=deque)
    start: int = 0
    cut_at: int = 0  # the next range begins here
    buffer: list[Message] = field(default_factory=list)
    buffer_bytes: int = 0
    buffering_since: float = 0.0
    heard_at: float = 0.0  # when messages came last
    outstanding: Range | None = None
    storing: Future[Written] | None = None
    claimed_at: float = 0.0
    standing_still: bool = False  # the breaker opened: nothing is buffered, and reading begins anew at `cut_at`
    done: int = 0  # everything before it is accounted for
    read_to: int = 0  # where it was read to its end; all messages before that are done or buffered
    committed: int = -1  # the last offset that was committed as "all before is done, nothing claimed"

    def position(self, plan: Plan) -> int:
        """Take the plan up; returns the offset to read from."""
        self.repeats = deque(plan.repeats)
        self.start = plan.start
        self.cut_at = self.done = plan.repeats[0][0] if plan.repeats else plan.position
        self.committed = self.done
        self.positioned = True
        return self.cut_at

    def add(self, messages: list[Message], now: float) -> None:
        """Buffer messages that follow the last ones."""
        if not self.buffer:
            self.buffering_since = now
        self.heard_at = now
        self.buffer += messages
        self.buffer_bytes += sum(map(len, messages)) + MESSAGE_OVERHEAD_BYTES * len(messages)

    def stand_still(self) -> None:
        """Drop what is buffered and not claimed; it is read again later."""
        self.buffer = []
        self.buffer_bytes = 0
        self.read_to = 0
        self.standing_still = True

    def cut(self, max_rows: int, now: float) -> Range | None:
        """Make the next range of the oldest messages; None while there is none to make, or one is outstanding.

        A claim that is to be repeated is cut exactly as it was. Raises UnsafeToContinueError when Kafka no longer
        gives all of its messages.
        """
        if self.outstanding is not None or not self.buffer:
            return None
        if self.repeats:
            first, next_, count = self.repeats[0]
            if offset_of(self.buffer[-1]) < next_ - 1:
                return None
            end = bisect_left(self.buffer, next_, key=offset_of)
            if end != count:
                raise UnsafeToContinueError(
                    f"{self.topic}[{self.number}]: the claim [{first}, {next_}) held {count} messages, Kafka now "
                    f"gives {end} (compaction or retention?): run `wattnet verify`; it needs cleanup.policy=delete"
                )
            self.repeats.popleft()
        else:
            end = min(max_rows, len(self.buffer))
            next_ = offset_of(self.buffer[end - 1]) + 1
        messages, self.buffer = self.buffer[:end], self.buffer[end:]
        size = sum(map(len, messages)) + MESSAGE_OVERHEAD_BYTES * end
        self.buffer_bytes -= size
        self.buffering_since = now
        claim = Claim(self.topic_id, self.cut_at, next_, end, self.start)
        self.cut_at = next_
        self.outstanding = Range(self.topic, self.number, claim, messages, size)
        return self.outstanding

    def finish(self) -> Range:
        """The outstanding range is accounted for."""
        range_ = self.outstanding
        if range_ is None:
            raise AssertionError("no range is outstanding")
        self.outstanding = self.storing = None
        self.done = range_.claim.next
        return range_

    @property
    def passed(self) -> int:
        """The offset before which no message is left: where it is idle, behind the marks of transactions, too."""
        return max(self.done, self.read_to) if self.idle else self.done

    def release(self) -> Claim:
        """The claim that says that all is done."""
        return Claim.nothing(self.topic_id, self.done, self.start, passed=self.passed)

    @property
    def buffered_to(self) -> int:
        """The offset behind the last message that is buffered; there is one."""
        return offset_of(self.buffer[-1]) + 1

    @property
    def held_bytes(self) -> int:
        """Memory that this partition's messages take, buffered or on their way."""
        return self.buffer_bytes + (self.outstanding.size_bytes if self.outstanding else 0)

    @property
    def reading(self) -> bool:
        """Whether what comes of it is taken."""
        return self.positioned and not self.standing_still

    @property
    def idle(self) -> bool:
        """Whether all that was read is done."""
        return self.positioned and not self.buffer and self.outstanding is None and not self.repeats
