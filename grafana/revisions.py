"""Revisions and forecasts: what was known when, how values changed, and how far forecasts were off by lead time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana._panels import bars, board, by_category, moment, over_time, rows, variable
from grafana._sql import ZONES

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

UID = "wattnet-revisions"
_ZONE = "${zone:singlequote}"
_NAME = "${name:singlequote}"
_POINTS = f"m.name = {_NAME} AND m.zone = {_ZONE} AND m.timestamp >= $__fromTime AND m.timestamp < $__toTime"
_LABELS = (
    "SELECT s.series_id AS series_id, any(s.labels) AS labels FROM series AS s "
    f"WHERE s.name = {_NAME} AND s.zone = {_ZONE} GROUP BY s.series_id"
)
_LINE = "arrayStringConcat(mapValues(mapFilter((k, v) -> k NOT IN ('zone', 'unit'), l.labels)), ' ')"


def revisions() -> Dashboard:
    """The board."""
    known = "\nUNION ALL\n".join(
        f"""SELECT toDateTime(m.timestamp) AS time, concat({_LINE}, '{suffix}') AS line, m.value AS value
FROM {view} AS m INNER JOIN ({_LABELS}) AS l ON l.series_id = m.series_id
WHERE {_POINTS}"""
        for view, suffix in (
            ("current_metrics", ""),
            ("metrics_as_of(as_of = toDateTime64(${as_of:singlequote}, 6, 'UTC'))", " (then)"),
        )
    )
    changed = f"""
SELECT r.line AS Series, r.timestamp AS Point, r.revisions AS Revisions, r.first AS First, r.current AS Current,
  if(r.first = 0, NULL, r.current / r.first - 1) AS Change, r.known AS `Last revised`
FROM (
  SELECT any({_LINE}) AS line, m.timestamp AS timestamp, count() AS revisions, argMin(m.value, m.knowledge_time) AS
    first,
    argMax(m.value, m.rank) AS current, max(m.knowledge_time) AS known
  FROM metrics AS m FINAL INNER JOIN ({_LABELS}) AS l ON l.series_id = m.series_id
  WHERE {_POINTS} AND NOT m.retracted GROUP BY m.series_id, m.timestamp HAVING revisions > 1
) AS r ORDER BY abs(Change) DESC LIMIT 100"""
    arrivals = f"""
SELECT $__timeInterval(m.timestamp) AS time, count() - uniqExact(m.series_id, m.timestamp) AS revisions,
  countIf(m.retracted) AS retractions
FROM metrics AS m FINAL WHERE {_POINTS} GROUP BY time ORDER BY time"""
    return (
        board(
            UID,
            "Wattnet: revisions and forecasts",
            "Values as of a moment; forecast error by lead time.",
            since="now-7d",
        )
        .with_variable(variable("zone", "Zone", ZONES))
        .with_variable(
            variable(
                "name",
                "Metric",
                "SELECT DISTINCT v.name AS value FROM label_values AS v WHERE v.label = 'zone' ORDER BY value",
            )
        )
        .with_variable(moment("as_of", "As of (UTC)"))
        .with_panel(
            over_time(
                "Now, and as it was known then",
                f"SELECT k.time AS time, k.line AS line, k.value AS value FROM (\n{known}\n) AS k ORDER BY time, line",
                "none",
                width=24,
                height=11,
                about="`(then)`: the values as of the moment above.",
            )
        )
        .with_panel(
            rows(
                "Most revised points",
                changed,
                units={"Change": "percentunit"},
                about="From the first value known to the current one.",
            )
        )
        .with_panel(
            bars(
                over_time(
                    "Revisions", arrivals, "short", about="By the time that they are of: what came after a first value."
                )
            )
        )
        .with_panel(
            by_category(
                "Forecast error by lead time",
                _errors("avg(abs(e.forecast - e.actual)) AS `Mean error`, avg(e.forecast - e.actual) AS Bias"),
                "none",
                about="Of zone_load and zone_generation, in the unit of the series; lead time is from issue to "
                "the interval's start.",
            )
        )
        .with_panel(
            rows(
                "Forecasts by lead time",
                _errors(
                    "count() AS Values, avg(abs(e.forecast - e.actual)) AS `Mean error`, "
                    "sum(abs(e.forecast - e.actual)) / sum(abs(e.actual)) AS `Relative error`"
                ),
                units={"Relative error": "percentunit"},
                about="Relative: all errors by all that happened.",
            )
        )
    )


def _errors(columns: str) -> str:
    """By lead time: every revision of a forecast against the current value of the same series without it."""
    pieces = [
        f"""SELECT f.lead AS lead, f.value AS forecast, a.value AS actual
FROM (
  SELECT m.timestamp AS timestamp, t.actual AS series_id, m.value AS value,
    dateDiff('hour', m.knowledge_time, m.timestamp) AS lead
  FROM metrics AS m FINAL INNER JOIN ({_pairs(name)}) AS t ON t.series_id = m.series_id
  WHERE {_of(name)} AND NOT m.retracted AND m.series_id IN (SELECT t.series_id FROM ({_pairs(name)}) AS t)
) AS f INNER JOIN (
  SELECT m.timestamp AS timestamp, m.series_id AS series_id, m.value AS value FROM current_metrics AS m
  WHERE {_of(name)} AND m.series_id IN (SELECT t.actual FROM ({_pairs(name)}) AS t)
) AS a ON a.timestamp = f.timestamp AND a.series_id = f.series_id"""
        for name in ("zone_load", "zone_generation")
    ]
    both = "\nUNION ALL\n".join(pieces)
    return f"""
SELECT multiIf(e.lead < 0, 'after', e.lead < 1, '0-1 h', e.lead < 6, '1-6 h', e.lead < 24, '6-24 h', e.lead < 48,
  '24-48 h', '48 h and more') AS Lead,
  {columns}
FROM (
{both}
) AS e GROUP BY Lead ORDER BY min(e.lead)"""


def _of(name: str) -> str:
    return f"m.name = '{name}' AND m.zone = {_ZONE} AND m.timestamp >= $__fromTime AND m.timestamp < $__toTime"


def _pairs(name: str) -> str:
    """Each forecast's series with that of what it forecasts: the same labels but for `forecast`, so its id is known."""
    rest = "arraySort(CAST(mapFilter((k, v) -> k != 'forecast', any(s.labels)), 'Array(Tuple(String, String))'))"
    return (
        f"SELECT s.series_id AS series_id, cityHash64('{name}', {rest}) AS actual FROM series AS s "
        f"WHERE s.name = '{name}' AND s.zone = {_ZONE} AND s.labels['forecast'] != '' GROUP BY s.series_id"
    )
