"""Which column means what, and the metrics of a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import typer

from wattnet.cli._labels import cut, read_pairs
from wattnet.cli._publish._times import BadTimeError, read_time
from wattnet.schemas import (
    ATTRIBUTE_LABEL_NAMES,
    QUALITY_LABEL_NAMES,
    RESAMPLED_COLUMNS,
    AttributeValueError,
    Metric,
    MetricError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

NAME_COLUMNS = ("metric_type", "name")
KNOWLEDGE_TIME = "knowledge_time"
NESTED = ("labels", "attributes")
BOOLS = {"true": True, "false": False}
MAX_KNOWN = 32_768
BUCKETS_ARE_NO_LABELS = (
    "the columns 'count' and 'coverage' of what `wattnet query --resample` prints would be labels here, and each "
    "number a series of its own: leave them out"
)
NO_VALUE = "there is no value: leave the line out where there is none (Producer.retract withdraws a value)"

_Said = tuple["str | None", "dict[str, object]", "dict[str, object] | None"]


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of every line."""

    metric_type: str | None
    labels: Mapping[str, str]
    knowledge_time: datetime | Literal["now"] | None
    """None leaves it to the lines."""
    timestamp_column: str
    value_column: str
    column_label: str | None
    zone: tzinfo | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that cannot be sent; `column` where its line has several."""

    column: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Head:
    """A column that is a series (wide): its metric type, where the head says it, and its labels."""

    metric_type: str | None
    labels: Mapping[str, str]


class Layout:
    """A column a label (tidy: a value a line), or a column a series (wide). Raises BadParameter for what is neither."""

    def __init__(self, columns: Sequence[str] | None, given: Given) -> None:
        self._given = given
        self.series: dict[str, Head] = {}
        """The columns that are series; empty when tidy."""
        self._saying: list[str] | None = None
        self._known: dict[tuple[object, ...], _Said] = {}
        if columns is None:  # JSON lines: each line brings its own
            return
        _require(given.timestamp_column, columns, "--timestamp-column")
        if RESAMPLED_COLUMNS.issubset(columns):
            raise typer.BadParameter(BUCKETS_ARE_NO_LABELS)
        if given.value_column not in columns:
            self.series = {name: self._head(name, columns) for name in columns if self._of_all(name) is None}
        named = [name for name in NAME_COLUMNS if name in columns]
        if given.metric_type and named:
            raise typer.BadParameter(f"the file has a column {named[0]!r}: leave out --metric-type")
        heads = [*self.series.values()] or [Head(None, {})]
        if not given.metric_type and not named and not all(head.metric_type for head in heads):
            raise typer.BadParameter("no column says which metric this is (metric_type): give --metric-type zone_load")
        for name in given.labels:
            if name in columns:
                raise typer.BadParameter(f"the file has a column {name!r}: leave out --label {name}=…")
        silent = {given.timestamp_column, given.value_column, KNOWLEDGE_TIME, *self.series}
        self._saying = [name for name in columns if name not in silent]

    def meaning(self, column: str) -> str:
        """What a column is, in words."""
        if column in self.series:
            head = self.series[column]
            labels = ", ".join(f"{name}={value}" for name, value in head.labels.items())
            return f"the series {head.metric_type or ''}{{{labels}}}"
        return self._of_all(column) or ("value" if column == self._given.value_column else "label")

    def metrics(self, cells: Mapping[str, object]) -> Iterator[Metric | Refused | None]:
        """The metrics of a line; None for each series that has no value there: an empty cell, a null."""
        given = self._given
        try:
            time = cells.get(given.timestamp_column)
            if time is None or time == "":
                raise BadTimeError(f"there is no {given.timestamp_column}: each line needs one")
            timestamp = read_time(time, given.timestamp_column, given.zone)
            knowledge_time = self._known_at(cells.get(KNOWLEDGE_TIME) or None)
            name, metadata, attributes = self._said_of(cells)
        except ValueError as exc:
            yield Refused(None, str(exc))
            return
        heads = self.series or {given.value_column: Head(None, {})}
        for column, head in heads.items():
            try:
                value = _number(cells.get(column), "value" if self.series else column)
                if value is None:
                    yield None if self.series else Refused(None, NO_VALUE)
                    continue
                yield Metric(
                    head.metric_type or name or "",
                    value,
                    timestamp,
                    {**metadata, **head.labels} if head.labels else metadata,
                    knowledge_time=knowledge_time,
                    attributes=attributes,
                )
            except ValueError as exc:
                yield Refused(column if self.series else None, str(exc))

    def _known_at(self, cell: object) -> datetime | None:
        """None is the moment of sending."""
        given = self._given.knowledge_time
        if given is None and cell is not None:
            return read_time(cell, KNOWLEDGE_TIME, self._given.zone)
        return None if given == "now" else given

    def _said_of(self, cells: Mapping[str, object]) -> _Said:
        """As `_said`, once for all lines that say the same."""
        if self._saying is None:
            return self._said(cells)
        key = tuple([cells[name] for name in self._saying])
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            said = self._known[key] = self._said(cells)
            return said
        except TypeError:  # a list, or the like, that is refused later
            return self._said(cells)

    def _said(self, cells: Mapping[str, object]) -> _Said:
        """Name, metadata and attributes that hold for the whole line. An empty cell says nothing."""
        if RESAMPLED_COLUMNS.issubset(cells):
            raise MetricError(BUCKETS_ARE_NO_LABELS)
        given = self._given
        name: object = given.metric_type
        metadata: dict[str, object] = dict(given.labels)
        attributes: dict[str, object] | None = None
        for column, cell in cells.items():
            if cell is None or cell == "" or column in self.series:
                continue
            if column in (given.timestamp_column, given.value_column, KNOWLEDGE_TIME):
                continue
            if column in NAME_COLUMNS:
                name = cell
            elif column == "attributes":
                attributes = _attributes(cell)
            elif column == "labels" and isinstance(cell, dict):
                metadata |= cell
            elif column == "valid" and isinstance(cell, str):
                metadata[column] = BOOLS.get(cell.lower(), cell)
            else:
                metadata[column] = cell
        if name is not None and not isinstance(name, str):
            raise MetricError(f"metric_type {name!r} is a {type(name).__name__}: give a string, such as 'zone_load'")
        if name is None and not self.series:
            raise MetricError("nothing says which metric this is: give --metric-type, or metric_type on each line")
        return name, metadata, attributes

    def _of_all(self, column: str) -> str | None:
        """What a column says of all values of its line; None for a value, a series or a label."""
        if column == self._given.timestamp_column:
            return "timestamp"
        if column in NAME_COLUMNS:
            return "metric type"
        if column == KNOWLEDGE_TIME or column in NESTED:
            return column.replace("_", " ")
        if column in QUALITY_LABEL_NAMES:
            return f"quality: {column}"
        return "attribute" if column in ATTRIBUTE_LABEL_NAMES else None

    def _head(self, column: str, columns: Sequence[str]) -> Head:
        r"""A column's head as a series: `zone_load{zone=ES}`, `zone=ES,unit=MW`, or a value of --column-label."""
        label = self._given.column_label
        if label is not None:
            return Head(None, {label: column})
        name, opened, rest = cut(column, "{")
        try:
            if opened and rest.endswith("}"):
                return Head(name, read_pairs(rest[:-1]))
            if labels := read_pairs(column):
                return Head(None, labels)
        except ValueError:
            pass
        raise typer.BadParameter(
            f"there is no column {self._given.value_column!r} among {_listed(columns)}, and {column!r} is no series: "
            "say with --value-column where the values are; or, for a column a series, with --column-label which label "
            "the heads are values of, or write heads like zone=ES,production_type=solar"
        )


def _require(column: str, columns: Sequence[str], option: str) -> None:
    if column not in columns:
        raise typer.BadParameter(
            f"there is no column {column!r} among {_listed(columns)}: say with {option} which it is"
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns[:20])) + (", …" if len(columns) > 20 else "")


def _attributes(cell: object) -> dict[str, object]:
    """An object of JSON, or its text, as frames and CSV hold it."""
    try:
        attributes = json.loads(cell) if isinstance(cell, str) else cell
    except ValueError:
        attributes = None
    if not isinstance(attributes, dict):
        raise AttributeValueError(f'attributes {cell!r} are no object of JSON: give one, such as {{"run": "7"}}')
    return attributes


def _number(cell: object, column: str) -> float | None:
    """The value in a cell, None where there is none."""
    if isinstance(cell, str):
        text = cell.strip()
        if not text:
            return None
        try:
            # Python's own rules would take 1_000 and digits of other scripts, too.
            return float(text if text.isascii() and "_" not in text else "no number")
        except ValueError as exc:
            raise MetricError(
                f"{column} {cell!r} is no number: write digits with a decimal point, and nothing between thousands"
            ) from exc
    return float(cell) if isinstance(cell, Decimal) else cell  # type: ignore[return-value]  # Metric refuses the rest
