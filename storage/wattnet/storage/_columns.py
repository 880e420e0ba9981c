"""Metrics of 1.x as columns, checked by the rules of the common format; what breaks one is named and left out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.schemas import Metric as SharedMetric
from wattnet.schemas import MetricError
from wattnet.schemas.columns import timestamps_refused
from wattnet.storage._errors import Failure
from wattnet.storage._series import plain, sample
from wattnet.storage._times import UTC, as_utc, is_moment

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from wattnet.storage.models import Metric

_MAX_SERIES = 32_768

# From where as_utc is called here up to whoever called the repository.
_WRITER = 8

_name = attrgetter("name")
_metadata = attrgetter("metadata")
_value = attrgetter("value")
_timestamp = attrgetter("timestamp")
_tzinfo = attrgetter("tzinfo")


@dataclass(frozen=True, slots=True)
class Columns:
    """A row a metric that may be stored, in the order in which they were given."""

    series: Sequence[SharedMetric]
    """A metric stands for each series and quality; its own value and time mean nothing."""
    place: NDArray[np.intp]
    """Of each row's series in `series`."""
    value: NDArray[np.float64]
    timestamp_us: NDArray[np.int64]
    """Microseconds since 1970."""
    position: NDArray[np.intp]
    """Of each row's metric in the list that was given."""


class ColumnReader:
    """Reads lists of metrics; it remembers the series that it has met. Threads may share it."""

    def __init__(self) -> None:
        self._known: dict[Hashable, SharedMetric] = {}

    def read(self, metrics: Sequence[Metric]) -> tuple[Columns, list[Failure]]:
        """The good ones as columns, the bad ones with their reasons."""
        reasons: dict[int, str] = {}
        series, places = self._series(metrics, reasons)
        value = _values(metrics, reasons)
        timestamp_us = _timestamps(metrics, reasons)
        for row in np.flatnonzero(~np.isfinite(value)).tolist():
            reasons.setdefault(row, _value_refusal(metrics[row].value))
        for row in np.flatnonzero(timestamps_refused(timestamp_us)).tolist():
            reasons.setdefault(row, _time_refusal(metrics[row].timestamp))
        position, place = np.arange(len(metrics)), np.array(places, np.intp)
        if reasons:
            position = np.delete(position, list(reasons))
            place, value, timestamp_us = place[position], value[position], timestamp_us[position]
        failures = [Failure(row, metrics[row], reasons[row]) for row in sorted(reasons)]
        return Columns(series, place, value, timestamp_us, position), failures

    def _series(self, metrics: Sequence[Metric], reasons: dict[int, str]) -> tuple[list[SharedMetric], list[int]]:
        """The distinct series of a call, and each metric's place among them."""
        return self._of_one_kind(metrics) or self._of_any_kind(metrics, reasons)

    def _of_one_kind(self, metrics: Sequence[Metric]) -> tuple[list[SharedMetric], list[int]] | None:
        """The same in half the time, in loops of C: all have one name and the same labels, and none is refused."""
        numbers: defaultdict[tuple[Any, ...], int] = defaultdict(count().__next__)
        try:
            name, labels = metrics[0].name, tuple(metrics[0].metadata)
            given = list(map(_metadata, metrics))
            if len(labels) < 2 or {name} != set(map(_name, metrics)) or {len(labels)} != set(map(len, given)):
                return None
            places = list(map(numbers.__getitem__, map(itemgetter(*labels), given)))
            for label, values in zip(labels, zip(*numbers, strict=True), strict=True):
                # True == 1 == 1.0; but what equals a string says the same.
                if not {str}.issuperset(map(type, values)) and len(set(map(type, map(itemgetter(label), given)))) > 1:
                    return None
            return [self._one(name, dict(zip(labels, values, strict=True))) for values in numbers], places
        except (MetricError, TypeError, LookupError):  # whose fault it is, is found out one by one
            return None

    def _of_any_kind(self, metrics: Sequence[Metric], reasons: dict[int, str]) -> tuple[list[SharedMetric], list[int]]:
        series: list[SharedMetric] = []
        numbers: dict[Hashable, int] = {}
        places: list[int] = []
        for row, metric in enumerate(metrics):
            try:
                key = _key(metric.name, metric.metadata)
                number = numbers.get(key)
                if number is None:
                    known = self._one(metric.name, metric.metadata)
                    number = numbers[key] = len(series)
                    series.append(known)
            except (MetricError, TypeError) as exc:  # TypeError: something in it is not hashable
                reasons[row] = _label_refusal(metric) if isinstance(exc, TypeError) else str(exc)
                number = 0
            places.append(number)
        return series, places

    def _one(self, name: str, metadata: Mapping[str, Any]) -> SharedMetric:
        key = _key(name, metadata)
        found = self._known.get(key)
        if found is None:
            found = sample(name, metadata)
            if len(self._known) >= _MAX_SERIES:
                self._known.clear()
            self._known[key] = found
        return found


def _key(name: str, metadata: Mapping[str, Any]) -> Hashable:
    """What tells series apart. The values' types belong to it, because True == 1 == 1.0."""
    values = metadata.values()
    return (name, *metadata, *values, *map(type, values))


def _values(metrics: Sequence[Metric], reasons: dict[int, str]) -> NDArray[np.float64]:
    given = list(map(_value, metrics))
    if {float, int}.issuperset(map(type, given)):
        try:
            return np.array(given, np.float64)
        except OverflowError:  # an int that is too large: found below
            pass
    return np.fromiter((_number(row, value, reasons) for row, value in enumerate(given)), np.float64, len(given))


def _number(row: int, given: Any, reasons: dict[int, str]) -> float:
    """What `float` makes of it, as in 1.1 (Decimal, numpy's numbers, "12.5"); but a truth value is no number."""
    value = plain(given)
    try:
        return float("nan") if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        reasons.setdefault(row, _value_refusal(given))
        return 0.0


def _timestamps(metrics: Sequence[Metric], reasons: dict[int, str]) -> NDArray[np.int64]:
    """Microseconds since 1970."""
    given = list(map(_timestamp, metrics))
    if {datetime}.issuperset(map(type, given)) and {UTC}.issuperset(map(_tzinfo, given)):
        # In floats a second has more than microseconds until 2106, so rounding finds each of them again.
        seconds = np.fromiter(map(datetime.timestamp, given), np.float64, len(given))
        return np.rint(seconds * 1e6).astype(np.int64)
    return np.fromiter((_microseconds(row, moment, reasons) for row, moment in enumerate(given)), np.int64, len(given))


def _microseconds(row: int, given: Any, reasons: dict[int, str]) -> int:
    try:
        if isinstance(given, str):
            given = _from_iso(given)
        moment = as_utc(given, "timestamp", stacklevel=_WRITER) if is_moment(given) else given
        return SharedMetric("unknown", 0.0, moment).timestamp_us
    except MetricError as exc:
        reasons.setdefault(row, str(exc))
        return 0


def _from_iso(text: str) -> datetime | str:
    """The moment that ISO 8601 text means, as 1.1 read it; the text itself where it is none."""
    try:
        return datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        return text


def _value_refusal(given: Any) -> str:
    return f"value {given!r} is a {type(given).__name__} and no finite number: correct it, or leave the metric out"


def _time_refusal(moment: datetime) -> str:
    try:
        SharedMetric("unknown", 0.0, moment)
    except MetricError as exc:
        return str(exc)
    raise AssertionError(f"the common format takes {moment}")


def _label_refusal(metric: Metric) -> str:
    try:
        sample(metric.name, metric.metadata)
    except MetricError as exc:
        return str(exc)
    raise AssertionError(f"the common format takes {metric!r}")
