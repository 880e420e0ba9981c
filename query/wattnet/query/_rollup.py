"""Buckets of whole days (UTC) out of the roll-up, which has a row a series and day, instead of out of all revisions.

The roll-up says up to which insert its passes are. A day that something arrived for since then is read from metrics,
and so are the parts of days at the ends of a range. So a bucket is what the current values come to at any moment; only
sums over several days are added up in another order.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from wattnet.query._rank import together
from wattnet.query._statement import POSITION, RANGE, Statement, known, rows_of
from wattnet.query._step import DAY_US, HOUR_US

if TYPE_CHECKING:
    from wattnet.query._series import Piece
    from wattnet.query._statement import Select

AGGREGATES = {
    "mean": "sum(total) / sum(points)",
    "sum": "sum(total)",
    "min": "min(lowest)",
    "max": "max(highest)",
    "count": "toFloat64(sum(points))",
}
"""What is made of a bucket's rows; the first and the last value of a day are not in the roll-up."""
COUNT = "sum(points)"
HOURS = "groupArrayArray(hours)"
"""The hour of each value, since 1970."""

# Three series by a year. Fewer values are read sooner than it takes ClickHouse to plan this.
_WORTH_IT_US = 3 * 365 * DAY_US
_EPOCH = date(1970, 1, 1)
_RANK = together("m.valid", "m.zone_status", "toUnixTimestamp64Micro(m.knowledge_time)")
# A partition that no pass has come to has no number. Replicated tables number their inserts from 0, others from 1.
_LATER = "> if(mapContains(done, m._partition_id), toInt64(done[m._partition_id]), -1)"
_BEFORE = "m.timestamp < toDateTime({first_day:Date}, 'UTC')"
_BEHIND = "m.timestamp >= toDateTime({end_day:Date}, 'UTC')"
_ROWS = """WITH (
  SELECT CAST((groupArray(r.zone), groupArray(r.upto)), 'Map(String, UInt64)') FROM rollup AS r FINAL WHERE r.name = ''
) AS done, later AS (
  SELECT m.series_id, toDate(m.timestamp){arrived}
    AND toInt64(splitByChar('_', m._part)[3]) {later} AND toInt64(m._block_number) {later}
)
SELECT {position}, toUnixTimestamp64Micro(toDateTime64(m.day, 6, 'UTC')) AS us, m.count AS points, m.sum AS total,
  m.min AS lowest, m.max AS highest, {rank} AS rank{hours_of_day}{days}
  AND m.day >= {{first_day:Date}} AND m.day < {{end_day:Date}} AND m.count > 0{known}
  AND (m.series_id, m.day) NOT IN later
UNION ALL
SELECT position, toUnixTimestamp64Micro(timestamp), toUInt32(1), value, value, value, rank{hour_of_value}
FROM (
{values}
)"""

_HOURS_OF_DAY = """,
  arrayFlatten(arrayMap(h -> arrayWithConstant(h.count, toInt64(m.day) * 24 + h.hour), m.hours)) AS hours"""
_HOUR_OF_VALUE = f", [intDiv(toUnixTimestamp64Micro(timestamp), {HOUR_US})]"


def is_worth_it(select: Select, piece: Piece, start_us: int, end_us: int) -> bool:
    """Whether the roll-up knows what is asked for, and many values are spared."""
    return not select.quality and select.as_of_us is None and len(piece.series) * (end_us - start_us) >= _WORTH_IT_US


def rows(select: Select, piece: Piece, start_us: int, end_us: int, *, hours: bool) -> Statement:
    """Days, and values where there is no day: position, us, points, total, lowest, highest, rank; `hours` if wanted."""
    first_day, end_day = -(-start_us // DAY_US), end_us // DAY_US
    elsewhere = ["(m.series_id, toDate(m.timestamp)) IN later"]
    if start_us % DAY_US:
        elsewhere.append(_BEFORE)
    if end_us % DAY_US:
        elsewhere.append(_BEHIND)
    values = select.current(piece, start_us, end_us, where=f"({' OR '.join(elsewhere)})")
    sql = _ROWS.format(
        position=POSITION,
        rank=_RANK,
        hours_of_day=_HOURS_OF_DAY if hours else "",
        hour_of_value=_HOUR_OF_VALUE if hours else "",
        arrived=rows_of("metrics AS m", piece, RANGE),
        later=_LATER,
        days=rows_of("rollup AS m FINAL", piece),
        known=known(piece),
        values=values.sql,
    )
    days = {"first_day": _EPOCH + timedelta(days=first_day), "end_day": _EPOCH + timedelta(days=end_day)}
    return Statement(sql, {**values.parameters, **days})
