"""A pandas DataFrame as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wattnet.producer._errors import FrameError
from wattnet.producer._frame_table import NOTHING_US, Coded, at_rows, microseconds, no_times, side_by_side
from wattnet.schemas import Metric, MetricError, MetricValueError, NaiveTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

_EPOCH = pd.Timestamp(0, tz="UTC").to_pydatetime()
# Columns of Python objects of which equal ones are of one type: True == 1 == 1.0, and they are different labels.
_ONE_TYPE = frozenset({"string", "boolean", "integer", "empty"})


class PandasTable:
    def __init__(self, frame: pd.DataFrame) -> None:
        index: Any = frame.index
        holds_times = isinstance(index, pd.DatetimeIndex) or index.name == "timestamp"
        if not holds_times and (isinstance(index, pd.MultiIndex) or index.name is not None or not _numbers_rows(index)):
            called = index.names if isinstance(index, pd.MultiIndex) else index.name or type(index).__name__
            raise FrameError(
                f"the index {called!r} is neither times with a zone (a DatetimeIndex) nor a count of rows: "
                "reset_index() makes columns of it, reset_index(drop=True) leaves it out"
            )
        self.count = len(frame)
        self.columns: Sequence[Hashable] = [_plain_header(header) for header in frame.columns]
        self.level_names: Sequence[str | None] = [None if name is None else str(name) for name in frame.columns.names]
        self.index_name = str(index.name or "index") if holds_times else None
        self._frame = frame

    def times(self, place: int | None) -> NDArray[np.int64]:
        column = self.index_name or "index" if place is None else str(self.columns[place])
        given: Any = self._frame.index if place is None else self._frame.iloc[:, place]
        if isinstance(given.dtype, pd.ArrowDtype) and given.dtype.kind == "M":
            kind = given.dtype.pyarrow_dtype
            given = given.astype(pd.DatetimeTZDtype(kind.unit, kind.tz) if kind.tz else f"datetime64[{kind.unit}]")
        if isinstance(given.dtype, pd.DatetimeTZDtype):
            moments = pd.DatetimeIndex(given)
            return microseconds(moments.asi8, moments.unit, column)
        if given.dtype.kind == "M":
            raise NaiveTimeError(
                f"column {column!r} has no UTC offset, so it could mean any zone's clock: attach the zone that it is "
                "in, such as .tz_localize('UTC') or .tz_localize('Europe/Madrid') (.dt.tz_localize for a column)"
            )
        if (kind := _kind(given)) != "object":
            raise no_times(column, kind)
        timestamp_us: NDArray[np.int64] = _each(given, column, np.int64, NOTHING_US, _timestamp_us)
        return timestamp_us

    def numbers(self, place: int) -> NDArray[np.float64]:
        given = self._frame.iloc[:, place]
        numbers: NDArray[np.float64]
        kind = _kind(given)
        if kind == "object":
            numbers = _each(given, str(self.columns[place]), np.float64, np.nan, _value)
            return numbers
        if given.dtype.kind not in "iuf":
            raise MetricValueError(
                f"column {self.columns[place]!r} holds {kind} and no numbers: convert it first, such as "
                ".astype('float64'), or drop it"
            )
        return given.to_numpy(np.float64, na_value=np.nan)

    def matrix(self, places: Sequence[int]) -> NDArray[np.float64]:
        frame = self._frame
        # All at once where all are alike: looking at one column costs as much as a thousand of its numbers.
        if (frame.dtypes == np.float64).all():
            numbers = frame.to_numpy()
            return numbers if len(places) == numbers.shape[1] else numbers[:, places]
        return side_by_side(self, places)

    def coded(self, place: int) -> Coded:
        given: Any = self._frame.iloc[:, place]
        if given.dtype == object and pd.api.types.infer_dtype(given, skipna=True) not in _ONE_TYPE:
            return self._coded_by_type(given, place)
        if _says_one_thing(given):
            return Coded(np.zeros(len(given), np.intp), [given.iloc[0]])
        codes, values = pd.factorize(given)
        return Coded(codes, [_plain(value) for value in pd.Index(values).tolist()])

    def _coded_by_type(self, given: Any, place: int) -> Coded:
        numbers: dict[tuple[type, Any], int] = {}
        codes = np.full(len(given), -1, np.intp)
        for row, value in enumerate(given.tolist()):
            plain = _plain(value)
            if plain is None:
                continue
            try:
                codes[row] = numbers.setdefault((type(plain), plain), len(numbers))
            except TypeError as exc:  # not hashable
                raise FrameError(
                    f"column {self.columns[place]!r} holds a {type(plain).__name__} in row {row}: "
                    "give strings, bools or ints (attributes as JSON text)"
                ).caused_by(exc) from None
        return Coded(codes, [value for _, value in numbers])


def _numbers_rows(index: pd.Index[Any]) -> bool:
    return len(index) == 0 or index.dtype.kind in "iu"


def _kind(given: Any) -> str:
    """The type in pandas' words; before pandas 3, text was kept as objects."""
    if given.dtype == object and pd.api.types.infer_dtype(given, skipna=True) == "string":
        return "str"
    return str(given.dtype)


def _says_one_thing(given: Any) -> bool:
    """The same text in every row, as is usual for a unit: looking takes a third of the time of encoding it."""
    if not isinstance(given.dtype, pd.StringDtype) or not len(given):
        return False
    first, last = given.iloc[0], given.iloc[-1]
    # Counted, for all() leaves out what is missing.
    return isinstance(first, str) and isinstance(last, str) and first == last and (given == first).sum() == len(given)


def _each(given: Any, column: str, dtype: type[np.generic], nothing: Any, convert: Callable[[Any], Any]) -> Any:
    """Python objects one by one, each by Metric's rules."""
    converted = np.full(len(given), nothing, dtype)
    wrong = np.zeros(len(given), np.bool_)
    first: MetricError | None = None
    for row, value in enumerate(given.tolist()):
        if _plain(value) is None:
            continue
        try:
            converted[row] = convert(value)
        except MetricError as exc:
            first = first or exc
            wrong[row] = True
    if first is not None:
        raise at_rows(first, column, wrong).caused_by(first) from None
    return converted


def _timestamp_us(moment: datetime) -> int:
    return Metric("unknown", 0.0, moment).timestamp_us


def _value(value: Any) -> float | None:
    return Metric("unknown", _plain(value), _EPOCH).value


def _plain_header(header: Any) -> Hashable:
    return tuple(map(_plain, header)) if isinstance(header, tuple) else _plain(header)


def _plain(value: Any) -> Any:
    """Without numpy's types; None for pandas' ways to say that there is nothing."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    return value.item() if isinstance(value, np.generic) else value
