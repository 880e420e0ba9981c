"""A frame of any library as columns: what reading it asks for, and the errors that name its rows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from wattnet.producer._errors import FrameError
from wattnet.schemas import MetricTimeError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

AnyError = TypeVar("AnyError", bound=Exception)

NOTHING_US = np.iinfo(np.int64).min
"""Stands where a column of times has none; numpy's NaT is the same number."""
_SHOWN_ROWS = 5
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_YEARS_1_TO_9999_S = -62_135_596_800, 253_402_300_799


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of texts: row i says values[codes[i]]; -1 where there is nothing."""

    codes: NDArray[np.intp]
    values: Sequence[Any]

    def at(self, rows: NDArray[np.intp]) -> list[Any]:
        """What these rows say; None where there is nothing."""
        known = [*self.values, None]  # -1 is the last one
        return [known[code] for code in self.codes[rows].tolist()]


class Table(Protocol):
    """Columns are named by their place, for names may repeat."""

    count: int
    """Rows."""
    columns: Sequence[Hashable]
    """Each one's name; a tuple where there are several levels."""
    level_names: Sequence[str | None]
    """The names of the levels of the columns."""
    index_name: str | None
    """What errors call an index that holds the times; None when no index does."""

    def times(self, place: int | None) -> NDArray[np.int64]:
        """Microseconds since 1970; None is the index. Raises MetricTimeError."""

    def numbers(self, place: int) -> NDArray[np.float64]:
        """NaN where there is nothing. Raises MetricValueError."""

    def matrix(self, places: Sequence[int]) -> NDArray[np.float64]:
        """`numbers` of several columns, a column each."""

    def coded(self, place: int) -> Coded:
        """Equal values of one type have one code. Raises FrameError for what cannot be a label."""


def table_of(frame: Any) -> Table:
    """Raises FrameError for what is no frame."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        from wattnet.producer._frame_pandas import PandasTable

        return PandasTable(frame)
    if pandas is not None and isinstance(frame, pandas.Series):
        raise FrameError("this is a pandas Series, and a frame is wanted: series.to_frame('value') makes one")
    if polars is not None and isinstance(frame, polars.DataFrame):
        from wattnet.producer._frame_arrow import polars_table

        return polars_table(frame)
    if polars is not None and isinstance(frame, polars.LazyFrame):
        raise FrameError("this is a LazyFrame, which has no rows yet: collect() it first")
    if hasattr(frame, "__arrow_c_stream__"):
        from wattnet.producer._frame_arrow import arrow_table

        return arrow_table(frame)
    raise FrameError(
        f"{type(frame).__name__} is no frame: give a DataFrame of pandas or polars, or a pyarrow Table; "
        "single metrics go through send and send_many"
    )


def side_by_side(table: Table, places: Sequence[int]) -> NDArray[np.float64]:
    """The matrix of these columns."""
    numbers = np.empty((table.count, len(places)), order="F")
    for number, place in enumerate(places):
        numbers[:, number] = table.numbers(place)
    return numbers


def microseconds(ticks: NDArray[np.int64], unit: str, column: str) -> NDArray[np.int64]:
    """`ticks` of `unit` since 1970 as microseconds; what is out of every calendar becomes its first or last second."""
    per_second = _PER_SECOND[unit]
    first, last = (second * per_second for second in _YEARS_1_TO_9999_S)
    if unit == "ns":
        odd = (ticks % 1_000 != 0) & (ticks != NOTHING_US)
        if odd.any():
            raise MetricTimeError(
                f"column {column!r} has nanoseconds, which would be lost: round it first, .round('us') "
                f"({row_numbers(odd)})"
            )
        return np.where(ticks == NOTHING_US, NOTHING_US, ticks // 1_000)
    kept = np.clip(ticks, first, last) * (1_000_000 // per_second)
    return np.where(ticks == NOTHING_US, NOTHING_US, kept)


def no_times(column: str, kind: str) -> MetricTimeError:
    return MetricTimeError(
        f"column {column!r} holds {kind}, which is no time with a zone: convert it first, such as "
        f"pandas.to_datetime(frame[{column!r}], utc=True) (with unit='s' or 'ms' for numbers)"
    )


def row_numbers(where: NDArray[np.bool_]) -> str:
    """The first few rows and how many there are, for errors; rows count from 0."""
    rows = np.flatnonzero(where)
    shown = ", ".join(map(str, rows[:_SHOWN_ROWS].tolist()))
    if len(rows) == 1:
        return f"row {shown}"
    more = f" and {len(rows) - _SHOWN_ROWS:,} more" if len(rows) > _SHOWN_ROWS else ""
    return f"rows {shown}{more}, counted from 0"


def at_rows(error: AnyError, column: str | None, where: NDArray[np.bool_]) -> AnyError:
    """The same error, saying where in the frame it is."""
    place = f"column {column!r}, " if column is not None else ""
    return type(error)(f"{error} ({place}{row_numbers(where)})")
