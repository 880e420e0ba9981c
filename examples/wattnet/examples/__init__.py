"""Examples with real data, to read and to use: they come with the package."""

from __future__ import annotations

from wattnet.examples._us_grid_2022 import (
    US_GRID_2022_EMPTY_CELLS,
    US_GRID_2022_METRICS,
    US_GRID_2022_ZONES,
    us_grid_2022,
)

__all__ = ["US_GRID_2022_EMPTY_CELLS", "US_GRID_2022_METRICS", "US_GRID_2022_ZONES", "us_grid_2022"]
