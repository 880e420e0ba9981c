"""A pyarrow Table as columns, and what becomes one without a copy: a polars DataFrame, and others."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.producer._errors import FrameError
from wattnet.producer._frame_table import NOTHING_US, Coded, Table, microseconds, no_times, side_by_side
from wattnet.schemas import MetricValueError, NaiveTimeError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    import polars as pl
    from numpy.typing import NDArray


def polars_table(frame: pl.DataFrame) -> Table:
    """Raises FrameError without pyarrow."""
    with _needs_pyarrow(frame):
        import pyarrow as pa
    import polars as pl

    # On the way to Arrow names are C's strings: one with a zero byte would end the process.
    numbered = frame.clone()
    numbered.columns = [str(place) for place in range(frame.width)]
    # Of Arrow's newer forms of text, pyarrow takes some only in some versions.
    table = _ArrowTable(pa.table(numbered.to_arrow(compat_level=pl.CompatLevel.oldest())))
    table.columns = frame.columns
    return table


def arrow_table(frame: Any) -> Table:
    """Raises FrameError without pyarrow."""
    with _needs_pyarrow(frame):
        import pyarrow as pa
    return _ArrowTable(pa.table(frame))


@contextmanager
def _needs_pyarrow(frame: Any) -> Iterator[None]:
    try:
        yield
    except ImportError as exc:
        raise FrameError(
            f"a {type(frame).__name__} is read by pyarrow, which is not installed: "
            "pip install 'wattnet-storage[polars]'"
        ) from exc


class _ArrowTable:
    def __init__(self, table: Any) -> None:
        import pyarrow as pa

        self.count: int = table.num_rows
        self.columns: Sequence[Hashable] = table.column_names
        self.level_names: Sequence[str | None] = [None]
        self.index_name: str | None = None
        self._table = table
        self._pa = pa

    def times(self, place: int | None) -> NDArray[np.int64]:
        if place is None:
            raise FrameError("an Arrow table has no index")
        column, given = str(self.columns[place]), self._column(place)
        if not self._pa.types.is_timestamp(given.type):
            raise no_times(column, str(given.type))
        if given.type.tz is None:
            raise NaiveTimeError(
                f"column {column!r} has no UTC offset, so it could mean any zone's clock: attach the zone that it is "
                "in, with polars .dt.replace_time_zone('UTC'), with pyarrow compute.assume_timezone(column, 'UTC')"
            )
        ticks = given.cast(self._pa.int64()).fill_null(int(NOTHING_US))
        return microseconds(ticks.to_numpy(zero_copy_only=False), given.type.unit, column)

    def numbers(self, place: int) -> NDArray[np.float64]:
        numbers: NDArray[np.float64]
        if self._table.schema.field(place).type == self._pa.float64():  # usual, and there may be thousands of columns
            numbers = self._table.column(place).to_numpy()
            return numbers
        given, types = self._column(place), self._pa.types
        if types.is_dictionary(given.type):
            given = given.dictionary_decode()
        if types.is_null(given.type):
            return np.full(len(given), np.nan)
        if not (types.is_integer(given.type) or types.is_floating(given.type)):
            raise MetricValueError(
                f"column {self.columns[place]!r} holds {given.type} and no numbers: "
                "cast it to float64 first, or drop it"
            )
        numbers = given.cast(self._pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers

    def matrix(self, places: Sequence[int]) -> NDArray[np.float64]:
        return side_by_side(self, places)

    def coded(self, place: int) -> Coded:
        given = self._column(place)
        if self._pa.types.is_null(given.type):
            return Coded(np.full(len(given), -1, np.intp), [])
        try:
            encoded = given if self._pa.types.is_dictionary(given.type) else given.dictionary_encode()
        except (self._pa.ArrowNotImplementedError, self._pa.ArrowInvalid) as exc:
            raise FrameError(
                f"column {self.columns[place]!r} holds {given.type}: give strings, bools or ints "
                "(attributes as JSON text)"
            ) from exc
        codes = encoded.indices.cast(self._pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
        return Coded(codes, encoded.dictionary.to_pylist())

    def _column(self, place: int) -> Any:
        column = self._table.column(place).combine_chunks()
        if isinstance(column, self._pa.ChunkedArray):  # where there are no rows, or they do not fit one chunk
            column = self._pa.concat_arrays(column.chunks) if column.num_chunks else self._pa.array([], column.type)
        return column
