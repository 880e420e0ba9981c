"""What a command prints: named columns and batches of rows, so that an answer of any size passes through."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from wattnet.query import Series

BATCH_ROWS = 10_000
"""As Python's objects a row takes a hundred times its bytes in Arrow."""
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# What a frame has beside labels, and what of it goes without saying on a terminal.
_VALUE_COLUMNS: Mapping[str, object] = {
    "timestamp": None,
    "value": None,
    "valid": True,
    "zone_status": "complete",
    "data_state": "",
    "knowledge_time": None,
    "attributes": "",
}
_SERIES_COLUMNS = ("first_timestamp", "last_timestamp", "last_knowledge_time")


class Kind(Enum):
    """What a column holds, besides None."""

    TIME = "an aware datetime"
    NUMBER = "a float, or an int"
    FLAG = "a bool"
    TEXT = "a string"


@dataclass(frozen=True, slots=True)
class Column:
    """`default` is the value that needs no mention on a terminal; `label` says that it names the series."""

    name: str
    kind: Kind = Kind.TEXT
    default: object = None
    label: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Batches are read once, in order; a row has a value for each column, None where there is none."""

    columns: Sequence[Column]
    batches: Iterable[Sequence[tuple[object, ...]]]


def rows_of_arrow(batches: Iterable[pa.RecordBatch], *, empty: Callable[[], pa.Schema]) -> Rows:
    """An answer as the client gives it; `empty` is asked for its columns when there is no batch."""
    arriving = iter(batches)
    first = next(arriving, None)
    if first is None:
        return Rows([_column(field) for field in empty()], ())
    parts = (
        batch.slice(start, BATCH_ROWS)
        for batch in itertools.chain((first,), arriving)
        for start in range(0, batch.num_rows, BATCH_ROWS)
    )
    return Rows(
        [_column(field) for field in first.schema],
        ([*zip(*map(_cells, part.columns), strict=True)] for part in parts),
    )


def rows_of_series(series: Sequence[Series]) -> Rows:
    """A row a series: its labels, and how far it reaches."""
    names = sorted({name for one in series for name in one.labels})
    columns = [
        *(Column(f"label_{name}" if name in _SERIES_COLUMNS else name, label=True) for name in names),
        *(Column(name, Kind.TIME) for name in _SERIES_COLUMNS),
    ]
    row_of = [
        (*map(one.labels.get, names), one.first_timestamp, one.last_timestamp, one.last_knowledge_time)
        for one in series
    ]
    return Rows(columns, [row_of])


def _column(field: pa.Field) -> Column:
    import pyarrow.types as is_

    if is_.is_timestamp(field.type):
        kind = Kind.TIME
    elif is_.is_boolean(field.type):
        kind = Kind.FLAG
    else:
        kind = Kind.TEXT if is_.is_string(field.type) or is_.is_large_string(field.type) else Kind.NUMBER
    own = field.name in _VALUE_COLUMNS
    return Column(field.name, kind, _VALUE_COLUMNS.get(field.name), label=not own and kind is Kind.TEXT)


def _cells(column: pa.Array) -> list[object]:
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types
    # Times repeat, and pyarrow makes each anew, and slowly.
    us = column.cast(pa.int64()).to_pylist()
    zone = _zone(column.type.tz)
    known = {one: (EPOCH + timedelta(microseconds=one)).astimezone(zone) for one in {*us} - {None}}
    return [known.get(one) for one in us]


def _zone(name: str | None) -> tzinfo:
    from zoneinfo import ZoneInfo

    return timezone.utc if name in (None, "UTC") else ZoneInfo(name)
