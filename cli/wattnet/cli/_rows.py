"""What a command prints: named columns and batches of rows, so that an answer of any size passes through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wattnet.query import Series
    from wattnet.schemas import Metric

BATCH_ROWS = 10_000
# A label may be named like one of these in what other languages' producers sent; then it is label_<name>.
_VALUE_COLUMNS = ("timestamp", "value", "valid", "zone_status", "data_state", "knowledge_time")
_SERIES_COLUMNS = ("first_timestamp", "last_timestamp", "last_knowledge_time")


class Kind(Enum):
    """What a column holds, besides None."""

    TIME = "an aware datetime"
    NUMBER = "a float"
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


def rows_of_metrics(metrics: Sequence[Metric]) -> Rows:
    """As a frame has them: timestamp, value, one column per label, valid, zone_status, data_state, knowledge_time."""
    names = sorted({name for metric in metrics for name in metric.labels})
    columns = [
        Column("timestamp", Kind.TIME),
        Column("value", Kind.NUMBER),
        *(Column(_beside(name, _VALUE_COLUMNS), label=True) for name in names),
        Column("valid", Kind.FLAG, default=True),
        Column("zone_status", default="complete"),
        Column("data_state", default=""),
        Column("knowledge_time", Kind.TIME),
    ]
    return Rows(
        columns,
        (
            [
                (
                    metric.timestamp,
                    metric.value,
                    *map(metric.labels.get, names),
                    metric.valid,
                    metric.zone_status,
                    metric.data_state,
                    metric.knowledge_time,
                )
                for metric in metrics[first : first + BATCH_ROWS]
            ]
            for first in range(0, len(metrics), BATCH_ROWS)
        ),
    )


def rows_of_series(series: Sequence[Series]) -> Rows:
    """A row a series: its labels, and how far it reaches."""
    names = sorted({name for one in series for name in one.labels})
    columns = [
        *(Column(_beside(name, _SERIES_COLUMNS), label=True) for name in names),
        *(Column(name, Kind.TIME) for name in _SERIES_COLUMNS),
    ]
    return Rows(
        columns,
        [
            [
                (*map(one.labels.get, names), one.first_timestamp, one.last_timestamp, one.last_knowledge_time)
                for one in series
            ]
        ],
    )


def _beside(label: str, columns: Sequence[str]) -> str:
    return f"label_{label}" if label in columns else label
