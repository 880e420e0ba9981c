"""When ranges close, and how large they may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wattnet.consumer._partition import Partition
    from wattnet.consumer._range_size import RangeSize
    from wattnet.consumer._settings import BatchSettings
    from wattnet.consumer._source import Source

# A burst is over where the partition is read to its end and nothing came for this share of the flush interval.
QUIET_SHARE = 1 / 8
# So many messages cost ClickHouse as much as the insert that they come in (measured): an insert that comes too early,
# because more did follow, makes at most twice the work of them.
WORTH_ROWS = 5_000


class Closing:
    """A range closes when it is full, when it has waited for the flush interval, or behind a burst.

    The interval is the longest that a message waits, and it bounds the inserts that a trickle makes. Behind a burst it
    would be waited for in vain, so its ranges close at once if they hold WORTH_ROWS each on the average: a burst's keys
    are never spread evenly, and its last value is only there with its smallest range.
    """

    def __init__(self, source: Source, batch: BatchSettings, size: RangeSize) -> None:
        self._source = source
        self._batch = batch
        self._size = size

    def max_rows(self, partition: Partition) -> int:
        """The most messages that the partition's next range may hold."""
        return min(self._size.rows, partition.breaker.max_rows or self._size.rows)

    def due(self, partitions: Iterable[Partition], now: float, *, all_of_it: bool) -> list[Partition]:
        """Those of which something should be cut now, `all_of_it` because there is no room for more."""
        waiting = [one for one in partitions if one.buffer and one.outstanding is None]
        if all_of_it:
            return waiting
        due = [one for one in waiting if self._is_due(one, now)]
        over = [one for one in waiting if self._is_over(one, now)]
        if sum(len(one.buffer) for one in over) >= WORTH_ROWS * len(over):
            due += [one for one in over if one not in due]
        return due

    def _is_due(self, partition: Partition, now: float) -> bool:
        return (
            bool(partition.repeats)
            or len(partition.buffer) >= self.max_rows(partition)
            or partition.buffer_bytes >= self._batch.max_batch_bytes
            or now - partition.buffering_since >= self._batch.flush_interval_s
        )

    def _is_over(self, partition: Partition, now: float) -> bool:
        quiet_s = now - partition.heard_at
        return quiet_s >= self._batch.flush_interval_s * QUIET_SHARE and self._source.ends_at(
            partition.number, partition.buffered_to
        )
