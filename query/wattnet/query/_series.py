"""Which series exist, and which of them a question means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.query._errors import UnknownLabelError, UnknownNameError
from wattnet.schemas import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from wattnet.query._database import Database


MAX_SERIES = 1_000
"""In one statement. It bounds what ClickHouse groups at once, and what travels as parameters."""
MAX_ZONE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Series:
    """One series and how far it reaches: every revision counts, retracted values too. Times are aware UTC."""

    name: str
    labels: Mapping[str, str]
    first_timestamp: datetime
    last_timestamp: datetime
    last_knowledge_time: datetime


@dataclass(frozen=True, slots=True)
class Match:
    """A series that a question means, as the tables name it."""

    series_id: int
    zone: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matches:
    """All series that a question means, by zone, then by their other labels; and the label columns of its answer.

    The columns are the union of the series' labels, sorted; of all labels known for the name where no series matches.
    """

    name: str
    series: Sequence[Match]
    label_names: Sequence[str]

    def pieces(self) -> Iterator[Piece]:
        """The series in the parts in which they are asked for."""
        first, zone_bytes = 0, 0
        for number, match in enumerate(self.series):
            size = len(match.zone.encode()) + 3
            if number - first == MAX_SERIES or (number > first and zone_bytes + size > MAX_ZONE_BYTES):
                yield Piece(self.series[first:number], tuple(range(first, number)))
                first, zone_bytes = number, 0
            zone_bytes += size
        if first < len(self.series):
            yield Piece(self.series[first:], tuple(range(first, len(self.series))))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the series of a question, with the place of each in its answer."""

    series: Sequence[Match]
    positions: Sequence[int]

    def without(self, positions: Collection[int]) -> Piece:
        """The series at other places than these."""
        kept = [number for number, position in enumerate(self.positions) if position not in positions]
        return Piece([self.series[number] for number in kept], [self.positions[number] for number in kept])


def names(database: Database) -> list[str]:
    """Every metric name under which something is stored, sorted."""
    return [name for (name,) in database.rows("SELECT DISTINCT name FROM series ORDER BY name", {})]


def find_matches(database: Database, name: str, labels: Mapping[str, Sequence[str]]) -> Matches:
    """The series of `name` that have one of the wanted values for each label.

    A value that no series has matches nothing. Raises UnknownNameError and UnknownLabelError.
    """
    where, parameters = condition(name, labels)
    # A series stands here once for every insert that is not merged yet, always with the same labels.
    rows = database.rows(
        f"SELECT s.series_id, any(s.zone), any(s.labels) FROM series AS s WHERE {where} GROUP BY s.series_id",  # noqa: S608  fixed text and numbered parameters
        parameters,
    )
    if not rows:
        return Matches(name, (), known_labels(database, name, labels))
    series = [Match(int(id_), zone, dict(sorted(found.items()))) for id_, zone, found in rows]
    series.sort(key=lambda match: (match.zone, tuple(match.labels.items())))
    return Matches(name, series, sorted({label for match in series for label in match.labels}))


def find_series(database: Database, name: str, labels: Mapping[str, Sequence[str]]) -> list[Series]:
    """As find_matches, with each series' extent."""
    where, parameters = condition(name, labels)
    rows = database.rows(
        "SELECT any(s.zone), any(s.labels), min(s.first_timestamp), max(s.last_timestamp), max(s.last_knowledge_time) "  # noqa: S608  fixed text and numbered parameters
        f"FROM series AS s WHERE {where} GROUP BY s.series_id",
        parameters,
    )
    if not rows:
        known_labels(database, name, labels)
    found = [(zone, tuple(sorted(pairs.items())), extent) for zone, pairs, *extent in rows]
    found.sort(key=lambda row: row[:2])
    return [Series(name, dict(pairs), *extent) for _, pairs, extent in found]


def known_labels(database: Database, name: str, wanted: Mapping[str, object]) -> list[str]:
    """All label names of `name`, sorted. Raises UnknownNameError, and UnknownLabelError for a wanted one it lacks."""
    rows = database.rows(
        "SELECT DISTINCT arrayJoin(mapKeys(s.labels)) AS label FROM series AS s "
        "WHERE s.name = {name:String} ORDER BY label",
        {"name": name},
    )
    known = [label for (label,) in rows]
    if not known:
        _check_name(database, name)
    for label in wanted:
        if label not in known:
            meant = suggest(label, known)
            hint = f": did you mean {meant!r}?" if meant else ";"
            raise UnknownLabelError(
                f"no series of {name} has a label {label!r}{hint} Its labels are {', '.join(known) or 'none at all'}"
            )
    return known


def _check_name(database: Database, name: str) -> None:
    stored = names(database)
    if name in stored:
        return  # its series have no labels at all
    meant = suggest(name, stored)
    if meant:
        raise UnknownNameError(f"no metric is stored under the name {name!r}: did you mean {meant!r}?")
    if not stored:
        raise UnknownNameError(f"no metric is stored under the name {name!r}, nor any other: this database is empty")
    more = ", …" if len(stored) > 20 else ""
    raise UnknownNameError(f"no metric is stored under the name {name!r}: the names are {', '.join(stored[:20])}{more}")


def condition(name: str, labels: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, object]]:
    """What to ask of `series AS s`, as SQL with its parameters."""
    conditions = ["s.name = {name:String}"]
    parameters: dict[str, object] = {"name": name}
    for number, (label, values) in enumerate(labels.items()):
        parameters[f"values_{number}"] = list(values)
        wanted = f"IN {{values_{number}:Array(String)}}"
        if label == "zone":  # also a column, and the second of the sorting key
            conditions.append(f"s.zone {wanted}")
        else:
            parameters[f"label_{number}"] = label
            conditions.append(f"s.labels[{{label_{number}:String}}] {wanted}")
    return " AND ".join(conditions), parameters
