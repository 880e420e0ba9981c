"""A time zone's clock as arithmetic on arrays: when it shows what, and where buckets of a step begin.

ClickHouse never sees a zone: it gets the edges as runs of equal width. Its own functions lose an hour in some zones on
the days when clocks change, and its zone database is not this machine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._step import DAY_US, SECOND_US
from wattnet.query._times import EPOCH, MICROSECOND

if TYPE_CHECKING:
    from datetime import timedelta, tzinfo

    from numpy.typing import NDArray

    from wattnet.query._step import Step

_MONDAY_US = 4 * DAY_US  # 1970-01-05


@dataclass(frozen=True, slots=True)
class Clock:
    """A zone's clock from `start_us` on: from starts[i] it shows UTC + offsets[i]. Microseconds."""

    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, zone: tzinfo, start_us: int, end_us: int) -> Clock:
        """The clock of a range of time; two days more on both sides."""
        first = start_us // DAY_US - 2
        days = -(-end_us // DAY_US) + 3 - first
        starts, offsets = _changes(zone, first, days)
        return cls(np.array(starts, np.int64), np.array(offsets, np.int64))

    def local(self, us: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the clock shows at these instants, as microseconds since 1970-01-01 on its own face."""
        offsets: NDArray[np.int64] = self.offsets[np.searchsorted(self.starts, us, side="right") - 1]
        return us + offsets

    def instants(self, local: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first instant at which the clock shows this or more: there is one for times that it leaves out, too."""
        shown_until = self.starts[1:] + self.offsets[:-1]
        place = np.searchsorted(shown_until, local, side="right")
        first: NDArray[np.int64] = np.maximum(local - self.offsets[place], self.starts[place])
        return first

    def again(self, step_us: int, floor: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where multiples of the step are shown a second time, if clocks go back by whole steps."""
        found = [floor[:0]]
        for start, before, after in zip(
            self.starts[1:].tolist(), self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True
        ):
            if before > after and (before - after) % step_us == 0:
                first = -(-(start + after) // step_us) * step_us
                found.append(np.arange(first, start + before, step_us, dtype=np.int64) - after)
        return np.concatenate(found)

    def plus(self, us: NDArray[np.int64], step: Step) -> NDArray[np.int64]:
        """A step later: days and months by the calendar (31 January and a month is the end of February)."""
        if step.months or step.days:
            local = self.local(us)
            if step.months:
                month = local.view("M8[us]").astype("M8[M]").view(np.int64)
                day = local - _us(month)
                target = month + step.months
                last = _us(target + 1) - DAY_US + day % DAY_US
                local = np.minimum(_us(target) + day, last)
            us = self.instants(local + step.days * DAY_US)
        return us + step.us


def bucket_edges(step: Step, zone: tzinfo, start_us: int, end_us: int) -> NDArray[np.int64]:
    """Where the buckets that hold [start_us, end_us) begin, and the end of the last: microseconds, strictly ascending.

    A bucket begins whenever the zone's clock shows a multiple of the step, counted from midnight, Monday, the first of
    the month or year. Where clocks go forward, the bucket whose beginning is left out begins at the change. Where they
    go back by whole steps, each bucket is there twice (02:00 in summer time, 02:00 in winter time); a longer one takes
    the repeated time in: a block of 6 hours lasts 5 or 7 on such days.
    """
    margin = DAY_US * (2 + 8 * step.days + 31 * step.months)
    clock = Clock.of(zone, start_us - margin, end_us + margin)
    low, high = (int(clock.local(np.array([us]))[0]) for us in (start_us - margin, end_us + margin))
    if step.us:
        local = np.arange(low // step.us * step.us, high, step.us, dtype=np.int64)
        edges = np.concatenate([clock.instants(local), clock.again(step.us, local)])
    else:
        if step.days:
            width = step.days * DAY_US
            phase = _MONDAY_US if step.days == 7 else 0
            local = np.arange((low - phase) // width * width + phase, high, width, dtype=np.int64)
        else:
            first = int(np.array(low, np.int64).view("M8[us]").astype("M8[M]").view(np.int64))
            last = int(np.array(high, np.int64).view("M8[us]").astype("M8[M]").view(np.int64))
            months = np.arange(first // step.months * step.months, last + 1, step.months, dtype=np.int64)
            local = _us(months)
        edges = clock.instants(local)
    edges = np.unique(edges)
    first_edge = np.searchsorted(edges, start_us, side="right") - 1
    last_edge = np.searchsorted(edges, max(end_us, start_us + 1), side="left")
    return edges[first_edge : last_edge + 1]


def runs(edges: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """The same edges as runs of equal width: where each begins, and how wide its buckets are."""
    widths = np.diff(edges)
    change = np.flatnonzero(np.diff(widths, prepend=-1))
    return edges[change].tolist(), widths[change].tolist()


@lru_cache(maxsize=64)
def _changes(zone: tzinfo, first_day: int, days: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The instants at which the clock's offset changes, found between days that differ."""
    starts = [first_day * DAY_US]
    offsets = [_offset(zone, starts[0])]
    for day in range(first_day + 1, first_day + days):
        us = day * DAY_US
        offset = _offset(zone, us)
        if offset == offsets[-1]:
            continue
        low, high = us - DAY_US, us
        while high - low > SECOND_US:  # clocks change at whole seconds
            middle = (low + high) // (2 * SECOND_US) * SECOND_US
            low, high = (middle, high) if _offset(zone, middle) == offsets[-1] else (low, middle)
        starts.append(high)
        offsets.append(offset)
    return tuple(starts), tuple(offsets)


def _offset(zone: tzinfo, us: int) -> int:
    offset: timedelta | None = (EPOCH + us * MICROSECOND).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // MICROSECOND


def _us(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where months begin, in microseconds since 1970-01-01; months since January 1970."""
    return months.view("M8[M]").astype("M8[us]").view(np.int64)
