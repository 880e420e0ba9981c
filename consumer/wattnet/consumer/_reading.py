"""From which partitions a member reads now: all that are ready, or none while too much waits for ClickHouse."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wattnet.consumer._partition import Partition
    from wattnet.consumer._source import Source

logger = logging.getLogger(__name__)

# Pausing throws away what librdkafka has fetched, so a short wait for room comes first.
PAUSE_AFTER_S = 1.0


class Reading:
    """Pauses and resumes partitions of `source`, so that what they hold stays below `max_bytes`."""

    def __init__(self, source: Source, max_bytes: int, clock: Callable[[], float]) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._clock = clock
        self._full_since: float | None = None
        self._numbers: set[int] = set()

    @property
    def full(self) -> bool:
        """Whether there was no room for more at the last look."""
        return self._full_since is not None

    @property
    def going(self) -> bool:
        """Whether partitions are being read."""
        return bool(self._numbers)

    def adjust(self, partitions: Iterable[Partition]) -> None:
        """Look how much these hold, and read from them accordingly."""
        self._read_from(self._wanted([one for one in partitions if one.positioned]))

    def stop(self) -> None:
        """Read from none."""
        self._read_from(set())

    def forget(self, partitions: Iterable[int]) -> None:
        """These were assigned anew, and are paused, or are gone."""
        self._numbers -= set(partitions)

    def _wanted(self, positioned: list[Partition]) -> set[int]:
        held, now = sum(one.held_bytes for one in positioned), self._clock()
        if held >= self._max_bytes:
            if self._full_since is None:
                self._full_since = now
            if now - self._full_since <= PAUSE_AFTER_S:
                return self._numbers
            if self._numbers:
                logger.warning("%d bytes wait for ClickHouse: partitions paused", held)
            # Still polled, so that the group keeps this member however long ClickHouse takes.
            return set()
        if self._full_since is not None and not self._numbers:
            logger.info("room again: partitions resumed")
        self._full_since = None
        return {one.number for one in positioned if not one.standing_still}

    def _read_from(self, wanted: set[int]) -> None:
        if wanted == self._numbers:
            return
        self._source.pause(self._numbers - wanted)
        self._source.resume(wanted - self._numbers)
        self._numbers = set(wanted)
