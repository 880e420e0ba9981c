"""Which series exist, and which of them a question means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wattnet.query._discovery import check_labels, values, warn_of_absence, warn_of_unknown
from wattnet.query._filters import ABSENT
from wattnet.schemas import KNOWN_LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from wattnet.query._database import Database


MAX_SERIES = 1_000
"""In one statement. It bounds what ClickHouse groups at once, and what travels as parameters."""
MAX_ZONE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Series:
    """One series and how far it reaches: every revision counts, retracted values too. Times are aware UTC.

    `attributes` are those of the newest point's current revision: resolution, source_link, whatever came with it.
    """

    name: str
    labels: Mapping[str, str]
    first_timestamp: datetime
    last_timestamp: datetime
    last_knowledge_time: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)


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
    every: bool = False
    """Whether they are all series of the name."""

    def pieces(self) -> Iterator[Piece]:
        """The series in the parts in which they are asked for."""
        return self.whole().parts()

    def whole(self) -> Piece:
        """All of them, however many."""
        return Piece(self.series, range(len(self.series)), every=self.every)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the series of a question, with the place of each in its answer."""

    series: Sequence[Match]
    positions: Sequence[int]
    every: bool = False
    """Whether they are all series of the name, so that ClickHouse need not tell them from others."""

    @property
    def zone(self) -> str | None:
        """The zone of all of them; None where they are of several."""
        zones = {match.zone for match in self.series}
        return zones.pop() if len(zones) == 1 else None

    def parts(self) -> Iterator[Piece]:
        """The same in parts that one statement takes."""
        first, zone_bytes = 0, 0
        for number, match in enumerate(self.series):
            size = len(match.zone.encode()) + 3
            if number - first == MAX_SERIES or (number > first and zone_bytes + size > MAX_ZONE_BYTES):
                yield Piece(self.series[first:number], self.positions[first:number])
                first, zone_bytes = number, 0
            zone_bytes += size
        if not first and self.series:
            yield self
        elif first < len(self.series):
            yield Piece(self.series[first:], self.positions[first:])

    def without(self, positions: Collection[int]) -> Piece:
        """The series at other places than these."""
        kept = [number for number, position in enumerate(self.positions) if position not in positions]
        return Piece([self.series[number] for number in kept], [self.positions[number] for number in kept])


# A series stands here once for every insert that is not merged yet, always with the same labels.
_MATCHES = "SELECT s.series_id, s.zone, s.labels FROM series AS s WHERE {where} LIMIT 1 BY s.series_id"
_IDS = "SELECT DISTINCT s.series_id FROM series AS s WHERE {where}"
_EXTENTS = """
    SELECT s.series_id, any(s.labels), min(s.first_timestamp), max(s.last_timestamp), max(s.last_knowledge_time)
    FROM series AS s WHERE {where} GROUP BY s.series_id
"""
_ATTRIBUTES = """
    SELECT n.attributes, groupArray(n.series_id) FROM newest AS n FINAL
    WHERE n.name = {{name:String}}{these} AND n.attributes != ''
    GROUP BY n.attributes
"""
_VALUES = """
    SELECT DISTINCT s.labels[{{of:String}}] AS value FROM series AS s
    WHERE {where} AND mapContains(s.labels, {{of:String}}) ORDER BY value
"""


def find_matches(
    database: Database, name: str, labels: Mapping[str, Sequence[str]], *, may_lack: bool = False
) -> Matches:
    """The series of `name` that have one of the wanted values for each label.

    A value that no series has matches nothing, with an UnknownValueWarning unless they `may_lack` it. Raises
    UnknownNameError and UnknownLabelError.
    """
    # Often no series is a forecast: then they are all that there are, which is cheaper to ask for than some of them.
    actuals_only = labels == {"forecast": (ABSENT,)}
    where, parameters = condition(name, {} if actuals_only else labels)
    rows = database.rows(_MATCHES.format(where=where), parameters)
    series = [
        Match(int(id_), zone, dict(sorted(found.items())))
        for id_, zone, found in rows
        if not (actuals_only and "forecast" in found)
    ]
    series.sort(key=lambda match: (match.zone, tuple(match.labels.items())))
    label_names = _check(database, name, labels, [match.labels for match in series], may_lack=may_lack)
    return Matches(name, series, label_names, every=not labels or (actuals_only and len(series) == len(rows)))


def find_ids(database: Database, name: str, labels: Mapping[str, Sequence[str]]) -> set[int]:
    """Which series find_matches would find; it raises and warns of nothing."""
    where, parameters = condition(name, labels)
    return {id_ for (id_,) in database.rows(_IDS.format(where=where), parameters)}


def find_series(database: Database, name: str, labels: Mapping[str, Sequence[str]]) -> list[Series]:
    """As find_matches, with each series' extent and attributes."""
    where, parameters = condition(name, labels)
    described = database.beside(
        lambda: database.rows(_ATTRIBUTES.format(these=among_newest(labels, where)), parameters)
    )
    rows = database.rows(_EXTENTS.format(where=where), parameters)
    attributes: dict[int, Mapping[str, str]] = {}
    for text, ids in described.result():
        attributes.update(dict.fromkeys(ids, json.loads(text)))
    series = [
        Series(name, dict(sorted(pairs.items())), first, last, known, attributes.get(id_, {}))
        for id_, pairs, first, last, known in rows
    ]
    series.sort(key=lambda one: (one.labels.get("zone", ""), tuple(one.labels.items())))
    _check(database, name, labels, [one.labels for one in series])
    return series


def find_values(database: Database, name: str, label: str, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """The values of `label` among the series that find_matches finds, sorted. Raises and warns as it does."""
    if not labels:
        return values(database, name, label)
    where, parameters = condition(name, labels)
    found = [value for (value,) in database.rows(_VALUES.format(where=where), {**parameters, "of": label})]
    if not found:
        check_labels(database, name, [*_must_exist(labels), label])
        warn_of_unknown(database, name, labels, {})
    return found


def _check(
    database: Database,
    name: str,
    wanted: Mapping[str, Sequence[str]],
    found: Sequence[Mapping[str, str]],
    *,
    may_lack: bool = False,
) -> Sequence[str]:
    """The label columns of an answer with these series; raises and warns of what was asked for and is not there."""
    if not found:
        known = check_labels(database, name, _must_exist(wanted))
        if not may_lack:
            warn_of_unknown(database, name, wanted, {})
            _warn_of_absence(database, name, wanted)
        return known
    if misspelled := [label for label in _must_exist(wanted) if not any(label in labels for labels in found)]:
        check_labels(database, name, misspelled)
    several = {label: wanted_values for label, wanted_values in wanted.items() if len(wanted_values) > 1}
    if several and not may_lack:
        warn_of_unknown(
            database, name, several, {label: {labels.get(label, ABSENT) for labels in found} for label in several}
        )
    return sorted({label for labels in found for label in labels})


def _warn_of_absence(database: Database, name: str, wanted: Mapping[str, Sequence[str]]) -> None:
    """Warn where nothing matches because series without a label were asked for."""
    for label, wanted_values in wanted.items():
        if tuple(wanted_values) == (ABSENT,):
            others = {other: values for other, values in wanted.items() if other != label}
            warn_of_absence(database, name, label, count=len(find_ids(database, name, others)))


def _must_exist(wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """The labels that some series must have, or they are misspelled: all but known ones whose absence is wanted."""
    return [label for label, values in wanted.items() if tuple(values) != (ABSENT,) or label not in KNOWN_LABELS]


def among_newest(labels: Mapping[str, Sequence[str]], where: str) -> str:
    """What to ask of `newest AS n` for the same series as `condition`, with its parameters."""
    these = ""
    if labels.keys() - {"zone"}:
        these = f" AND n.series_id IN (SELECT s.series_id FROM series AS s WHERE {where})"  # noqa: S608  fixed text and numbered parameters
    if "zone" in labels:
        these += f" AND n.zone IN {{values_{list(labels).index('zone')}:Array(String)}}"
    return these


def condition(name: str, labels: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, object]]:
    """What to ask of `series AS s`, as SQL with its parameters."""
    conditions = ["s.name = {name:String}"]
    parameters: dict[str, object] = {"name": name}
    for number, (label, wanted_values) in enumerate(labels.items()):
        parameters[f"values_{number}"] = list(wanted_values)
        wanted = f"IN {{values_{number}:Array(String)}}"
        if label == "zone":  # also a column, and the second of the sorting key
            conditions.append(f"s.zone {wanted}")
        else:
            parameters[f"label_{number}"] = label
            conditions.append(f"s.labels[{{label_{number}:String}}] {wanted}")
    return " AND ".join(conditions), parameters
