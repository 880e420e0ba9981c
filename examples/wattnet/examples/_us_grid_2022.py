"""A year of eight US grids as metrics: an example of how a module turns what it reads into the common format.

The files in us_grid_2022/ hold one row an hour: generation by source in MWh, and the average carbon intensity of that
mix in gCO2/kWh. Source and licence stand beside them.
"""

from __future__ import annotations

import csv
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from typing import TYPE_CHECKING

from wattnet.schemas import Metric, MetricType

if TYPE_CHECKING:
    from collections.abc import Iterator

# The codes by which the grid operators ("balancing authorities") report to the US EIA.
US_GRID_2022_ZONES = {
    "AZPS": "Arizona Public Service",
    "BPAT": "Bonneville Power Administration",
    "CISO": "California ISO",
    "ERCO": "Electric Reliability Council of Texas",
    "MISO": "Midcontinent ISO",
    "NYIS": "New York ISO",
    "PJM": "PJM Interconnection",
    "SOCO": "Southern Company",
}
# 8 zones x 8,760 hours x 9 columns, without the cells that are empty: their hours are not published at all.
US_GRID_2022_EMPTY_CELLS = 258
US_GRID_2022_METRICS = 8 * 8760 * 9 - US_GRID_2022_EMPTY_CELLS

PRODUCTION_TYPES = {
    "WND": "wind",
    "SUN": "solar",
    "WAT": "hydro",
    "OIL": "oil",
    "NG": "gas",
    "COL": "coal",
    "NUC": "nuclear",
    "OTH": "other",
}
HOUR = timedelta(hours=1)
RESOLUTION = {"resolution": "PT1H"}


def us_grid_2022() -> Iterator[Metric]:
    """All `US_GRID_2022_METRICS` of them, hour by hour from 2022-01-01T00:00Z, as if they came in live.

    Each value is known at the end of its hour: `knowledge_time` is fixed, so publishing the year again replaces every
    revision by itself. Two metric types:

    - zone_generation {zone, production_type, unit=MWh, datasource=eia}, data_state final: generated in that hour
    - local_footprint {zone, footprint_type=carbon, scope=life-cycle, unit=gCO2/kWh, datasource=eia}: the average
      carbon intensity of what was generated in that hour
    """
    folder = files("wattnet.examples") / "us_grid_2022"
    with ExitStack() as stack:
        tables = [
            csv.reader(stack.enter_context((folder / f"{zone}.csv").open(encoding="utf-8")))
            for zone in US_GRID_2022_ZONES
        ]
        columns = [_series(zone, next(table)[1:]) for zone, table in zip(US_GRID_2022_ZONES, tables, strict=True)]
        for rows in zip(*tables, strict=True):
            timestamp = datetime.fromisoformat(rows[0][0]).astimezone(timezone.utc)
            knowledge_time = timestamp + HOUR
            for series, row in zip(columns, rows, strict=True):
                for (metric_type, labels), cell in zip(series, row[1:], strict=True):
                    if cell:
                        yield Metric(
                            metric_type,
                            float(cell),
                            timestamp,
                            labels,
                            knowledge_time=knowledge_time,
                            attributes=RESOLUTION,
                        )


def _series(zone: str, header: list[str]) -> list[tuple[MetricType, dict[str, str]]]:
    """What each column of a zone's file is."""
    common = {"zone": zone, "datasource": "eia"}
    generation = {
        column: (
            MetricType.ZONE_GENERATION,
            {**common, "production_type": production_type, "unit": "MWh", "data_state": "final"},
        )
        for column, production_type in PRODUCTION_TYPES.items()
    }
    # The life cycle's factors: dividing the column by the mix gives 11 for wind, 41 solar, 490 gas, 820 coal, ...
    intensity = {**common, "footprint_type": "carbon", "scope": "life-cycle", "unit": "gCO2/kWh"}
    of_column = {**generation, "avg_CI": (MetricType.LOCAL_FOOTPRINT, intensity)}
    return [of_column[column] for column in header]
