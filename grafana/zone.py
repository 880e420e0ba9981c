"""Zone: what one zone uses, makes, exchanges and emits, from a day to years."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana._panels import bars, board, limits, number, over_time, stacked, variable
from grafana._sources import INTENSITY, INTENSITY_BASE
from grafana._sql import ACTUAL, ZONES, drawn, label_values, labels_of, lines

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard
    from grafana_foundation_sdk.builders.stat import Panel

UID = "wattnet-zone"
ZONE = "${zone:singlequote}"
_SOURCED = f"{ACTUAL} AND l.labels['datasource'] IN (${{datasource:singlequote}}, '')"
_CARBON = f"{ACTUAL} AND l.labels['footprint_type'] = 'carbon' AND l.labels['scope'] = ${{scope:singlequote}}"
_STEP = "The values themselves up to a week, means by the hour up to two months, by the day (UTC) beyond."
_QUALITY = "Dashed: preview. Gaps: missing."


def zone() -> Dashboard:
    """The board."""
    generation = drawn("zone_generation", ZONE, _SOURCED)
    load = drawn("zone_load", ZONE, _SOURCED)
    exchanges = "\nUNION ALL\n".join(
        f"SELECT e.time AS time, concat({text}, e.labels['{label}']) AS line, {sign}e.value AS value FROM (\n"
        f"{drawn(name, ZONE, _SOURCED)}\n) AS e"
        for name, text, label, sign in (
            ("zone_import", "'from '", "from", ""),
            ("zone_export", "'to '", "to", "-"),
        )
    )
    datasources = (
        "SELECT DISTINCT v.value AS value FROM label_values AS v "
        "WHERE v.name IN ('zone_generation', 'zone_load') AND v.label = 'datasource' ORDER BY value"
    )
    return (
        board(UID, "Wattnet: zone", "Load, generation mix, exchanges and carbon intensity of a zone.", since="now-7d")
        .with_variable(variable("zone", "Zone", ZONES))
        .with_variable(variable("datasource", "Data source", datasources))
        .with_variable(variable("scope", "Scope", label_values("local_footprint", "scope")))
        .with_panel(_newest("Generation now", "zone_generation"))
        .with_panel(_newest("Load now", "zone_load"))
        .with_panel(
            number(
                "Newest value",
                f"SELECT dateDiff('second', max(s.last_timestamp), now()) FROM series AS s WHERE s.zone = {ZONE} "
                "AND s.labels['forecast'] = '' AND s.name IN ('zone_load', 'zone_generation')",
                "s",
                about="The age of the newest load or generation.",
                width=6,
            )
        )
        .with_panel(
            number(
                "Zones next to it",
                "SELECT uniqExact(if(s.name = 'zone_import', s.labels['from'], s.labels['to'])) FROM series AS s "
                f"WHERE s.name IN ('zone_import', 'zone_export') AND s.zone = {ZONE}",
                "short",
                about="With which it exchanges electricity.",
                width=6,
            )
        )
        .with_panel(
            stacked(
                over_time(
                    "Generation mix",
                    lines(generation, "q.labels['production_type']"),
                    "none",
                    width=24,
                    height=12,
                    about=f"In the unit of the series, by production type. {_STEP} {_QUALITY}",
                )
            )
        )
        .with_panel(over_time("Load", lines(load, "'load'"), "none", about=f"{_STEP} {_QUALITY}"))
        .with_panel(
            limits(
                over_time(
                    "Carbon intensity",
                    lines(drawn("local_footprint", ZONE, _CARBON), "'intensity'", "avg(q.value)"),
                    "none",
                    about=f"gCO2eq/kWh, by life cycle or direct emissions as chosen above. {_STEP} {_QUALITY}",
                ),
                INTENSITY_BASE,
                INTENSITY,
            )
        )
        .with_panel(
            bars(
                over_time(
                    "Exchanges",
                    "SELECT x.time AS time, x.line AS line, sum(x.value) AS value "
                    f"FROM (\n{exchanges}\n) AS x GROUP BY time, line ORDER BY time, line",
                    "none",
                    about=f"Imports up, exports down, by the zone at the other side. {_STEP}",
                )
            )
        )
        .with_panel(
            bars(
                over_time(
                    "Quality of the generation",
                    "SELECT q.time AS time, toString(q.zone_status) AS line, toFloat64(count()) AS value "
                    f"FROM (\n{generation}\n) AS q GROUP BY time, line ORDER BY time, line",
                    "short",
                    about="How many of the production types are complete, preview or missing; of a mean, the "
                    "worst counts.",
                )
            )
        )
    )


def _newest(title: str, name: str) -> Panel:
    sql = (
        f"SELECT n.value FROM (SELECT m.timestamp AS timestamp, sum(m.value) AS value FROM newest_metrics AS m "
        f"INNER JOIN ({labels_of(name, ZONE)}) AS l ON l.series_id = m.series_id "
        f"WHERE m.name = '{name}' AND m.zone = {ZONE} AND NOT m.retracted AND {_SOURCED} "
        "GROUP BY m.timestamp ORDER BY m.timestamp DESC LIMIT 1) AS n"
    )
    return number(title, sql, "none", about="The sum of what is newest, in the unit of the series.", width=6)
