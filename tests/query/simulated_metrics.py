"""The table metrics by hand: inserts whose years, and whose series, show themselves one by one, and merges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wattnet.clickhouse import ClickHouseUnavailableError
from wattnet.query._filters import Filters
from wattnet.query._follow_changes import Revision
from wattnet.query._follow_series import MetSeries
from wattnet.query._follow_table import Arrived, Table
from wattnet.query._series import Match

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from wattnet.query._database import Database
    from wattnet.query._follow_place import Point

Key = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """A revision: of equal series, time and rank only the newest stays after a merge."""

    series_id: int
    time: int
    rank: int
    value: float | None
    insert: int = 0


@dataclass
class SimulatedMetrics:
    """What readers can see."""

    rows: list[Row] = field(default_factory=list)
    series: set[int] = field(default_factory=set)
    counter: int = 0
    breaks_after: int | None = None
    """So many rows, each answer breaks off; None: it does not."""
    uuid: str = "00000000-0000-0000-0000-000000000001"

    def show(self, rows: Iterable[Row]) -> None:
        """A part becomes visible: it gets its number in the same moment."""
        self.counter += 1
        self.rows += [Row(row.series_id, row.time, row.rank, row.value, self.counter) for row in rows]

    def merge(self) -> None:
        """Of equal revisions the last copy stays."""
        self.rows = list({(row.series_id, row.time, row.rank): row for row in self.rows}.values())

    def states(self, above: int = 0) -> Iterator[tuple[int, Key, Row | None, Row]]:
        """Insert by insert: which point it changed, from what to what. The oracle: nothing of the client is in it."""
        current: dict[Key, Row] = {}
        for insert in range(1, self.counter + 1):
            before = dict(current)
            for row in self.rows:
                if row.insert == insert:
                    key = (row.series_id, row.time)
                    if key not in current or row.rank >= current[key].rank:
                        current[key] = row
            for key, row in sorted(current.items()):
                if insert > above and row is not before.get(key):
                    yield insert, key, before.get(key), row

    def current(self, up_to: int) -> dict[Key, float]:
        """The values after an insert."""
        best: dict[Key, Row] = {}
        for row in self.rows:
            key = (row.series_id, row.time)
            if row.insert <= up_to and (key not in best or row.rank >= best[key].rank):
                best[key] = row
        return {key: row.value for key, row in best.items() if row.value is not None}


@dataclass(frozen=True)
class SimulatedTable(Table):
    """Answers as ClickHouse would; `most` pairs of insert and series at once."""

    metrics: SimulatedMetrics
    most: int = 3

    def newest(self) -> tuple[str, int]:
        return self.metrics.uuid, max((row.insert for row in self.metrics.rows), default=0)

    def arrived(self, low: int, high: int) -> tuple[list[Arrived], int]:
        counts: dict[tuple[int, int], int] = {}
        for row in self.metrics.rows:
            if low < row.insert <= high:
                counts[row.insert, row.series_id] = counts.get((row.insert, row.series_id), 0) + 1
        found = [Arrived(insert, id_, rows, 0) for (insert, id_), rows in sorted(counts.items())]
        if len(found) < self.most:
            return found, high
        last = found[self.most - 1].insert
        return [one for one in found if one.insert <= last], last

    def lately(self, high: int, *, within_s: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for row in self.metrics.rows:
            if row.insert <= high:
                found[row.series_id] = min(row.insert, found.get(row.series_id, row.insert))
        return found

    def revisions(self, series: Sequence[Match], low: int, high: int) -> Iterator[Revision]:
        places = {match.series_id: number for number, match in enumerate(series)}
        touched = {(row.series_id, row.time) for row in self.metrics.rows if low < row.insert <= high}
        found = [
            _revision(row, places[row.series_id])
            for row in self.metrics.rows
            if row.insert <= high and row.series_id in places and (row.series_id, row.time) in touched
        ]
        return self._answer(sorted(found, key=lambda row: (row.position, row.timestamp_us)))

    def current(self, series: Sequence[Match], high: int, after: Point | None) -> Iterator[Revision]:
        places = {match.series_id: number for number, match in enumerate(series)}
        found = [
            _revision(Row(id_, time, 1, value), places[id_])
            for (id_, time), value in sorted(self.metrics.current(high).items())
            if id_ in places and (after is None or id_ != after.series_id or time > after.timestamp_us)
        ]
        return self._answer(found)

    def _answer(self, rows: list[Revision]) -> Iterator[Revision]:
        for number, row in enumerate(rows):
            if number == self.metrics.breaks_after:
                raise ClickHouseUnavailableError("broken off")
            yield row


class SimulatedSeries(MetSeries):
    """Every series is meant; it is known when its own part of the insert is there."""

    def __init__(self, database: Database, metrics: SimulatedMetrics) -> None:
        super().__init__(database, "simulated", Filters.parse({}))
        self._metrics = metrics

    def all(self) -> Sequence[Match]:
        return [_match(id_) for id_ in sorted(self._metrics.series)]

    def look_up(self, ids: Collection[int]) -> set[int]:
        return set(ids) - self._metrics.series

    def meant(self, ids: Iterable[int]) -> list[Match]:
        return [_match(id_) for id_ in sorted(set(ids) & self._metrics.series)]


def _match(id_: int) -> Match:
    return Match(id_, f"Z{id_}", {"zone": f"Z{id_}"})


def _revision(row: Row, position: int) -> Revision:
    value = 0.0 if row.value is None else row.value
    return Revision(position, row.time, row.insert, row.rank, value, row.value is None, "", 0)
