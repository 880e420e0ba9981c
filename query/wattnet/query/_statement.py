"""How ClickHouse is asked for the values of a piece of series.

The current value of a point is that of its greatest rank; a retracted one is left out. The views current_metrics and
metrics_as_of say the same by grouping. Here the revisions are sorted, as the answer must be anyway, and the first of
each point is taken as they pass: a year of 50 series takes a fifth of the processor's time, and no table of all points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wattnet.query._series import among_newest, condition
from wattnet.query._states import UNKNOWN
from wattnet.schemas import ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wattnet.query._series import Piece

# rank = valid << 62 | zone_status << 60 | knowledge_time; unpacked once a point.
_VALID = "toUInt8(bitTest({rank}, 62)) AS valid"
_ZONE_STATUS = "toUInt8(bitAnd(bitShiftRight({rank}, 60), 3)) AS zone_status"
_KNOWLEDGE_TIME = "fromUnixTimestamp64Micro(toInt64(bitAnd({rank}, 0x0FFFFFFFFFFFFFFF)), 'UTC') AS knowledge_time"
# A series' place in the answer: ClickHouse sorts by it, and it travels instead of the id.
_POSITION = "transform(m.series_id, {ids:Array(UInt64)}, {positions:Array(Int32)}, toInt32(-1)) AS position"
# The place of data_state among those that the client knows: see _states.
# Of a LowCardinality column it would be one, and come as a list.
_STATE = (
    "CAST(transform({column}, {{states:Array(String)}}, {{codes:Array(UInt8)}}, {{unknown:UInt8}}), 'UInt8') AS state"
)
_RESOLUTION = "toLowCardinality(JSONExtractString(attributes, 'resolution')) AS resolution"
# Ids alone name the series. What is said of zones is for the index, which sorts by them before. A set of zones beside
# the set of ids would take every zone by every id, a dozen times as many rows for one series of each zone; a set of
# pairs takes its time for each of the index's marks that it looks at, which one zone spares.
_IN_ONE_ZONE = "m.zone = {zone:String}"
_IN_ZONES = "indexHint((m.zone, m.series_id) IN arrayZip({zones:Array(String)}, {ids:Array(UInt64)}))"
# FINAL: the same revision sent again replaces that revision, and only its last copy counts.
_FROM = """
FROM metrics AS m FINAL
WHERE m.name = {name:String} AND m.series_id IN {ids:Array(UInt64)} AND """
_RANGE = """
  AND m.timestamp >= fromUnixTimestamp64Micro({start_us:Int64}, 'UTC')
  AND m.timestamp < fromUnixTimestamp64Micro({end_us:Int64}, 'UTC')"""
_AS_OF = """
  AND m.knowledge_time <= fromUnixTimestamp64Micro({as_of_us:Int64}, 'UTC')"""
# Back from the newest point among all of the piece. What is found is its series' newest wherever the search began.
_SINCE = """
  AND m.timestamp >= (SELECT max(n.timestamp) FROM newest AS n
    WHERE n.name = {name:String} AND n.zone IN {zones:Array(String)} AND n.series_id IN {ids:Array(UInt64)})
    - toIntervalDay({days:UInt16})"""
_FROM_NEWEST = """
FROM newest_metrics AS n
WHERE n.name = {name:String} AND NOT n.retracted"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT; its columns are position, timestamp, value, valid, zone_status, data_state, knowledge_time.

    Where the Select knows states, data_state is a number: see _states. A value is NaN where it was withdrawn, which
    only history shows. With attributes, they are the last column (JSON).
    """

    sql: str
    parameters: dict[str, object]
    small: bool = False
    """Whether one thread is enough to read it."""

    def limited(self, rows: int) -> Statement:
        """The first `rows` rows of it."""
        return replace(self, sql=f"{self.sql}\nLIMIT {rows:d}")


@dataclass(frozen=True, slots=True)
class Select:
    """What is common to the statements of one question."""

    name: str
    quality: Mapping[str, tuple[str, ...]]
    attributes: bool = False
    as_of_us: int | None = None
    resolution: bool = False
    """Only each value's attribute `resolution` in the place of all attributes."""
    states: tuple[str, ...] = ()

    def current(self, piece: Piece, start_us: int, end_us: int) -> Statement:
        """The current values of a range of time."""
        where = {"start_us": start_us, "end_us": end_us}
        return self._best(piece, _RANGE, where)

    def history(self, piece: Piece, start_us: int, end_us: int) -> Statement:
        """Every revision of a range of time, also those that withdraw a value."""
        columns = [
            _POSITION,
            "m.timestamp AS timestamp",
            "if(m.retracted, nan, m.value) AS value",
            *(part.format(rank="m.rank") for part in (_VALID, _ZONE_STATUS)),
            self._state("m.data_state"),
            _KNOWLEDGE_TIME.format(rank="m.rank"),
            *(["m.attributes AS attributes"] if self.attributes else []),
        ]
        where = {"start_us": start_us, "end_us": end_us}
        having, quality = self._quality()
        return self._statement(
            f"SELECT {', '.join(columns)}{_from(piece)}{_RANGE}{self._as_of()}{having}\n"
            "ORDER BY position, timestamp, knowledge_time, m.rank",
            piece,
            {**where, **quality},
        )

    def kept(self, labels: Mapping[str, Sequence[str]]) -> Statement:
        """The values at the newest point of each series, which a table holds; those that are retracted are missing.

        The first column is series_id instead of position: ids need not travel to find them.
        """
        columns = [
            "n.series_id AS series_id",
            "n.timestamp AS timestamp",
            "n.value AS value",
            "toUInt8(n.valid) AS valid",
            "toUInt8(n.zone_status) AS zone_status",
            "n.data_state AS data_state",
            "n.knowledge_time AS knowledge_time",
            *(["n.attributes AS attributes"] if self.attributes else []),
        ]
        where, parameters = condition(self.name, labels)
        wanted, quality = self._quality()
        return Statement(
            f"SELECT {', '.join(columns)}{_FROM_NEWEST}{among_newest(labels, where)}{wanted}", {**parameters, **quality}
        )

    def newest(self, piece: Piece, *, range_us: tuple[int, int] | None = None, days: int | None = None) -> Statement:
        """The newest value of each series, whatever it takes: all its points are looked at.

        In the range, or in the last so many days before the newest point of them all.
        """
        where, parameters = "", dict[str, object]()
        if range_us is not None:
            where, parameters = _RANGE, {"start_us": range_us[0], "end_us": range_us[1]}
        elif days is not None:
            where, parameters = _SINCE, {"days": days}
        return self._best(piece, where, parameters, newest=True)

    def _best(self, piece: Piece, where: str, parameters: Mapping[str, object], *, newest: bool = False) -> Statement:
        """The current value of each point; of each series its newest one, when told."""
        revisions = [
            _POSITION,
            *(f"m.{column} AS {column}" for column in ("timestamp", "value", "retracted", "rank", "data_state")),
            *(["m.attributes AS attributes"] if self.attributes or self.resolution else []),
        ]
        columns = [
            *("position", "timestamp", "value"),
            *(part.format(rank="rank") for part in (_VALID, _ZONE_STATUS)),
            self._state("data_state"),
            _KNOWLEDGE_TIME.format(rank="rank"),
            *(["attributes"] if self.attributes else []),
            *([_RESOLUTION] if self.resolution else []),
        ]
        direction, one = (" DESC", " LIMIT 1 BY position") if newest else ("", "")
        wanted, quality = self._quality()
        return self._statement(
            f"SELECT {', '.join(columns)} FROM (\n"  # noqa: S608  fixed text and numbered parameters
            f"SELECT {', '.join(revisions)}{_from(piece)}{where}{self._as_of()}\n"
            f"ORDER BY position, timestamp{direction}, rank DESC LIMIT 1 BY position, timestamp)\n"
            f"WHERE NOT retracted{wanted}\nORDER BY position, timestamp{direction}{one}",
            piece,
            {**parameters, **quality},
        )

    def _statement(self, sql: str, piece: Piece, parameters: Mapping[str, object]) -> Statement:
        common: dict[str, object] = {
            "name": self.name,
            "zones": [match.zone for match in piece.series],
            "ids": [match.series_id for match in piece.series],
            "positions": list(piece.positions),
        }
        if piece.zone is not None:
            common |= {"zone": piece.zone, "zones": [piece.zone]}
        if self.as_of_us is not None:
            common["as_of_us"] = self.as_of_us
        if self.states:
            common |= {"states": list(self.states), "codes": list(range(len(self.states))), "unknown": UNKNOWN}
        return Statement(sql, {**common, **parameters})

    def _state(self, column: str) -> str:
        return _STATE.format(column=column) if self.states else f"{column} AS data_state"

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


def _from(piece: Piece) -> str:
    return _FROM + (_IN_ZONES if piece.zone is None else _IN_ONE_ZONE)
