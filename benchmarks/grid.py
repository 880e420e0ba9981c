"""A grid's history, made by ClickHouse itself: two years of hourly values, 60 series in each of 60 zones.

One point in ten is revised two days later, half of these were previews before, and one revision in a hundred withdraws
the value. Everything goes through metrics_ingest, as from a consumer.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

ZONES = (
    *(
        "AL",
        "AT",
        "BA",
        "BE",
        "BG",
        "CH",
        "CZ",
        "DE-LU",
        "DK-1",
        "DK-2",
        "EE",
        "ES",
        "FI",
        "FR",
        "GB",
        "GR",
        "HR",
        "HU",
    ),
    *("IE", "IT-CNOR", "IT-CSUD", "IT-NORD", "IT-SARD", "IT-SICI", "IT-SUD", "LT", "LU", "LV", "MD", "ME", "MK", "MT"),
    *("NL", "NO-1", "NO-2", "NO-3", "NO-4", "NO-5", "PL", "PT", "RO", "RS", "SE-1", "SE-2", "SE-3", "SE-4", "SI", "SK"),
    *("TR", "UA", "XK", "US-CAL-CISO", "US-CAR-DUK", "US-CENT-SPA", "US-FLA-FPL", "US-MIDA-PJM", "US-MIDW-MISO"),
    *("US-NW-BPAT", "US-NY-NYIS", "US-TEX-ERCO"),
)
PRODUCTION_TYPES = (
    *("solar", "wind-onshore", "wind-offshore", "nuclear", "gas", "hard-coal", "lignite", "oil", "hydro-run-of-river"),
    *(
        "hydro-reservoir",
        "hydro-pumped-storage",
        "biomass",
        "waste",
        "geothermal",
        "marine",
        "peat",
        "oil-shale",
        "other",
    ),
)
DATASOURCES = ("entsoe", "national-operator", "estimated-mix")
FIRST_HOUR = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOURS = 736 * 24
SERIES_A_ZONE = 60
ROWS_A_SERIES = HOURS * 1.1

_SERIES_TABLE = (
    "CREATE OR REPLACE TABLE grid_series (number UInt32, name String, labels Map(String, String)) ENGINE = Memory"
)
_HOURS_AN_INSERT = 126
# Point by point the same in every run. A revision comes with the points of the next stretch of hours.
_STRETCH = """
    INSERT INTO metrics_ingest (topic, topic_id, `partition`, `offset`, kafka_time, claim_first, claim_next,
        claim_messages, name, value, timestamp, labels, knowledge_time, zone_status, data_state, attributes)
    WITH cityHash64(s.number, h.number) AS dice, dice % 10 = 0 AS is_revised,
         toDateTime64('2024-01-01 00:00:00', 6, 'UTC') + toIntervalHour(h.number) AS hour
    SELECT 'grid', 'grid', 0, h.number * 3600 + s.number, known, 0, 0, 0,
        s.name,
        if(h.number < {middle:UInt32} AND dice % 1000 = 0, NULL,
           round(1000 * (s.number % 17 + 1) * (1 + 0.3 * sin(h.number * 0.2618 + s.number)) + dice % 971 / 10
                 + (h.number < {middle:UInt32}), 1)),
        hour, s.labels,
        hour + toIntervalHour(if(h.number < {middle:UInt32}, 49, 1)) + toIntervalMicrosecond(s.number * 1013) AS known,
        if(h.number >= {middle:UInt32} AND dice % 20 = 0, 'preview', 'complete'),
        if(h.number < {middle:UInt32}, 'final', 'provisional'),
        map('resolution', 'PT1H')
    FROM grid_series AS s CROSS JOIN (
        SELECT number FROM numbers({start:UInt32}, {end:UInt32} - {start:UInt32})) AS h
    WHERE h.number >= {middle:UInt32} OR is_revised
    SETTINGS max_insert_threads = 1, max_block_size = 65536, max_insert_block_size = 1048449, optimize_on_insert = 0,
        min_insert_block_size_rows = 1048449, min_insert_block_size_bytes = 0
"""


def series_of(zones: int, each: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and labels of every series: of each zone the same `each` ones, at most 60."""
    for zone in ZONES[:zones]:
        load = {"zone": zone, "unit": "MW"}
        footprint = {"zone": zone, "unit": "gCO2eq/kWh", "datasource": "wattnet", "footprint_type": "carbon"}
        some = [
            ("zone_load", {**load, "datasource": "entsoe"}),
            ("local_footprint", {**footprint, "scope": "life-cycle"}),
            ("zone_generation", {**load, "production_type": "solar", "datasource": "entsoe"}),
            ("zone_load", {**load, "datasource": "entsoe", "forecast": "day-ahead"}),
            ("local_footprint", {**footprint, "scope": "direct"}),
            ("zone_load", {**load, "datasource": "national-operator"}),
            ("local_footprint", {**footprint, "footprint_type": "water", "unit": "l/kWh", "scope": "life-cycle"}),
        ]
        generation = (
            ("zone_generation", {**load, "production_type": production_type, "datasource": datasource})
            for datasource in DATASOURCES
            for production_type in PRODUCTION_TYPES
        )
        some += [one for one in generation if one not in some]
        yield from some[:each]


def fill(client: Client, rows: int, *, told: Callable[[str], None]) -> None:
    """About `rows` rows into the tables, which are empty: always two years, with fewer series a zone for fewer rows."""
    each = min(max(round(rows / ROWS_A_SERIES / len(ZONES)), 1), SERIES_A_ZONE)
    series = [[number, name, labels] for number, (name, labels) in enumerate(series_of(len(ZONES), each))]
    client.command(_SERIES_TABLE)
    client.insert("grid_series", series, column_names=["number", "name", "labels"])
    stretch = _HOURS_AN_INSERT * SERIES_A_ZONE // each
    for middle in range(0, HOURS + stretch, stretch):
        moments = {"start": max(middle - stretch, 0), "middle": middle, "end": min(middle + stretch, HOURS)}
        moments["middle"] = min(middle, HOURS)
        client.command(_STRETCH, parameters=moments)
        told(f"{moments['end'] / HOURS:.0%} of {len(series):,} series by {HOURS:,} hours")
    client.command("DROP TABLE grid_series")
