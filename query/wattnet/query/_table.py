"""Findings as rows of one kind: a list of frozen dataclasses that is a frame, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    import pandas as pd
    import polars as pl
    import pyarrow as pa

Row = TypeVar("Row")

# By the annotation of a field: the type of its column in pandas and in Arrow. None is null, NaN or NaT there.
_TYPES = {
    "datetime": ("datetime64[us, UTC]", "timestamp"),
    "timedelta": ("timedelta64[us]", "duration"),
    "float": ("float64", "float64"),
    "int": ("int64", "int64"),
    "int | None": ("Int64", "int64"),
    "str": (None, "string"),
}


class Table(Sequence[Row], Generic[Row]):
    """What `Query.gaps`, `Client.balance`, `changed_since` and their like return; reading it asks nothing any more.

    In a frame the fields of a row are the columns, and `labels` is a column for each label, sorted by name (null where
    a row lacks it). Times are in the zone that was asked for, in rows too.
    """

    __slots__ = ("_kind", "_rows", "_zone")

    def __init__(self, kind: type[Row], rows: Sequence[Row], zone: tzinfo) -> None:
        self._kind = kind
        self._rows = rows
        self._zone = zone

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Table[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Table[Row]:
        if isinstance(index, slice):
            return Table(self._kind, self._rows[index], self._zone)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def to_list(self) -> list[Row]:
        """The rows."""
        return list(self._rows)

    def to_pandas(self) -> pd.DataFrame:
        """A RangeIndex; counts that may be unknown as Int64."""
        import pandas as pd

        columns: dict[str, pd.Series[Any]] = {}
        usual = pd.Series([""]).dtype  # object in pandas 2, str in pandas 3
        for name, kind, values in self._columns():
            column = pd.Series(values, dtype=_TYPES[kind][0] or usual)
            columns[name] = column.dt.tz_convert(_name(self._zone)) if kind == "datetime" else column
        return pd.DataFrame(columns)

    def to_polars(self) -> pl.DataFrame:
        """Times as Datetime("us", zone), lengths of time as Duration("us")."""
        from wattnet.query._frames import EXTRA, needs

        with needs("polars", EXTRA):
            import polars as pl
        types: dict[str, Any] = {
            "timestamp": pl.Datetime("us", _name(self._zone)),
            "duration": pl.Duration("us"),
            "float64": pl.Float64,
            "int64": pl.Int64,
            "string": pl.String,
        }
        return pl.DataFrame(
            {name: pl.Series(values, dtype=types[_TYPES[kind][1]]) for name, kind, values in self._columns()}
        )

    def to_arrow(self) -> pa.Table:
        """Times as timestamp[us, zone], lengths of time as duration[us]."""
        from wattnet.query._frames import EXTRA, needs

        with needs("pyarrow", EXTRA):
            import pyarrow as pa
        types = {
            "timestamp": pa.timestamp("us", _name(self._zone)),
            "duration": pa.duration("us"),
            "float64": pa.float64(),
            "int64": pa.int64(),
            "string": pa.string(),
        }
        return pa.table({name: pa.array(values, types[_TYPES[kind][1]]) for name, kind, values in self._columns()})

    def __repr__(self) -> str:
        return f"<Table of {len(self._rows):,} {self._kind.__name__}>"

    def _repr_html_(self) -> str:
        html: str = self[:20].to_pandas().to_html(index=False)
        return html if len(self) <= 20 else f"{html}<p>the first 20 of {len(self):,} rows</p>"

    def _columns(self) -> Iterator[tuple[str, str, list[Any]]]:
        """Name, kind and values of each."""
        own = {field.name for field in fields(self._kind)}  # type: ignore[arg-type]  # rows are dataclasses
        for field in fields(self._kind):  # type: ignore[arg-type]  # as above
            values = [getattr(row, field.name) for row in self._rows]
            if field.name == "labels":
                labels: list[Mapping[str, str]] = values
                for label in sorted({label for row in labels for label in row}):
                    yield f"label_{label}" if label in own else label, "str", [row.get(label) for row in labels]
            else:
                kind = str(field.type)
                yield field.name, kind if kind in _TYPES else kind.removesuffix(" | None"), values


def _name(zone: tzinfo) -> str:
    return getattr(zone, "key", "UTC")
