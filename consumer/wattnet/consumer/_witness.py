"""Whether ClickHouse still has what it acknowledged: asked before an insert, where it may be another than a moment ago.

A ClickHouse that comes back without its newest data (restored from an older copy, a power loss before it synced) would
take the next range as readily as the one before it, and the hole would stand behind it in silence.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from wattnet.consumer._errors import RetryableInsertError, ServiceUnavailableError, UnsafeToContinueError
from wattnet.consumer._recovery import lost_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattnet.consumer._meters import Meters
    from wattnet.consumer._range import Range

logger = logging.getLogger(__name__)

# Nobody stops a ClickHouse, puts another folder in its place and starts it in less.
SILENCE_S = 1.0


class Past(Protocol):
    """What the witness asks the ledger. Both raise ServiceUnavailableError."""

    def newest_before(self, topic_id: str, partition: int, first: int) -> tuple[int, int] | None:
        """Where the newest claim that begins before `first` begins and ends; None when there is none."""

    def parts(self, topic_id: str, partition: int, first: int) -> tuple[int, int]:
        """How many rows the ledger has of the claim that begins at `first`, and how many different ones."""


class Witness:
    """Stands by at every insert. Threads may share it, each range being one thread's."""

    def __init__(self, past: Past, meters: Meters, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._past = past
        self._meters = meters
        self._clock = clock
        self._heard = float("-inf")
        self._doubts = 0
        self._settled: dict[tuple[str, int], int] = {}  # by topic id and partition: the doubts when it was asked about
        self._there_before: set[tuple[str, int, int]] = set()

    @contextmanager
    def watching(self, range_: Range) -> Iterator[None]:
        """Around each attempt at an insert of the range.

        Raises UnsafeToContinueError, before anything is sent, when ClickHouse has lost what lies before the range;
        RetryableInsertError while it cannot be asked.
        """
        if self._clock() - self._heard > SILENCE_S:
            self._doubts += 1
        doubts, place = self._doubts, (range_.claim.topic_id, range_.partition)
        if self._settled.get(place) != doubts:
            self._ask(range_)
            self._settled[place] = doubts
        try:
            yield
        except RetryableInsertError:
            self._doubts += 1
            raise
        self._heard = self._clock()

    def _ask(self, range_: Range) -> None:
        claim = range_.claim
        try:
            if claim.first > claim.start:
                before = self._past.newest_before(claim.topic_id, range_.partition, claim.first)
                if before is None or before[1] < claim.first:
                    raise UnsafeToContinueError(
                        f"{range_.topic}[{range_.partition}]: {lost_data(before, claim.start, claim.first)}"
                    )
            if self._past.parts(claim.topic_id, range_.partition, claim.first)[0]:
                self._there_before.add(_name(range_))
        except ServiceUnavailableError as exc:
            raise RetryableInsertError(str(exc)).caused_by(exc) from None

    def stored(self, range_: Range) -> None:
        """The range is acknowledged. Says so when it was there before and is there twice now; never raises."""
        if _name(range_) not in self._there_before:
            return
        self._there_before.remove(_name(range_))
        claim = range_.claim
        try:
            parts, different = self._past.parts(claim.topic_id, range_.partition, claim.first)
        except ServiceUnavailableError as exc:
            logger.warning("%s: whether ClickHouse took its repeat for one is not known: %s", range_, exc)
            return
        if parts > different:
            self._meters.doubled_ranges.inc()
            logger.error(
                "%s is stored twice: its token had left ClickHouse's window. The views, and FINAL, show it once, and "
                "merges will drop the second copy (OPTIMIZE TABLE … FINAL does it now); until then sums over the bare "
                "tables count it twice, and `wattnet verify` says so. See non_replicated_deduplication_window",
                range_,
            )


def _name(range_: Range) -> tuple[str, int, int]:
    return (range_.claim.topic_id, range_.partition, range_.claim.first)
