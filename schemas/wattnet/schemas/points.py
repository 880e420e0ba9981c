"""Which value was given for which point, to find a point that is given two of them.

A point is a series and a timestamp. The values of one point may be many revisions, told apart by quality (valid,
zone_status) and knowledge_time. Of two with the same quality and knowledge_time only the last one is left.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from math import isnan, nan
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattnet.schemas._context import Context
    from wattnet.schemas._metric import Metric

__all__ = ["Earlier", "PointValues", "all_apart", "revisions_of"]

_MOST_CONTEXTS = 32_768
_MOST_LATE = 1_024
_NOT_SAID = -1


class Earlier(NamedTuple):
    """What was given before. The value is None where it retracts."""

    value: float | None
    place: int


class PointValues:
    """Remembers the values of many metrics, in some 32 bytes for each. Not safe to share between threads."""

    def __init__(self) -> None:
        self._by_context: dict[Context, _Series] = {}
        self._by_name: dict[tuple[object, ...], _Series] = {}

    def put(self, metric: Metric, known_us: int | None, place: int) -> Earlier | None:
        """Remember the value of a metric.

        Args:
            metric: Its value, series, quality and timestamp; its own knowledge_time is not looked at.
            known_us: When the value became known, in microseconds since 1970; None where nobody says: those are known
                at one time, too.
            place: Where it was given, such as a line's number.

        Returns:
            Another value that was given first for the same point, quality and knowledge time. None where there is none,
            and where both are equal: then nothing is lost.
        """
        series = self._by_context.get(metric._context)
        if series is None:
            series = self._series(metric)
        value = nan if metric.value is None else metric.value
        return series.put(metric.timestamp_us, _NOT_SAID if known_us is None else known_us, value, place)

    def _series(self, metric: Metric) -> _Series:
        if len(self._by_context) >= _MOST_CONTEXTS:
            self._by_context.clear()
        series = self._by_context[metric._context] = self._by_name.setdefault(revisions_of(metric), _Series())
        return series


def all_apart(metrics: Sequence[Metric], known_us: int | None) -> bool:
    """Whether no two of them are of one point, quality and knowledge time; `known_us` is that of those without one.

    Faster than PointValues, and in more memory. False is no proof of the contrary.
    """
    seen: defaultdict[Context, set[int]] = defaultdict(set)
    for metric in metrics:
        own_us = metric.knowledge_time_us
        if own_us is None:
            own_us = known_us
        # Numbers, not tuples: the garbage collector does not walk them.
        seen[metric._context].add(metric.timestamp_us if own_us is None else (own_us + 1) << 64 | metric.timestamp_us)
    if sum(map(len, seen.values())) < len(metrics):
        return False
    firsts = {metric._context: metric for metric in metrics}
    return len({revisions_of(metric) for metric in firsts.values()}) == len(firsts)


def revisions_of(metric: Metric) -> tuple[object, ...]:
    """What two metrics have in common whose values replace each other, besides their times."""
    return (metric.name, *metric.labels.items(), metric.valid, metric.zone_status)


class _Series:
    """Values by timestamp and knowledge time: arrays that are sorted by them, and a dict for what came out of order."""

    __slots__ = ("_knowns", "_last_us", "_late", "_places", "_times", "_values")

    def __init__(self) -> None:
        self._times, self._knowns, self._places = array("q"), array("q"), array("q")
        self._values = array("d")
        self._late: dict[tuple[int, int], tuple[float, int]] = {}
        self._last_us = -1

    def put(self, time_us: int, known_us: int, value: float, place: int) -> Earlier | None:
        if time_us > self._last_us:  # as it nearly always is
            self._last_us = time_us
            self._times.append(time_us)
            self._knowns.append(known_us)
            self._values.append(value)
            self._places.append(place)
            return None
        key = (time_us, known_us)
        number = bisect_left(range(len(self._times)), key, key=self._key)
        if number < len(self._times) and self._key(number) == key:
            return _other(self._values[number], self._places[number], value)
        if key in self._late:
            return _other(*self._late[key], value)
        self._late[key] = (value, place)
        if len(self._late) > max(_MOST_LATE, len(self._times) // 8):
            self._sort()
        return None

    def _key(self, number: int) -> tuple[int, int]:
        return self._times[number], self._knowns[number]

    def _sort(self) -> None:
        rows = [*zip(self._times, self._knowns, self._values, self._places, strict=True)]
        rows += [(*key, *given) for key, given in self._late.items()]
        rows.sort(key=lambda row: row[:2])
        self._late.clear()
        times, knowns, values, places = zip(*rows, strict=True)
        self._times, self._knowns, self._places = array("q", times), array("q", knowns), array("q", places)
        self._values = array("d", values)


def _other(first: float, place: int, second: float) -> Earlier | None:
    if first == second or (isnan(first) and isnan(second)):
        return None
    return Earlier(None if isnan(first) else first, place)
