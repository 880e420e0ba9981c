"""What became another value since a moment of arrival.

Only points that something arrived for are looked at; an index on `stored_at` (migration 010) finds them. What was
current before is the value of greatest rank among the revisions that had been stored by then. A revision that was
stored twice counts as its later copy, so whether the older one has been merged away makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.query._errors import FilterError
from wattnet.query._question import within
from wattnet.query._rank import KNOWLEDGE_US
from wattnet.query._series import find_matches
from wattnet.query._statement import POSITION
from wattnet.query._table import Table
from wattnet.query._times import EPOCH, MICROSECOND, now_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo
    from typing import Any

    from wattnet.query._database import Database
    from wattnet.query._filters import Filters
    from wattnet.query._series import Match
    from wattnet.query._times import Moment

_WHERE = """
WHERE m.name = {name:String} AND m.zone IN {zones:Array(String)} AND m.series_id IN {ids:Array(UInt64)}"""
_START = " AND m.timestamp >= fromUnixTimestamp64Micro({start_us:Int64}, 'UTC')"
_END = " AND m.timestamp < fromUnixTimestamp64Micro({end_us:Int64}, 'UTC')"
# In stored_at's own type, or the index is of no use.
_SINCE = "fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')"
_STATEMENT = """
SELECT {position},
       m.timestamp AS timestamp,
       countIf(m.stored_at < {since}) > 0 AND NOT argMaxIf(m.retracted, m.rank, m.stored_at < {since}) AS was_there,
       argMaxIf(m.value, m.rank, m.stored_at < {since}) AS before,
       NOT argMax(m.retracted, m.rank) AS is_there, argMax(m.value, m.rank) AS now,
       fromUnixTimestamp64Micro(toInt64({knowledge_us}), 'UTC') AS knowledge_time,
       argMax(m.stored_at, m.rank) AS stored_at
FROM metrics AS m FINAL{where}
  AND (m.zone, m.series_id, m.timestamp) IN (
    SELECT m.zone, m.series_id, m.timestamp FROM metrics AS m{where} AND m.stored_at >= {since})
GROUP BY m.series_id, m.timestamp
HAVING was_there != is_there OR (is_there AND before != now)
ORDER BY position, timestamp"""


@dataclass(frozen=True, slots=True)
class Revised:
    """A point whose current value is not what it was, in the unit of its series."""

    labels: Mapping[str, str]
    timestamp: datetime
    kind: str
    """appeared (there was none), revised, or retracted (there is none any more)."""
    before: float | None
    now: float | None
    difference: float | None
    """now - before; None unless revised."""
    relative: float | None
    """Of the size of `before`: 0.1 is a tenth more. None unless revised, and where it was 0."""
    knowledge_time: datetime
    """Of the revision that is current now, or that withdraws the value."""
    stored_at: datetime
    """When ClickHouse took that one in."""


def changed_since(
    database: Database,
    since: Moment,
    name: str,
    filters: Filters,
    *,
    start: Moment | None,
    end: Moment | None,
    zone: tzinfo,
) -> Table[Revised]:
    """See Client.changed_since."""
    for quality in filters.quality:
        raise FilterError(
            f"{quality!r} tells values apart, not series, and it may be what changed: leave it out here, and read "
            "metrics() for it"
        )
    now = now_us()
    where = _WHERE
    parameters: dict[str, object] = {"name": name, "since_ms": -(-within(since.at(now)) // 1000)}
    for moment, clause, parameter in ((start, _START, "start_us"), (end, _END, "end_us")):
        if moment is not None:
            where += clause
            parameters[parameter] = within(moment.at(now))
    matches = find_matches(database, name, filters.labels)
    rows: list[Revised] = []
    for piece in matches.pieces():
        series = {
            "zones": list({match.zone for match in piece.series}),
            "ids": [match.series_id for match in piece.series],
            "positions": list(piece.positions),
        }
        sql = _STATEMENT.format(
            position=POSITION, knowledge_us=KNOWLEDGE_US.format(rank="max(m.rank)"), where=where, since=_SINCE
        )
        for block in database.blocks(sql, {**parameters, **series}, rows_before=len(rows)):
            rows += [_revised(matches.series, zone, *row) for row in zip(*block, strict=True)]
    return Table(Revised, rows, zone)


def _revised(
    series: Sequence[Match],
    zone: tzinfo,
    position: int,
    timestamp_us: int,
    was_there: bool,  # noqa: FBT001  a row of the statement
    before: float,
    is_there: bool,  # noqa: FBT001  likewise
    now: float,
    knowledge_us: int,
    stored_ms: int,
) -> Revised:
    def moment(us: int) -> Any:
        return (EPOCH + us * MICROSECOND).astimezone(zone)

    both = was_there and is_there
    return Revised(
        labels=series[position].labels,
        timestamp=moment(timestamp_us),
        kind="revised" if both else "appeared" if is_there else "retracted",
        before=before if was_there else None,
        now=now if is_there else None,
        difference=now - before if both else None,
        relative=(now - before) / abs(before) if both and before else None,
        knowledge_time=moment(knowledge_us),
        stored_at=moment(stored_ms * 1000),
    )
