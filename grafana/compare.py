"""Compare zones: intensity, load and mix of several zones side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana._panels import board, coloured, limits, linked, over_time, rows, stacked, variable
from grafana._sources import INTENSITY, INTENSITY_BASE
from grafana._sql import ACTUAL, ZONES, drawn, label_values, lines

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

UID = "wattnet-compare"
_ZONES = "${zone:singlequote}"
_CARBON = f"{ACTUAL} AND l.labels['footprint_type'] = 'carbon' AND l.labels['scope'] = ${{scope:singlequote}}"
_SOURCED = f"{ACTUAL} AND l.labels['datasource'] IN (${{datasource:singlequote}}, '')"


def compare() -> Dashboard:
    """The board."""
    carbon = drawn("local_footprint", _ZONES, _CARBON)
    generation = drawn("zone_generation", _ZONES, _SOURCED)
    of_zone = "q.labels['zone']"
    summary = f"""
SELECT q.labels['zone'] AS Zone, avg(q.value) AS Mean, min(q.value) AS Least, max(q.value) AS Most,
  countIf(q.zone_status != 'complete') AS `Not complete`
FROM (
{carbon}
) AS q GROUP BY Zone ORDER BY Mean"""
    shares = f"""
SELECT t.zone AS Zone, t.kind AS `Production type`, t.value / sum(t.value) OVER (PARTITION BY t.zone) AS Share
FROM (
  SELECT q.labels['zone'] AS zone, q.labels['production_type'] AS kind, avg(q.value) AS value
  FROM (
{generation}
  ) AS q WHERE q.value > 0 GROUP BY zone, kind
) AS t ORDER BY Zone, Share DESC"""
    return (
        board(UID, "Wattnet: compare zones", "Carbon intensity, load and generation of several zones.", since="now-7d")
        .with_variable(variable("zone", "Zones", ZONES, several=True))
        .with_variable(variable("datasource", "Data source", label_values("zone_generation", "datasource")))
        .with_variable(variable("scope", "Scope", label_values("local_footprint", "scope")))
        .with_panel(
            limits(
                over_time(
                    "Carbon intensity",
                    lines(carbon, of_zone, "avg(q.value)"),
                    "none",
                    width=24,
                    about="gCO2eq/kWh. Dashed: preview. Gaps: missing.",
                ),
                INTENSITY_BASE,
                INTENSITY,
            )
        )
        .with_panel(
            over_time(
                "Load",
                lines(drawn("zone_load", _ZONES, _SOURCED), of_zone),
                "none",
                about="In the unit of the series. Dashed: preview. Gaps: missing.",
            )
        )
        .with_panel(
            stacked(
                over_time(
                    "Generation",
                    lines(generation, of_zone),
                    "none",
                    about="All production types together, in the unit of the series.",
                )
            )
        )
        .with_panel(
            linked(
                coloured(
                    rows(
                        "Carbon intensity over the range",
                        summary,
                        units={"Least": "none", "Most": "none"},
                        about="Unweighted means of what the board draws, so of days where it draws days.",
                    ),
                    "Mean",
                    "none",
                    INTENSITY_BASE,
                    INTENSITY,
                ),
            )
        )
        .with_panel(
            rows(
                "Mix over the range",
                shares,
                units={"Share": "percentunit"},
                about="Of mean generation, without what is negative.",
            )
        )
    )
