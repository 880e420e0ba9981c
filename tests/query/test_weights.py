"""A mean weighs values by their time where their steps differ, and counts them where they are equal."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from wattnet.query import InferredResolutionWarning
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from direct_writer import DirectWriter

    from wattnet.query import Client, Query

UTC = timezone.utc
MADRID = ZoneInfo("Europe/Madrid")
HOUR = timedelta(hours=1)
# The day-ahead market's change from 60 to 15 minutes.
CHANGE = datetime(2025, 10, 1, tzinfo=MADRID).astimezone(UTC)
MONDAY = datetime(2025, 9, 29, tzinfo=MADRID).astimezone(UTC)
WEEK = {"start": MONDAY, "end": MONDAY + 7 * 24 * HOUR}


def prices(name: str, *, said: bool, without: Sequence[datetime] = (), **labels: object) -> list[Metric]:
    """60 EUR/MWh in each hour before the change, 80 to 110 in the quarters after it, a week in all."""
    metrics = []
    moment = MONDAY
    while moment < MONDAY + 7 * 24 * HOUR:
        step = HOUR if moment < CHANGE else HOUR / 4
        if moment not in without:
            value = 60.0 if moment < CHANGE else 80.0 + 10 * (moment.minute // 15)
            known = {"zone": "ES", "unit": "EUR/MWh", **labels}
            attributes = {"resolution": "PT1H" if step == HOUR else "PT15M"} if said else {}
            metrics.append(Metric(name, value, moment, known, attributes=attributes))
        moment += step
    return metrics


def value(query: Query) -> float:
    found: list[float] = query.to_pandas()["value"].tolist()
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("said", [True, False])
def test_the_mean_price_of_a_week_in_which_the_step_changes(
    store: DirectWriter, client: Client, name: str, *, said: bool
) -> None:
    """Two days at 60 and five at 95, whose 480 points would count ten times as much as 48."""
    store.put(*prices(name, said=said))
    week = client.metrics(name, **WEEK)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert value(week.resample("1w", tz="Europe/Madrid")) == pytest.approx((2 * 60 + 5 * 95) / 7)
    kinds = [one.category for one in caught]
    assert kinds == ([] if said else [InferredResolutionWarning]), "what is inferred is said"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        days = week.resample("1d", tz="Europe/Madrid").to_pandas()["value"].tolist()
        assert days == pytest.approx([60, 60, 95, 95, 95, 95, 95])
        assert value(week.resample("1w", "count", tz="Europe/Madrid")) == 48 + 480
        assert week.resample("1h").to_pandas()["value"].tolist() == pytest.approx([60.0] * 48 + [95.0] * 120)
        assert value(week.resample("1w", "sum", tz="Europe/Madrid")) == 48 * 60 + 480 * 95, "each value once, as ever"


def test_a_hole_weighs_nothing(store: DirectWriter, client: Client, name: str) -> None:
    """What is missing leaves the others' weights as they are, on both sides of the change and at it."""
    without = [CHANGE - HOUR, CHANGE - 9 * HOUR, CHANGE + HOUR / 4, CHANGE + 30 * HOUR]
    store.put(*prices(name, said=True, without=without))
    week = client.metrics(name, **WEEK).resample("1w", tz="Europe/Madrid")
    hours, quarters = 46 * 60.0, 120 * 95.0 - (90 + 80) / 4
    assert value(week) == pytest.approx((hours + quarters) / (46 + 120 - 0.5))


def test_equal_steps_count_each_value_once(store: DirectWriter, client: Client, name: str) -> None:
    """With holes, jitter and local days of 23 hours too: bit for bit the mean of the points, and without a word."""
    start = datetime(2025, 3, 24, tzinfo=MADRID)
    for kind, moments in {
        "holes": [start.astimezone(UTC) + n * HOUR for n in range(24 * 14) if n % 7 and n not in range(60, 80)],
        "late": [start.astimezone(UTC) + n * HOUR + timedelta(seconds=5 * (n % 9 == 0)) for n in range(24 * 14)],
        "days": [(start + timedelta(days=n)).astimezone(UTC) for n in range(14)],
    }.items():
        labels = {"zone": "ES", "kind": kind, "resolution": "P1D" if kind == "days" else "PT1H"}
        values = [0.1 * (n * 37 % 101) for n in range(len(moments))]
        store.put(*(Metric(name, one, moment, labels) for one, moment in zip(values, moments, strict=True)))
        query = client.metrics(name, kind=kind, start=moments[0], end=moments[-1] + HOUR)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert value(query.resample("1y", tz="Europe/Madrid")) == pytest.approx(
                sum(values) / len(values), rel=1e-14
            )


def test_filters_moments_fills_and_limits_hold_for_the_weights(store: DirectWriter, client: Client, name: str) -> None:
    """What is left out weighs nothing; a bucket that is added takes the weighed ones."""
    store.put(*prices(name, said=True, product="a"), *prices(name, said=True, product="b"))
    late = {"zone": "ES", "unit": "EUR/MWh", "product": "b", "valid": False}
    store.put(Metric(name, 1e6, CHANGE + timedelta(minutes=7), late, attributes={"resolution": "PT1M"}))
    asked = client.metrics(name, start=MONDAY - 7 * 24 * HOUR, end=MONDAY + 14 * 24 * HOUR)
    mean = pytest.approx((2 * 60 + 5 * 95) / 7)
    valid = asked.valid_only().resample("1w", tz="Europe/Madrid")
    assert valid.to_pandas()["value"].tolist() == [mean, mean]
    filled = asked.valid_only().resample("1w", tz="Europe/Madrid", fill="previous").to_pandas()["value"].tolist()
    assert filled == [mean] * 4
    assert valid.limit(1).to_pandas()["value"].tolist() == [mean]
    assert valid.to_pandas(wide=True).iloc[0].tolist() == [mean, mean]
    assert [metric.value for metric in valid.iter_rows()] == [mean, mean]
    assert len(valid.as_of("1971-01-01").to_list()) == 0
    spoiled = asked.resample("1w", tz="Europe/Madrid").to_pandas()["value"].tolist()
    assert spoiled[1] > 100, "an invalid value counts unless it is left out, by its minute"
    # The quarter before it ends where it begins, and what it leaves of that quarter is a hole.
    rest = 48 * 60 + 120 * 95 - 80 * 15 / 60
    assert spoiled[1] == pytest.approx((rest + 80 * 7 / 60 + 1e6 / 60) / (168 - 7 / 60))
