"""What several boards ask of ClickHouse, as pieces of SQL with the ClickHouse plugin's macros in them.

Macros and variables are the plugin's, https://grafana.com/docs/plugins/grafana-clickhouse-datasource/latest/:
  $__fromTime
and $__toTime are DateTimes, ${zone:singlequote} is a list of quoted values.
"""

from __future__ import annotations

_RANGE_S = "toUInt32($__toTime) - toUInt32($__fromTime)"
RAW_UP_TO_S = 8 * 86_400
"""Ranges up to a week are drawn by the values themselves,"""
HOURS_UP_TO_S = 62 * 86_400
"""up to two months by the hour, longer ones by the day: at most 1,500 points a line."""

ACTUAL = "l.labels['forecast'] = ''"
"""A forecast is a series of its own; `l` is what `drawn` joins."""


def drawn(name: str, zones: str, where: str = ACTUAL) -> str:
    """A SELECT of time, labels, value and zone_status of a name's series in some zones, by a step that fits the range.

    ClickHouse reads nothing for the two steps that do not fit.
    """
    bounds = "start = $__fromTime, end = $__toTime"
    view = f"(name = '{name}', zones = [{zones}], {bounds})"
    return f"""SELECT p.time AS time, l.labels AS labels, p.value AS value, p.zone_status AS zone_status
FROM (
  SELECT toDateTime(c.timestamp) AS time, c.series_id AS series_id, c.value AS value, c.zone_status AS zone_status
  FROM current_metrics AS c
  WHERE {_RANGE_S} <= {RAW_UP_TO_S} AND c.name = '{name}' AND c.zone IN ({zones})
    AND c.timestamp >= $__fromTime AND c.timestamp < $__toTime
  UNION ALL
  SELECT h.timestamp, h.series_id, h.value, h.zone_status FROM hourly_metrics{view} AS h
  WHERE {_RANGE_S} > {RAW_UP_TO_S} AND {_RANGE_S} <= {HOURS_UP_TO_S}
  UNION ALL
  SELECT d.timestamp, d.series_id, d.value, d.zone_status FROM daily_metrics{view} AS d
  WHERE {_RANGE_S} > {HOURS_UP_TO_S}
) AS p INNER JOIN ({labels_of(name, zones)}) AS l ON l.series_id = p.series_id
WHERE {where}"""


def labels_of(name: str, zones: str) -> str:
    """A SELECT of series_id and labels."""
    return (
        "SELECT s.series_id AS series_id, any(s.labels) AS labels FROM series AS s "
        f"WHERE s.name = '{name}' AND s.zone IN ({zones}) GROUP BY s.series_id"
    )


def lines(points: str, line: str, value: str = "sum(q.value)") -> str:
    """A line for each value of `line`, an expression on `q`, which is what `drawn` gives.

    What is not final has a line of its own, named `… (preview)`, which boards draw dashed. Where a value is missing the
    line is broken: by a null for a point that says so, and behind each one that the next is late for.
    """
    return f"""SELECT a.point.1 AS time, a.line AS line, a.point.2 AS value
FROM (
  SELECT f.line AS line, minIf(f.following - f.time, f.following > f.time) OVER (PARTITION BY f.line) AS step,
    arrayJoin(if(f.following > f.time + step, [(f.time, f.value), (f.time + step, NULL)], [(f.time, f.value)])) AS point
  FROM (
    SELECT g.line AS line, g.time AS time, g.value AS value, leadInFrame(g.time, 1, g.time) OVER w AS following
    FROM (
      SELECT q.time AS time, concat({line}, if(min(q.zone_status) = 'preview', ' (preview)', '')) AS line,
        if(min(q.zone_status) = 'missing', NULL, {value}) AS value
      FROM (
{points}
      ) AS q GROUP BY q.time, {line}
    ) AS g
    WINDOW w AS (PARTITION BY g.line ORDER BY g.time ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
  ) AS f
) AS a ORDER BY time, line"""


def label_values(name: str, label: str) -> str:
    """A variable's query: the values of a label, out of the table for it."""
    return (
        "SELECT DISTINCT v.value AS value FROM label_values AS v "
        f"WHERE v.name = '{name}' AND v.label = '{label}' ORDER BY value"
    )


ZONES = (
    "SELECT DISTINCT v.value AS value FROM label_values AS v "
    "WHERE v.label = 'zone' AND v.name IN ('zone_load', 'zone_generation', 'local_footprint') ORDER BY value"
)
