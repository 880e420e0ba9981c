"""What is asked, and how ClickHouse is asked for it.

The current value of a point is that of its greatest rank; a retracted one is left out. The views current_metrics and
metrics_as_of say the same. Here the grouping key is two numbers instead of four columns, which reads a year of 60
series 3 times faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.query._series import find_matches
from wattnet.query._times import bounds, now_us
from wattnet.schemas import ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from wattnet.query._database import Database
    from wattnet.query._filters import Filters
    from wattnet.query._series import Match, Matches
    from wattnet.query._times import Moment

MAX_SERIES = 1_000
"""In one statement. It bounds what ClickHouse groups at once, and what travels as parameters."""
MAX_ZONE_BYTES = 64 * 1024

# Nothing is stored outside of these, and ClickHouse's own limits are further out.
_EARLIEST_US = -1
_LATEST_US = 4_102_444_800_000_000  # 2100

# FINAL: the same revision sent again replaces that revision, and only its last copy counts.
# rank = valid << 62 | zone_status << 60 | knowledge_time; unpacked after grouping, once a point.
_CURRENT = """
SELECT m.series_id AS series_id, m.timestamp AS timestamp, argMax(m.value, m.rank) AS value,
       toUInt8(bitTest(max(m.rank), 62)) AS valid,
       toUInt8(bitAnd(bitShiftRight(max(m.rank), 60), 3)) AS zone_status,
       toLowCardinality(argMax(m.data_state, m.rank)) AS data_state,
       fromUnixTimestamp64Micro(toInt64(bitAnd(max(m.rank), 0x0FFFFFFFFFFFFFFF)), 'UTC') AS knowledge_time
FROM metrics AS m FINAL
WHERE m.name = {{name:String}} AND m.zone IN {{zones:Array(String)}} AND m.series_id IN {{ids:Array(UInt64)}}{where}
GROUP BY m.series_id, m.timestamp
HAVING NOT argMax(m.retracted, m.rank){having}
"""
_IN_ORDER = "ORDER BY series_id, timestamp"
_NEWEST_FIRST = "ORDER BY series_id, timestamp DESC LIMIT 1 BY series_id"
_RANGE = """
  AND m.timestamp >= fromUnixTimestamp64Micro({start_us:Int64}, 'UTC')
  AND m.timestamp < fromUnixTimestamp64Micro({end_us:Int64}, 'UTC')"""
_AS_OF = """
  AND m.knowledge_time <= fromUnixTimestamp64Micro({as_of_us:Int64}, 'UTC')"""
_LAST = """
  AND (m.zone, m.series_id, m.timestamp) IN (
    SELECT s.zone, s.series_id, max(s.last_timestamp) FROM series AS s
    WHERE s.name = {name:String} AND s.zone IN {zones:Array(String)} AND s.series_id IN {ids:Array(UInt64)}
    GROUP BY s.zone, s.series_id)"""


@dataclass(frozen=True, slots=True)
class Question:
    """A range of times of all matching series; with `newest`, only the newest value of each, and no range."""

    name: str
    filters: Filters
    start: Moment | None = None
    end: Moment | None = None
    as_of: Moment | None = None
    newest: bool = False

    def ask(self, database: Database) -> tuple[Matches, list[Sequence[Any]]]:
        """The series that are meant, and blocks of columns as _CURRENT names them; each series in order of time."""
        start_us, end_us, as_of_us = self._moments()
        matches = find_matches(database, self.name, self.filters.labels)
        blocks: list[Sequence[Any]] = []
        for piece in _pieces(matches.series):
            if self.newest:
                blocks += self._newest(database, piece)
                continue
            where, parameters = _RANGE, {"start_us": start_us, "end_us": end_us}
            if as_of_us is not None:
                where, parameters = where + _AS_OF, {**parameters, "as_of_us": as_of_us}
            blocks += self._current(database, piece, where, _IN_ORDER, parameters)
        return matches, blocks

    def _moments(self) -> tuple[int, int, int | None]:
        now = now_us()
        start_us = end_us = 0
        if self.start is not None and self.end is not None:
            start_us, end_us = bounds(self.start, self.end, now_us=now)
        as_of_us = None if self.as_of is None else _within(self.as_of.at(now))
        return _within(start_us), _within(end_us), as_of_us

    def _newest(self, database: Database, piece: Sequence[Match]) -> list[Sequence[Any]]:
        blocks = self._current(database, piece, _LAST, _IN_ORDER, {})
        # Where the newest value is retracted (or not of the wanted quality), an older one is the answer.
        found = {series_id for block in blocks for series_id in block[0]}
        rest = [match for match in piece if match.series_id not in found]
        if rest:
            blocks += self._current(database, rest, "", _NEWEST_FIRST, {})
        return blocks

    def _current(
        self, database: Database, piece: Sequence[Match], where: str, tail: str, parameters: dict[str, int]
    ) -> list[Sequence[Any]]:
        having, quality = self._quality()
        return database.blocks(
            _CURRENT.format(where=where, having=having) + tail,
            {
                "name": self.name,
                "zones": list({match.zone for match in piece}),
                "ids": [match.series_id for match in piece],
                **parameters,
                **quality,
            },
        )

    def _quality(self) -> tuple[str, dict[str, object]]:
        wanted = self.filters.quality
        having, parameters = "", dict[str, object]()
        if "valid" in wanted:
            having += " AND valid IN {valid:Array(UInt8)}"
            parameters["valid"] = [int(text == "true") for text in wanted["valid"]]
        if "zone_status" in wanted:
            having += " AND zone_status IN {zone_status:Array(UInt8)}"
            parameters["zone_status"] = [ZONE_STATUSES.index(text) for text in wanted["zone_status"]]
        if "data_state" in wanted:
            having += " AND data_state IN {data_state:Array(String)}"
            parameters["data_state"] = list(wanted["data_state"])
        return having, parameters


def _within(us: int) -> int:
    return min(max(us, _EARLIEST_US), _LATEST_US)


def _pieces(series: Sequence[Match]) -> Iterator[list[Match]]:
    piece: list[Match] = []
    zone_bytes = 0
    for match in series:
        size = len(match.zone.encode()) + 3
        if piece and (len(piece) == MAX_SERIES or zone_bytes + size > MAX_ZONE_BYTES):
            yield piece
            piece, zone_bytes = [], 0
        piece.append(match)
        zone_bytes += size
    if piece:
        yield piece
