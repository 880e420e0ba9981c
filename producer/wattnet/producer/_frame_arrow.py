"""A pyarrow Table as columns, what becomes one without a copy, and a polars DataFrame, whose columns do."""

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
        return _PolarsTable(frame)


def arrow_table(frame: Any) -> Table:
    """Raises FrameError without pyarrow."""
    with _needs_pyarrow(frame):
        import pyarrow as pa
    return _PyarrowTable(pa.table(frame))


@contextmanager
def _needs_pyarrow(frame: Any) -> Iterator[None]:
    try:
        yield
    except ImportError as exc:
        raise FrameError(
            f"a {type(frame).__name__} is read by pyarrow, which is not installed: "
            "pip install 'wattnet-storage[polars]'"
        ).caused_by(exc) from None


class _ArrowColumns:
    """A table whose columns are Arrow's, each when it is asked for: a wide table has thousands."""

    def __init__(self, count: int, columns: Sequence[Hashable]) -> None:
        import pyarrow as pa

        self.count = count
        self.columns = columns
        self.level_names: Sequence[str | None] = [None]
        self.index_name: str | None = None
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
        if self._says_one_thing(given):
            return Coded(np.zeros(len(given), np.intp), [given[0].as_py()])
        try:
            encoded = given if self._pa.types.is_dictionary(given.type) else given.dictionary_encode()
        except (self._pa.ArrowNotImplementedError, self._pa.ArrowInvalid) as exc:
            raise FrameError(
                f"column {self.columns[place]!r} holds {given.type}: give strings, bools or ints "
                "(attributes as JSON text)"
            ).caused_by(exc) from None
        codes = encoded.indices.cast(self._pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
        return Coded(codes, encoded.dictionary.to_pylist())

    def _says_one_thing(self, given: Any) -> bool:
        """The same text in every row, as is usual for a unit: looking takes a quarter of the time of encoding it."""
        types = self._pa.types
        if not len(given) or given.null_count or not (types.is_string(given.type) or types.is_large_string(given.type)):
            return False
        import pyarrow.compute as pc

        return bool(given[0] == given[-1] and pc.all(pc.equal(given, given[0])).as_py())

    def _column(self, place: int) -> Any:
        """An Arrow array."""
        raise NotImplementedError


class _PyarrowTable(_ArrowColumns):
    def __init__(self, table: Any) -> None:
        super().__init__(table.num_rows, table.column_names)
        self._table = table

    def matrix(self, places: Sequence[int]) -> NDArray[np.float64]:
        numbers = self._table.select(places)
        if not self.count or not places or any(kind != self._pa.float64() for kind in numbers.schema.types):
            return super().matrix(places)
        tensor = numbers.combine_chunks().to_batches()[0].to_tensor(null_to_nan=True, row_major=False)
        matrix: NDArray[np.float64] = tensor.to_numpy()
        return matrix

    def _column(self, place: int) -> Any:
        column = self._table.column(place).combine_chunks()
        if isinstance(column, self._pa.ChunkedArray):  # where there are no rows, or they do not fit one chunk
            column = self._pa.concat_arrays(column.chunks) if column.num_chunks else self._pa.array([], column.type)
        return column


class _PolarsTable(_ArrowColumns):
    def __init__(self, frame: pl.DataFrame) -> None:
        import polars as pl

        super().__init__(frame.height, frame.columns)
        self._frame = frame
        self._pl = pl

    def matrix(self, places: Sequence[int]) -> NDArray[np.float64]:
        numbers = self._frame[:, list(places)]
        if not places or any(kind != self._pl.Float64 for kind in numbers.dtypes):
            return super().matrix(places)
        return numbers.to_numpy(order="fortran")

    def _column(self, place: int) -> Any:
        # On the way to Arrow names are C's strings: one with a zero byte would end the process.
        series = self._frame.to_series(place).alias("")
        # Of Arrow's newer forms of text, pyarrow takes some only in some versions.
        return series.to_arrow(compat_level=self._pl.CompatLevel.oldest())
