"""Where to go on in a partition: Kafka's commit and ClickHouse's ledger, held against each other.

A pure decision, so that it can be tried on every case. The commit says what was claimed; the ledger says what arrived.
Ranges that may have been stored only in part are repeated exactly, under their own tokens; nothing is ever cut anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from wattnet.consumer._errors import UnsafeToContinueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattnet.consumer._claim import Claim


@dataclass(frozen=True, slots=True)
class Committed:
    """A committed offset, and the claim in its metadata (None when it is not this program's)."""

    offset: int
    claim: Claim | None

    @property
    def done(self) -> int:
        """Where the ledger ends that belongs to it; behind the claim's `first` there are no messages up to `offset`."""
        return self.offset if self.claim is None else self.claim.first


@dataclass(frozen=True, slots=True)
class Recorded:
    """A claim as the ledger has it: `stored` of its messages are accounted for.

    One of no messages is a range that the Kafka engine stored and handed over (see _handover): its messages are
    counted in rows of the engine's own.
    """

    first: int
    next: int
    messages: int
    stored: int

    @property
    def handed_over(self) -> bool:
        """Whether the Kafka engine stored it."""
        return not self.messages


@dataclass(frozen=True, slots=True)
class Plan:
    """Ranges to repeat first, oldest first, as (first, next, messages); then the next one is cut at `position`.

    `start` is where this topic's claims began. From `position` to `empty_to` there are no messages, and Kafka may hold
    nothing any more.
    """

    repeats: tuple[tuple[int, int, int], ...]
    position: int
    start: int
    empty_to: int = 0

    @property
    def reads_from(self) -> int:
        """The first offset to read."""
        return self.repeats[0][0] if self.repeats else max(self.position, self.empty_to)


def plan(
    topic_id: str,
    committed: Committed | None,
    ledger: Sequence[Recorded],
    ledger_start: int | None,
    low: int,
    high: int,
) -> Plan:
    """Decide where a newly assigned partition goes on.

    `ledger` holds this topic id's claims that end at or after the commit (with no commit: the newest one), and always
    the newest; `ledger_start` is where its first claim began, None when there is none. `low` and `high` are Kafka's
    first and next offset. Raises UnsafeToContinueError, which says what to do, where going on could lose something.
    """
    if committed is not None and committed.claim is not None and committed.claim.topic_id != topic_id:
        committed = None  # of a topic that was deleted: void
    empty_to = 0  # before it Kafka holds no message that is not done
    if committed is not None:
        empty_to, committed = committed.offset, Committed(committed.done, committed.claim)
    recorded = sorted(ledger, key=lambda claim: claim.first)
    end = recorded[-1].next if recorded else None
    handed_over = max((one.next for one in recorded if one.handed_over), default=None)
    if handed_over is not None:
        # The engine knows no tokens: repeating its range would double it. All before it was done when it began.
        recorded = [one for one in recorded if one.first >= handed_over]
        if committed is not None and committed.offset < handed_over:
            committed = Committed(handed_over, None)
    if committed is not None and committed.claim is not None and committed.claim.feeder:
        raise UnsafeToContinueError(
            f"since offset {committed.offset} the Kafka engine stores this partition: a consumer beside it would "
            "double everything. Run `wattnet kafka-engine off` first: it hands the partitions back"
        )
    repeats: list[Recorded]
    if committed is None:
        # The newest range may have been stored only in part: repeat it.
        repeats = recorded[-1:]
        position, start = (low, low) if end is None else (end, ledger_start if ledger_start is not None else low)
    else:
        claim = committed.claim
        # What an operator sets, and Kafka holds nothing before it, is how a loss to retention is accepted (see below).
        given_up = claim is None and committed.offset <= low
        # Only our own commit says that all before it is whole in every table. Behind one that somebody set, the newest
        # range may be in the ledger and nowhere else (a copy of the folder that was made in the midst of its insert).
        unsure = claim is None and not given_up and committed.offset == end
        repeats = recorded[-1:] if unsure else [one for one in recorded if one.next > committed.offset]
        start = claim.start if claim else committed.offset if ledger_start is None else ledger_start
        behind = (end if end is not None else start) < committed.offset
        if behind and given_up:
            start = committed.offset  # claims begin anew behind the gap
        elif behind:
            # What the engine handed over cannot be repeated: behind it, then.
            engine = None if handed_over is None else (handed_over, handed_over)
            newest = (recorded[-1].first, recorded[-1].next) if recorded else engine
            raise UnsafeToContinueError(lost_data(newest, start, committed.offset))
        if claim is not None and claim.messages and not any(one.first == claim.first for one in repeats):
            repeats.insert(0, Recorded(claim.first, claim.next, claim.messages, 0))
        position = repeats[-1].next if repeats else committed.offset
    _refuse_gaps(repeats)
    kept = [one for one in repeats if one.first >= low or one.stored < one.messages]
    decided = Plan(
        tuple((one.first, one.next, one.messages) for one in kept), position, start, empty_to=min(empty_to, low)
    )
    reads_from = decided.reads_from
    if reads_from < low:
        raise UnsafeToContinueError(
            f"messages from {reads_from} to {low} are not stored and Kafka no longer holds them (retention). "
            f"If they are really lost, lengthen retention.ms and reset the group's offset of this partition to {low}: "
            "it goes on there, and `wattnet verify` keeps showing the gap"
        )
    if position > high:
        raise UnsafeToContinueError(
            f"offsets up to {position} are stored, but Kafka's topic ends at {high}: the broker lost acknowledged "
            "messages. Restore it, or make the topic again so that it gets a new id"
        )
    return decided


def lost_data(newest: tuple[int, int] | None, start: int, committed: int) -> str:
    """What is wrong with a ledger that ends before what was acknowledged; `newest` is its last claim's extent.

    The replay begins with that claim, not behind it: a copy may have been made in the midst of its insert.
    """
    return (
        f"the ledger ends at {newest[1] if newest else 'nothing'}, but everything before {committed} was "
        "committed as stored: ClickHouse lost data (restored from an older copy?) or somebody moved the group's "
        "offsets ahead. To replay: stop the consumers and reset the group's offset of this partition to "
        f"{newest[0] if newest else start}"
    )


def _refuse_gaps(repeats: Sequence[Recorded]) -> None:
    for before, after in pairwise(repeats):
        if before.next != after.first:
            raise UnsafeToContinueError(
                f"the ledger has claims [{before.first}, {before.next}) and [{after.first}, {after.next}), which "
                "do not tile: run `wattnet verify`, and see that only one consumer group writes this topic"
            )
