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
VALUE = "value"
NESTED = ("labels", "attributes")
BOOLS = {"true": True, "false": False}
MAX_KNOWN = 32_768
BUCKETS_ARE_NO_LABELS = (
    "the columns 'count' and 'coverage' of what `wattnet query --resample` prints would be labels here, and each "
    "number a series of its own: leave them out"
)
NO_VALUE = "there is no {!r} on it: give the number, or null where there is none"

_Said = tuple["str | None", "dict[str, object]", "dict[str, object] | None"]
"""Name, metadata and attributes."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of every line."""

    metric_type: str | None
    labels: Mapping[str, str]
    knowledge_time: datetime | Literal["now"] | None
    """None leaves it to the lines."""
    timestamp_column: str
    value_column: str | None
    """None where the command line does not name one: then it is `value`, if the file has values in one column."""
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


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a line has a value, and what it says of it; or why it cannot be sent."""

    column: str
    metric_type: str | None
    metadata: Mapping[str, object]
    problem: str | None = None


class Layout:
    """A column a label (tidy: a value a line), or a column a series (wide). Raises BadParameter for what is neither."""

    def __init__(self, columns: Sequence[str] | None, given: Given) -> None:
        self._given = given
        self._value_column = given.value_column or VALUE
        self.series: dict[str, Head] = {}
        """The columns that are series; empty when tidy."""
        self._saying: list[str] | None = None
        self._known: dict[tuple[object, ...], _Said] = {}
        self._said_before: _Said | None = None
        self._values: Sequence[_Value] = ()
        if columns is None:  # JSON lines: each line brings its own
            if given.column_label is not None:
                raise typer.BadParameter("JSON lines have no heads: leave out --column-label")
            return
        _require(given.timestamp_column, columns, "--timestamp-column")
        if given.value_column is not None:
            _require(given.value_column, columns, "--value-column")
        if RESAMPLED_COLUMNS.issubset(columns):
            raise typer.BadParameter(BUCKETS_ARE_NO_LABELS)
        for name in columns:
            if name != name.strip() and name not in (given.timestamp_column, given.value_column):
                raise typer.BadParameter(f"the head {name!r} has blanks around it: strip them")
        if self._value_column not in columns:
            self.series = {name: self._head(name, columns) for name in columns if self._of_all(name) is None}
        elif given.column_label is not None:
            raise typer.BadParameter(
                f"the file has a column {self._value_column!r}, so it has a value a line, and --column-label says that "
                "it has a column a series: leave out --column-label, or rename the column"
            )
        named = any(name in columns for name in NAME_COLUMNS)
        heads = [*self.series.values()] or [Head(None, {})]
        if not given.metric_type and not named and not all(head.metric_type for head in heads):
            raise typer.BadParameter("no column says which metric this is (metric_type): give --metric-type zone_load")
        silent = {given.timestamp_column, self._value_column, KNOWLEDGE_TIME, *self.series}
        self._saying = [name for name in columns if name not in silent]

    def meaning(self, column: str) -> str:
        """What a column is, in words."""
        if column in self.series:
            head = self.series[column]
            labels = ", ".join(f"{name}={value}" for name, value in head.labels.items())
            return f"the series {head.metric_type or ''}{{{labels}}}"
        return self._of_all(column) or ("value" if column == self._value_column else "label")

    def metrics(self, cells: Mapping[str, object]) -> Iterator[Metric | Refused | None]:
        """The metrics of a line; None for each series that has no value there: an empty cell, a null."""
        given = self._given
        try:
            time = cells.get(given.timestamp_column)
            if time is None or time == "":
                raise BadTimeError(f"there is no {given.timestamp_column}: each line needs one")
            timestamp = read_time(time, given.timestamp_column, given.zone)
            knowledge_time = self._known_at(cells.get(KNOWLEDGE_TIME) or None)
            said = self._said_of(cells)
        except ValueError as exc:
            yield Refused(None, str(exc))
            return
        for value in self._values_of(said):
            try:
                if value.problem is not None:
                    raise MetricError(value.problem)
                if value.column not in cells:  # a line of JSON
                    raise MetricError(NO_VALUE.format(value.column))
                number = _number(cells[value.column], VALUE if self.series else value.column)
                if number is None:
                    yield None
                    continue
                yield Metric(
                    value.metric_type or "",
                    number,
                    timestamp,
                    value.metadata,
                    knowledge_time=knowledge_time,
                    attributes=said[2],
                )
            except ValueError as exc:
                yield Refused(value.column if self.series else None, str(exc))

    def _values_of(self, said: _Said) -> Sequence[_Value]:
        """Where a line has values, and what it and their heads say of each."""
        name, metadata, _ = said
        if not self.series:
            return [_Value(self._value_column, name, metadata)]
        if said is not self._said_before:
            self._said_before, self._values = said, [self._value(said, *series) for series in self.series.items()]
        return self._values

    def _value(self, said: _Said, column: str, head: Head) -> _Value:
        name, metadata, _ = said
        try:
            whole = _merged(metadata, head.labels, "the line", "the head")
            return _Value(column, _one_name(name, head.metric_type, "the line", "the head"), whole)
        except MetricError as exc:
            return _Value(column, None, {}, str(exc))

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
        name: str | None = None
        metadata: dict[str, object] = {}
        attributes: dict[str, object] | None = None
        for column, cell in cells.items():
            if cell is None or cell == "" or column in self.series:
                continue
            if column in (self._given.timestamp_column, self._value_column, KNOWLEDGE_TIME):
                continue
            if column in NAME_COLUMNS:
                name = _one_name(name, cell, "one column", "another")
            elif column == "attributes":
                attributes = _attributes(cell)
            elif column == "labels" and isinstance(cell, dict):
                metadata = _merged(metadata, cell, "a column", "'labels'")
            elif column == "valid" and isinstance(cell, str):
                metadata = _merged(metadata, {column: BOOLS.get(cell.lower(), cell)}, "'labels'", "a column")
            else:
                metadata = _merged(metadata, {column: cell}, "'labels'", "a column")
        name = _one_name(name, self._given.metric_type, "the file", "--metric-type")
        if name is None and not self.series:
            raise MetricError("nothing says which metric this is: give --metric-type, or metric_type on each line")
        return name, _merged(metadata, self._given.labels, "the file", "--label"), attributes

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
        head = self._read_head(column, columns)
        try:
            _one_name(head.metric_type, self._given.metric_type, f"the head {column!r}", "--metric-type")
            _merged(head.labels, self._given.labels, f"the head {column!r}", "--label")
        except MetricError as exc:
            raise typer.BadParameter(str(exc)) from None
        return head

    def _read_head(self, column: str, columns: Sequence[str]) -> Head:
        label = self._given.column_label
        if label is not None:
            return Head(None, {label: column})
        name, opened, rest = cut(column, "{")
        try:
            if opened and rest.endswith("}"):
                return Head(name or None, read_pairs(rest[:-1]))
            if labels := read_pairs(column):
                return Head(None, labels)
        except ValueError:
            pass
        raise typer.BadParameter(
            f"there is no column {self._value_column!r} among {_listed(columns)}, and {column!r} is no series: "
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


def _one_name(name: str | None, other: object, where: str, elsewhere: str) -> str | None:
    """The metric type that either of them gives. Raises MetricError where they differ, and for what is no string."""
    if other is not None and not isinstance(other, str):
        raise MetricError(f"metric_type {other!r} is a {type(other).__name__}: give a string, such as 'zone_load'")
    if name is None or other is None or name == other:
        return other if name is None else name
    raise MetricError(
        f"metric_type is {name!r} in {where} and {other!r} in {elsewhere}: give it once, or the same in both"
    )


def _merged(
    labels: Mapping[str, object], others: Mapping[str, object], where: str, elsewhere: str
) -> dict[str, object]:
    """The labels of both, where an empty one gives nothing. Raises MetricError for one that they give differently."""
    merged = dict(labels)
    for name, value in others.items():
        if value is None or value == "":
            continue
        earlier = merged.setdefault(name, value)
        if earlier is not value and _as_written(earlier) != _as_written(value):
            raise MetricError(
                f"{name!r} is {earlier!r} in {where} and {value!r} in {elsewhere}: give it once, or the same in both"
            )
    return merged


def _as_written(value: object) -> object:
    """A label's value as its text: true and 'true' are one, 2025 and '2025', but not 1 and true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


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
            ).caused_by(exc) from None
    return float(cell) if isinstance(cell, Decimal) else cell  # type: ignore[return-value]  # Metric refuses the rest
