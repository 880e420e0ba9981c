"""What a frame says, checked: a row a metric, in columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

import numpy as np

from wattnet.producer._frame_table import NOTHING_US, at_rows
from wattnet.schemas import Metric, MetricError, MetricTimeError, MetricValueError
from wattnet.schemas.columns import knowledge_times_refused, timestamps_refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows that follow each other."""

    series: NDArray[np.intp]
    """Each row's place in Rows.series."""
    value: NDArray[np.float64]
    """NaN withdraws."""
    timestamp_us: NDArray[np.int64]
    knowledge_time_us: NDArray[np.int64] | None
    """NOTHING_US where the row says none; None when no row says one."""


class Rows(Protocol):
    """All rows of a frame that are to be sent, in its order."""

    @property
    def series(self) -> Sequence[Metric]:
        """A metric for each series and quality; its own value and times mean nothing."""

    @property
    def count(self) -> int: ...

    def windows(self, size: int) -> Iterator[Window]:
        """All rows, some `size` of them at a time."""


@dataclass(frozen=True, slots=True)
class LongRows:
    """Of a tidy frame."""

    series: Sequence[Metric]
    rows: Window
    numbers: NDArray[np.intp] | None = None
    """Each row's number in the frame; None where all of its rows are here."""

    @property
    def count(self) -> int:
        return len(self.rows.series)

    def windows(self, size: int) -> Iterator[Window]:
        rows = self.rows
        for start in range(0, self.count, size):
            part = slice(start, start + size)
            known = rows.knowledge_time_us
            yield Window(
                rows.series[part],
                rows.value[part],
                rows.timestamp_us[part],
                None if known is None else known[part],
            )


@dataclass(frozen=True, slots=True)
class WideRows:
    """Of a wide frame: time by time, and each time's values in the order of the columns."""

    series: Sequence[Metric]
    timestamp_us: NDArray[np.int64]
    values: NDArray[np.float64]
    """A row a timestamp, a column a series."""
    retract: bool
    """Whether a value that is missing withdraws one, or is no metric."""
    count: int

    def windows(self, size: int) -> Iterator[Window]:
        height = max(1, size // max(1, len(self.series)))
        for start in range(0, len(self.timestamp_us), height):
            values = self.values[start : start + height]
            times, series = np.indices(values.shape, np.intp) if self.retract else np.nonzero(~np.isnan(values))
            times, series = times.ravel(), series.ravel()
            yield Window(series, values[times, series], self.timestamp_us[start : start + height][times], None)


def check_timestamps(timestamp_us: NDArray[np.int64], column: str) -> None:
    """Raises MetricTimeError where there is none, TimeRangeError where Metric does."""
    nothing = timestamp_us == NOTHING_US
    if nothing.any():
        raise at_rows(
            MetricTimeError("timestamp is missing: give every row its time, or leave it out"), column, nothing
        )
    wrong = timestamps_refused(timestamp_us)
    if wrong.any():
        raise at_rows(_time_error(timestamp_us, wrong, "timestamp"), column, wrong)


def check_knowledge_times(knowledge_time_us: NDArray[np.int64]) -> None:
    """Raises TimeRangeError where Metric does."""
    wrong = knowledge_times_refused(knowledge_time_us) & (knowledge_time_us != NOTHING_US)
    if wrong.any():
        raise at_rows(_time_error(knowledge_time_us, wrong, "knowledge_time"), "knowledge_time", wrong)


def check_values(value: NDArray[np.float64], column: str, missing: str) -> None:
    """Raises MetricValueError for an infinity, and for a missing value unless `missing` says what it means."""
    infinite = np.isinf(value)
    if infinite.any():
        raise at_rows(_value_error(value[infinite][0]), column, infinite)
    nothing = np.isnan(value)
    if missing == "raise" and nothing.any():
        raise at_rows(
            MetricValueError(
                "there is no value: leave the row out, or say what it means: missing='skip' sends no metric for it, "
                "missing='retract' withdraws what was sent before"
            ),
            column,
            nothing,
        )


def _time_error(times_us: NDArray[np.int64], wrong: NDArray[np.bool_], argument: str) -> MetricError:
    """What Metric itself says of the first one."""
    moment: datetime = np.datetime64(int(times_us[wrong][0]), "us").item()
    aware = moment.replace(tzinfo=timezone.utc)
    times = {"timestamp": EPOCH, "knowledge_time": None, argument: aware}
    try:
        Metric("unknown", 0.0, times["timestamp"], knowledge_time=times["knowledge_time"])  # type: ignore[arg-type]
    except MetricError as exc:
        return exc
    raise AssertionError(f"Metric takes {argument} {aware}")


def _value_error(value: float) -> MetricError:
    try:
        Metric("unknown", float(value), EPOCH)
    except MetricError as exc:
        return exc
    raise AssertionError(f"Metric takes {value}")
