"""Overview: is everything fresh, does the pipeline run, and how clean is each zone's electricity now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana._panels import bars, board, coloured, linked, number, over_time, rows, variable
from grafana._sources import DUE, INTENSITY, INTENSITY_BASE, STALE_S
from grafana._sql import label_values

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

UID = "wattnet-overview"
_AGES = """
SELECT s.zone AS zone, dateDiff('second', max(s.last_timestamp), now()) AS age
FROM series AS s WHERE s.name IN ('zone_load', 'zone_generation') AND s.labels['forecast'] = '' GROUP BY zone"""


def overview() -> Dashboard:
    """The board."""
    intensities = """
SELECT n.zone AS Zone, n.value AS Intensity, n.zone_status AS Quality, dateDiff('second', n.timestamp, now()) AS Age
FROM newest_metrics AS n
INNER JOIN (
  SELECT s.series_id AS series_id FROM series AS s
  WHERE s.name = 'local_footprint' AND s.labels['footprint_type'] = 'carbon' AND s.labels['scope'] =
    ${scope:singlequote}
  GROUP BY s.series_id
) AS c ON c.series_id = n.series_id
WHERE n.name = 'local_footprint' AND NOT n.retracted ORDER BY Intensity"""
    ages = f"SELECT a.zone AS Zone, a.age AS Age FROM ({_AGES}) AS a ORDER BY Age DESC"
    stale = f"SELECT countIf(a.age > {STALE_S}) FROM ({_AGES}) AS a"
    return (
        board(
            UID,
            "Wattnet: overview",
            "Freshness, rates and refusals, and the zones by carbon intensity.",
            since="now-24h",
        )
        .with_variable(variable("scope", "Scope", label_values("local_footprint", "scope")))
        .with_panel(
            number(
                "Zones",
                "SELECT uniqExact(s.zone) FROM series AS s WHERE s.zone != ''",
                "short",
                about="Zones that have any value.",
            )
        )
        .with_panel(
            number("Series", "SELECT uniqExact(s.series_id) FROM series AS s", "short", about="Name and labels.")
        )
        .with_panel(
            number("Stale zones", stale, "short", base="green", steps=[(1, "red")], about=f"Load and generation. {DUE}")
        )
        .with_panel(
            number(
                "Since the last insert",
                "SELECT dateDiff('second', max(l.stored_at), now64(3)) FROM ledger AS l",
                "s",
                base="green",
                steps=[(300, "yellow"), (900, "red")],
                about="Consumers store what there is every few seconds. Red is when the alert on absent "
                "consumers fires.",
            )
        )
        .with_panel(
            number(
                "Messages in the range",
                "SELECT sum(l.messages) FROM ledger AS l WHERE $__timeFilter(l.stored_at)",
                "short",
                about="Of all topics; a message is a metric or was refused.",
            )
        )
        .with_panel(
            number(
                "Refused in the range",
                "SELECT sum(l.refused) FROM ledger AS l WHERE $__timeFilter(l.stored_at)",
                "short",
                base="green",
                steps=[(1, "yellow")],
                about="They are in dead_letters: see the board on the pipeline.",
            )
        )
        .with_panel(
            linked(
                coloured(
                    rows(
                        "Carbon intensity now",
                        intensities,
                        units={"Age": "s"},
                        height=14,
                        about="The newest value of each zone, by life cycle or direct emissions as chosen above. "
                        "Green up to 100 g/kWh, red from what gas emits, dark red from coal: see docs/dashboards.md.",
                    ),
                    "Intensity",
                    "none",
                    INTENSITY_BASE,
                    INTENSITY,
                ),
            )
        )
        .with_panel(
            linked(
                coloured(
                    rows(
                        "Freshness by zone", ages, height=14, about=f"How old the newest load or generation is. {DUE}"
                    ),
                    "Age",
                    "s",
                    "green",
                    [(2 * 3600, "yellow"), (STALE_S, "red")],
                ),
            )
        )
        .with_panel(
            bars(
                over_time(
                    "Messages stored and refused",
                    "SELECT $__timeInterval(l.stored_at) AS time, sum(l.messages) - sum(l.refused) AS stored, "
                    "sum(l.refused) AS refused FROM ledger AS l WHERE $__timeFilter(l.stored_at) GROUP BY time "
                    "ORDER BY time",
                    "short",
                    about="By the moment at which ClickHouse took them in.",
                )
            )
        )
        .with_panel(
            rows(
                "Partitions",
                "SELECT l.topic AS Topic, l.`partition` AS Partition, max(l.claim_next) AS `Next offset`, "
                "dateDiff('second', max(l.stored_at), now64(3)) AS Age FROM ledger AS l "
                "GROUP BY l.topic, l.topic_id, l.`partition` ORDER BY Age DESC LIMIT 500",
                units={"Age": "s"},
                about="How far each is stored. `wattnet lag` compares it with what Kafka holds.",
            )
        )
    )
