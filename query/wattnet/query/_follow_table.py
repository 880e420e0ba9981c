"""What follow() asks of ClickHouse: which inserts there are, whose values they brought, and what they made of them.

An insert is known by `_block_number` (see _follow). A part's name ends in the smallest and the greatest number that it
holds, so parts with nothing new are left out before anything of them is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING

from wattnet.query._errors import QuestionError, SchemaTooOldError
from wattnet.query._follow_changes import Revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wattnet.query._database import Database
    from wattnet.query._follow_place import Point
    from wattnet.query._series import Match

MAX_ARRIVED = 100_000
"""Pairs of insert and series that are looked at together."""

# The inner SELECT is answered from the parts' names and counts alone.
_NEWEST = """
SELECT (SELECT max(toInt64(splitByChar('_', _part)[3])) FROM (SELECT _part FROM metrics GROUP BY _part)) AS newest,
       toString(t.uuid) AS uuid, position(t.engine_full, 'enable_block_number_column = 1') > 0 AS numbered,
       t.engine = 'Distributed' AS shards
FROM system.tables AS t WHERE t.database = {database:String} AND t.name = 'metrics'"""
_FROM = """
FROM metrics AS m
WHERE m.name = {name:String} AND m.timestamp >= fromUnixTimestamp64Micro({start_us:Int64}, 'UTC')"""
_ABOVE = """
  AND toInt64(splitByChar('_', m._part)[3]) > {low:Int64} AND m._block_number > {low:Int64}
  AND m._block_number <= {high:Int64}"""
_LATE = """
  AND m.stored_at > now64(3) - toIntervalSecond({within_s:Int64}) AND m._block_number <= {high:Int64}"""
_OF_SERIES = """
  AND m.zone IN {zones:Array(String)} AND m.series_id IN {ids:Array(UInt64)}"""
_POSITION = "transform(m.series_id, {ids:Array(UInt64)}, range(length({ids:Array(UInt64)})), toUInt64(0)) AS position"
_ARRIVED = """
SELECT toInt64(m._block_number) AS insert, m.series_id AS series_id, toInt64(count()) AS rows,
       dateDiff('second', max(m.stored_at), now64(3)) AS age_s"""
_LATELY = """
SELECT m.series_id AS series_id, toInt64(min(m._block_number)) AS insert"""
_ZONES = """
  AND m.zone IN {zones:Array(String)}"""
_REVISIONS = f"""
SELECT {_POSITION}, m.timestamp AS timestamp, toInt64(m._block_number) AS insert, m.rank AS rank, m.value AS value,
       m.retracted AS retracted, toLowCardinality(m.data_state) AS data_state, m.stored_at AS stored_at"""
# Of a revision that was sent twice FINAL keeps the later copy. When that one lies above the snapshot, a change follows.
_CURRENT = f"""
SELECT {_POSITION}, m.timestamp AS timestamp, toInt64(0) AS insert, max(m.rank) AS rank,
       argMax(m.value, m.rank) AS value, false AS retracted,
       toLowCardinality(argMax(m.data_state, m.rank)) AS data_state,
       argMax(m.stored_at, m.rank) AS stored_at
{_FROM.replace("AS m", "AS m FINAL")}{_OF_SERIES} AND m._block_number <= {{high:Int64}}"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """That an insert brought rows of a series, `age_s` seconds ago."""

    insert: int
    series_id: int
    rows: int
    age_s: int


@dataclass(frozen=True, slots=True)
class Table:
    """The revisions of one metric name from `start_us` on."""

    database: Database
    name: str
    zones: tuple[str, ...] | None
    """Where only some are asked for."""
    start_us: int

    def newest(self) -> tuple[str, int]:
        """The table's UUID, and the greatest number of an insert that can be seen now; 0 when there is none.

        Raises SchemaTooOldError where inserts are not numbered, QuestionError where they are in several tables.
        """
        found = self.database.rows(_NEWEST, {"database": self.database.settings.database})
        if found and found[0][3]:
            raise QuestionError(
                f"the tables of database {self.database.settings.database!r} at {self.database.settings.address} are "
                "sharded, and follow() needs the order of inserts that one table has: ask changed_since() instead"
            )
        if not found or not found[0][2]:
            raise SchemaTooOldError(
                f"the tables of database {self.database.settings.database!r} at {self.database.settings.address} are "
                "older than follow(), which needs migration 010: run `wattnet migrate up`"
            )
        newest, uuid, *_ = found[0]
        return uuid, int(newest or 0)

    def arrived(self, low: int, high: int) -> tuple[list[Arrived], int]:
        """Whose rows came with the inserts in (low, high], and up to which insert that is all: not too many at once."""
        sql, parameters = self._of_all(_ARRIVED, _ABOVE, low=low, high=high)
        found = self.database.rows(
            f"{sql}\nGROUP BY insert, series_id ORDER BY insert LIMIT {MAX_ARRIVED:d} WITH TIES", parameters
        )
        arrived = [Arrived(*row) for row in found]
        return arrived, high if len(arrived) < MAX_ARRIVED else arrived[-1].insert

    def lately(self, high: int, *, within_s: int) -> dict[int, int]:
        """The series with rows that were stored in the last `within_s` seconds, each with the first insert of these."""
        sql, parameters = self._of_all(_LATELY, _LATE, high=high, within_s=within_s)
        return dict(self.database.rows(f"{sql}\nGROUP BY series_id", parameters))

    def revisions(self, series: Sequence[Match], low: int, high: int) -> Iterator[Revision]:
        """All revisions up to `high` of the points that the inserts in (low, high] touched: by series, then by time."""
        where = f"{_FROM}{_OF_SERIES}"
        touched = f"SELECT m.zone, m.series_id, m.timestamp {where}{_ABOVE}"
        return self._read(
            f"{_REVISIONS}{where} AND m._block_number <= {{high:Int64}}\n"
            f"  AND (m.zone, m.series_id, m.timestamp) IN ({touched})\nORDER BY position, timestamp",
            series,
            self._common(low=low, high=high),
        )

    def current(self, series: Sequence[Match], high: int, after: Point | None) -> Iterator[Revision]:
        """The values that were current after the insert `high`, by series, then by time; of `after`'s only later."""
        sql, parameters = _CURRENT, self._common(high=high)
        if after is not None:
            sql += (
                "\n  AND NOT (m.series_id = {after_id:UInt64} "
                "AND m.timestamp <= fromUnixTimestamp64Micro({after_us:Int64}, 'UTC'))"
            )
            parameters |= {"after_id": after.series_id, "after_us": after.timestamp_us}
        sql += (
            "\nGROUP BY m.series_id, m.timestamp HAVING NOT argMax(m.retracted, m.rank)\nORDER BY position, timestamp"
        )
        return self._read(sql, series, parameters)

    def _of_all(self, select: str, where: str, **numbers: int) -> tuple[str, dict[str, object]]:
        """Of all series of the name, in the zones that are asked for."""
        if self.zones is None:
            return select + _FROM + where, self._common(**numbers)
        return select + _FROM + _ZONES + where, {**self._common(**numbers), "zones": list(self.zones)}

    def _common(self, **numbers: int) -> dict[str, object]:
        return {"name": self.name, "start_us": self.start_us, **numbers}

    def _read(self, sql: str, series: Sequence[Match], parameters: dict[str, object]) -> Iterator[Revision]:
        of_series = {
            "zones": list({match.zone for match in series}),
            "ids": [match.series_id for match in series],
        }
        for block in self.database.stream(sql, {**parameters, **of_series}):
            yield from starmap(Revision, zip(*block, strict=True))
