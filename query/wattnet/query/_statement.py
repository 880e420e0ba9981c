"""How ClickHouse is asked for the values of a piece of series.

The current value of a point is that of its greatest rank; a retracted one is left out. The views current_metrics and
metrics_as_of say the same. Here the grouping key is two numbers instead of four columns, which reads a year of 60
series 3 times faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.schemas import ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wattnet.query._series import Piece

# rank = valid << 62 | zone_status << 60 | knowledge_time; unpacked after grouping, once a point.
_VALID = "toUInt8(bitTest({rank}, 62)) AS valid"
_ZONE_STATUS = "toUInt8(bitAnd(bitShiftRight({rank}, 60), 3)) AS zone_status"
_KNOWLEDGE_TIME = "fromUnixTimestamp64Micro(toInt64(bitAnd({rank}, 0x0FFFFFFFFFFFFFFF)), 'UTC') AS knowledge_time"
# A series' place in the answer: ClickHouse sorts by it, and it travels instead of the id.
_POSITION = "transform(m.series_id, {ids:Array(UInt64)}, {positions:Array(Int32)}, toInt32(-1)) AS position"
_RESOLUTION = "toLowCardinality(argMax(JSONExtractString(m.attributes, 'resolution'), m.rank)) AS resolution"
# FINAL: the same revision sent again replaces that revision, and only its last copy counts.
_FROM = """
FROM metrics AS m FINAL
WHERE m.name = {name:String} AND m.zone IN {zones:Array(String)} AND m.series_id IN {ids:Array(UInt64)}"""
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
class Statement:
    """One SELECT; its columns are position, timestamp, value, valid, zone_status, data_state, knowledge_time.

    A value is NaN where it was withdrawn, which only history shows. With attributes, they are the last column (JSON).
    """

    sql: str
    parameters: dict[str, object]

    def limited(self, rows: int) -> Statement:
        """The first `rows` rows of it."""
        return Statement(f"{self.sql}\nLIMIT {rows:d}", self.parameters)


@dataclass(frozen=True, slots=True)
class Select:
    """What is common to the statements of one question."""

    name: str
    quality: Mapping[str, tuple[str, ...]]
    attributes: bool = False
    as_of_us: int | None = None
    resolution: bool = False
    """Only each value's attribute `resolution` in the place of all attributes."""

    def current(self, piece: Piece, start_us: int, end_us: int) -> Statement:
        """The current values of a range of time."""
        where = {"start_us": start_us, "end_us": end_us}
        return self._grouped(piece, _RANGE, where, "ORDER BY position, timestamp")

    def history(self, piece: Piece, start_us: int, end_us: int) -> Statement:
        """Every revision of a range of time, also those that withdraw a value."""
        columns = [
            _POSITION,
            "m.timestamp AS timestamp",
            "if(m.retracted, nan, m.value) AS value",
            *(part.format(rank="m.rank") for part in (_VALID, _ZONE_STATUS)),
            "toLowCardinality(m.data_state) AS data_state",
            _KNOWLEDGE_TIME.format(rank="m.rank"),
            *(["m.attributes AS attributes"] if self.attributes else []),
        ]
        where = {"start_us": start_us, "end_us": end_us}
        having, quality = self._quality()
        return self._statement(
            f"SELECT {', '.join(columns)}{_FROM}{_RANGE}{self._as_of()}{having}\n"
            "ORDER BY position, timestamp, knowledge_time, m.rank",
            piece,
            {**where, **quality},
        )

    def last(self, piece: Piece) -> Statement:
        """The values at the last timestamp of each series; those that are retracted there are missing."""
        return self._grouped(piece, _LAST, {}, "ORDER BY position, timestamp")

    def newest(self, piece: Piece, range_us: tuple[int, int] | None = None) -> Statement:
        """The newest value of each series, whatever it takes: all its points (in the range) are looked at."""
        where, parameters = "", dict[str, object]()
        if range_us is not None:
            where, parameters = _RANGE, {"start_us": range_us[0], "end_us": range_us[1]}
        return self._grouped(piece, where, parameters, "ORDER BY position, timestamp DESC LIMIT 1 BY position")

    def _grouped(self, piece: Piece, where: str, parameters: Mapping[str, object], order: str) -> Statement:
        columns = [
            _POSITION,
            "m.timestamp AS timestamp",
            "argMax(m.value, m.rank) AS value",
            *(part.format(rank="max(m.rank)") for part in (_VALID, _ZONE_STATUS)),
            "toLowCardinality(argMax(m.data_state, m.rank)) AS data_state",
            _KNOWLEDGE_TIME.format(rank="max(m.rank)"),
            *(["argMax(m.attributes, m.rank) AS attributes"] if self.attributes else []),
            *([_RESOLUTION] if self.resolution else []),
        ]
        having, quality = self._quality()
        return self._statement(
            f"SELECT {', '.join(columns)}{_FROM}{where}{self._as_of()}\n"
            f"GROUP BY m.series_id, m.timestamp\nHAVING NOT argMax(m.retracted, m.rank){having}\n{order}",
            piece,
            {**parameters, **quality},
        )

    def _statement(self, sql: str, piece: Piece, parameters: Mapping[str, object]) -> Statement:
        common: dict[str, object] = {
            "name": self.name,
            "zones": list({match.zone for match in piece.series}),
            "ids": [match.series_id for match in piece.series],
            "positions": list(piece.positions),
        }
        if self.as_of_us is not None:
            common["as_of_us"] = self.as_of_us
        return Statement(sql, {**common, **parameters})

    def _as_of(self) -> str:
        return "" if self.as_of_us is None else _AS_OF

    def _quality(self) -> tuple[str, dict[str, object]]:
        wanted = self.quality
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
