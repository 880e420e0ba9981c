"""The example data: what it is said to be."""

from __future__ import annotations

import warnings
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import pytest

from wattnet.examples import (
    US_GRID_2022_EMPTY_CELLS,
    US_GRID_2022_METRICS,
    US_GRID_2022_ZONES,
    us_grid_2022,
)

if TYPE_CHECKING:
    from wattnet.schemas import Metric

# gCO2/kWh by source, as the README beside the files says.
FACTORS = {"wind": 11, "solar": 41, "hydro": 24, "oil": 650, "gas": 490, "coal": 820, "nuclear": 12, "other": 230}


@pytest.fixture(scope="module")
def year() -> list[Metric]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # every label that readers expect is there
        return list(us_grid_2022())


def test_it_is_the_whole_year_of_eight_zones(year: list[Metric]) -> None:
    assert len(year) == US_GRID_2022_METRICS == 630_462
    assert 8 * 8760 * 9 - len(year) == US_GRID_2022_EMPTY_CELLS
    series = Counter((metric.name, *metric.labels.items()) for metric in year)
    assert len(series) == 72
    assert set(series.values()) <= {8760, 8757, 8737}, "three zones have empty cells"
    assert {metric.labels["zone"] for metric in year} == set(US_GRID_2022_ZONES)


def test_hours_come_in_order_and_are_known_at_their_end(year: list[Metric]) -> None:
    assert year[0].timestamp == datetime(2022, 1, 1, tzinfo=timezone.utc)
    assert year[-1].timestamp == datetime(2022, 12, 31, 23, tzinfo=timezone.utc)
    for before, after in pairwise(year[::97]):
        assert before.timestamp <= after.timestamp
    for metric in year[::97]:
        assert metric.knowledge_time == metric.timestamp + timedelta(hours=1)
        assert metric.attributes == {"resolution": "PT1H"}


def test_the_intensity_is_the_mix_weighted_with_life_cycle_factors(year: list[Metric]) -> None:
    """Which shows that no column is taken for another, and what the numbers mean."""
    mix: dict[tuple[str, datetime], dict[str, float]] = {}
    checked = 0
    for metric in year:
        hour = mix.setdefault((metric.labels["zone"], metric.timestamp), {})
        assert metric.value is not None
        if metric.name == "zone_generation":
            assert metric.labels["unit"] == "MWh"
            hour[metric.labels["production_type"]] = metric.value
        else:
            assert (metric.name, metric.labels["unit"], metric.labels["scope"]) == (
                "local_footprint",
                "gCO2/kWh",
                "life-cycle",
            )
            total = sum(hour.values())
            assert metric.value == pytest.approx(sum(FACTORS[source] * value for source, value in hour.items()) / total)
            checked += 1
    assert checked > 8 * 8700


def test_sending_it_again_sends_the_same(year: list[Metric]) -> None:
    some = len(year) // 10
    assert list(islice(us_grid_2022(), some)) == year[:some]
