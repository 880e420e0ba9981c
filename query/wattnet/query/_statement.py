"""How ClickHouse is asked for the values of a piece of series.

The current value of a point is that of its greatest rank; a retracted one is left out. The views current_metrics and
metrics_as_of say the same by grouping. Here the revisions are sorted, as the answer must be anyway, and the first of
each point is taken as they pass: a year of 50 series takes a fifth of the processor's time, and no table of all points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wattnet.query._rank import KNOWLEDGE_US, VALID, ZONE_STATUS
from wattnet.query._series import among_newest, condition
from wattnet.query._states import UNKNOWN
from wattnet.schemas import ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wattnet.query._series import Piece

# A series' place in the answer: ClickHouse sorts by it, and it travels instead of the id.
POSITION = "transform(m.series_id, {ids:Array(UInt64)}, {positions:Array(Int32)}, toInt32(-1)) AS position"
# The place of data_state among those that the client knows: see _states.
# Of a LowCardinality column it would be one, and come as a list.
_STATE = (
    "CAST(transform({column}, {{states:Array(String)}}, {{codes:Array(UInt8)}}, {{unknown:UInt8}}), 'UInt8') AS state"
)
_RESOLUTION = (
    "toLowCardinality(trimRight(concat((JSONExtract(attributes, 'Tuple(resolution String, resolution_tz String)')"
    " AS length).1, ' ', length.2))) AS resolution"
)
# Ids alone name the series. What is said of zones is for the index, which sorts by them before. A set of zones beside
# the set of ids would take every zone by every id, a dozen times as many rows for one series of each zone; a set of
# pairs takes its time for each of the index's marks that it looks at, which one zone spares.
_IN_ONE_ZONE = "m.zone = {zone:String}"
_IN_ZONES = "indexHint((m.zone, m.series_id) IN arrayZip({zones:Array(String)}, {ids:Array(UInt64)}))"
# FINAL: the same revision sent again replaces that revision, and only its last copy counts.
_METRICS = "metrics AS m FINAL"
_OF_NAME = """
FROM {table}{within}
WHERE m.name = {{name:String}}"""
_OF_SERIES = " AND m.series_id IN {ids:Array(UInt64)} AND "
# Before the other columns are read, and before FINAL, which takes no point for another.
RANGE = """
PREWHERE m.timestamp >= fromUnixTimestamp64Micro({start_us:Int64}, 'UTC')
  AND m.timestamp < fromUnixTimestamp64Micro({end_us:Int64}, 'UTC')"""
_AS_OF = """
  AND m.knowledge_time <= fromUnixTimestamp64Micro({as_of_us:Int64}, 'UTC')"""
# Back from the newest point among all of the piece. What is found is its series' newest wherever the search began.
_SINCE = """
  AND m.timestamp >= (SELECT max(n.timestamp) FROM newest AS n
    WHERE n.name = {name:String} AND n.zone IN {zones:Array(String)} AND n.series_id IN {ids:Array(UInt64)})
    - toIntervalDay({days:UInt16})"""
_FROM_NEWEST = """
FROM newest AS n FINAL
WHERE n.name = {name:String} AND NOT n.retracted"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT; its columns are position, timestamp, value, rank, data_state.

    rank holds valid, zone_status and knowledge_time: see _rank. Where the Select knows states, data_state is a number:
    see _states. A value is NaN where it was withdrawn, which only history shows. With attributes, they are the last
    column (JSON).
    """

    sql: str
    parameters: dict[str, object]
    small: bool = False
    """Whether one thread is enough to read it."""

    def limited(self, rows: int) -> Statement:
        """The first `rows` rows of it."""
        return replace(self, sql=f"{self.sql}\nLIMIT {rows:d}")

    def limited_each(self, rows: int) -> Statement:
        """The first `rows` rows of each series."""
        return replace(self, sql=f"{self.sql}\nLIMIT {rows:d} BY position")


@dataclass(frozen=True, slots=True)
class Select:
    """What is common to the statements of one question."""

    name: str
    quality: Mapping[str, tuple[str, ...]]
    attributes: bool = False
    as_of_us: int | None = None
    resolution: bool = False
    """Only each value's attributes `resolution` and `resolution_tz`, with a blank between, in the place of all."""
    states: tuple[str, ...] = ()

    def current(self, piece: Piece, start_us: int, end_us: int, *, where: str = "") -> Statement:
        """The current values of a range of time; of points, not revisions, for which `where` holds."""
        also = f"\n  AND {where}" if where else ""
        return self._best(piece, {"start_us": start_us, "end_us": end_us}, within=RANGE, where=also)

    def history(self, piece: Piece, start_us: int, end_us: int) -> Statement:
        """Every revision of a range of time, also those that withdraw a value."""
        columns = [
            POSITION,
            "m.timestamp AS timestamp",
            "if(m.retracted, nan, m.value) AS value",
            "m.rank AS rank",
            self._state("m.data_state"),
            *(["m.attributes AS attributes"] if self.attributes else []),
        ]
        where = {"start_us": start_us, "end_us": end_us}
        having, quality = self._quality("m.")
        return self._statement(
            f"SELECT {', '.join(columns)}{rows_of(_METRICS, piece, RANGE)}{self._as_of()}{known(piece)}{having}\n"
            f"ORDER BY position, timestamp, {KNOWLEDGE_US.format(rank='m.rank')}, rank",
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
            "n.rank AS rank",
            "n.data_state AS data_state",
            *(["n.attributes AS attributes"] if self.attributes else []),
        ]
        where, parameters = condition(self.name, labels)
        wanted, quality = self._quality("n.")
        return Statement(
            f"SELECT {', '.join(columns)}{_FROM_NEWEST}{among_newest(labels, where)}{wanted}", {**parameters, **quality}
        )

    def newest(self, piece: Piece, *, range_us: tuple[int, int] | None = None, days: int | None = None) -> Statement:
        """The newest value of each series, whatever it takes: all its points are looked at.

        In the range, or in the last so many days before the newest point of them all.
        """
        if range_us is not None:
            return self._best(piece, {"start_us": range_us[0], "end_us": range_us[1]}, within=RANGE, newest=True)
        if days is not None:
            return self._best(piece, {"days": days}, where=_SINCE, newest=True)
        return self._best(piece, {}, newest=True)

    def _best(
        self,
        piece: Piece,
        parameters: Mapping[str, object],
        *,
        within: str = "",
        where: str = "",
        newest: bool = False,
    ) -> Statement:
        """The current value of each point; of each series its newest one, when told."""
        revisions = [
            POSITION,
            *(f"m.{column} AS {column}" for column in ("timestamp", "value", "retracted", "rank", "data_state")),
            *(["m.attributes AS attributes"] if self.attributes or self.resolution else []),
        ]
        columns = [
            *("position", "timestamp", "value", "rank"),
            self._state("data_state"),
            *(["attributes"] if self.attributes else []),
            *([_RESOLUTION] if self.resolution else []),
        ]
        direction, one = (" DESC", " LIMIT 1 BY position") if newest else ("", "")
        wanted, quality = self._quality("")
        return self._statement(
            f"SELECT {', '.join(columns)} FROM (\n"  # noqa: S608  fixed text and numbered parameters
            f"SELECT {', '.join(revisions)}{rows_of(_METRICS, piece, within)}{where}{self._as_of()}\n"
            f"ORDER BY position, timestamp{direction}, rank DESC LIMIT 1 BY position, timestamp)\n"
            f"WHERE NOT retracted{known(piece)}{wanted}\nORDER BY position, timestamp{direction}{one}",
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

    def _quality(self, of: str) -> tuple[str, dict[str, object]]:
        wanted = self.quality
        having, parameters = "", dict[str, object]()
        if "valid" in wanted:
            having += f" AND {VALID.format(rank=f'{of}rank')} IN {{valid:Array(UInt8)}}"
            parameters["valid"] = [int(text == "true") for text in wanted["valid"]]
        if "zone_status" in wanted:
            having += f" AND {ZONE_STATUS.format(rank=f'{of}rank')} IN {{zone_status:Array(UInt8)}}"
            parameters["zone_status"] = [ZONE_STATUSES.index(text) for text in wanted["zone_status"]]
        if "data_state" in wanted:
            having += f" AND {of}data_state IN {{data_state:Array(String)}}"
            parameters["data_state"] = list(wanted["data_state"])
        return having, parameters


def rows_of(table: str, piece: Piece, within: str = "") -> str:
    """FROM and WHERE: the rows of a piece's series, in a table that is sorted by name, zone and series_id; alias m.

    Where the piece is every series of its name, also rows of those that came since it was looked up: see known.
    """
    of_name = _OF_NAME.format(table=table, within=within)
    return of_name if piece.every else of_name + _OF_SERIES + (_IN_ZONES if piece.zone is None else _IN_ONE_ZONE)


def known(piece: Piece) -> str:
    """A further condition, for rows that have their POSITION."""
    return " AND position >= 0" if piece.every else ""
