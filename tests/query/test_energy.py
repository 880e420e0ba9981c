"""Power and energy: what lies in a bucket is the share of each value's interval that lies in it."""

from __future__ import annotations

import math
import warnings
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattnet.query import IncompleteBucketWarning, InferredResolutionWarning, QuestionError, UnitError
from wattnet.query._answer import Answer, Text
from wattnet.query._energy import integrated
from wattnet.query._points import Points
from wattnet.query._series import Match
from wattnet.query._units import UNITS
from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client, Query

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
MINUTE_US = 60_000_000


def put(
    store: DirectWriter,
    name: str,
    values: dict[float, float | None],
    *,
    start: datetime = T0,
    resolution: str | None = None,
    **labels: object,
) -> None:
    """Values by hours from the start."""
    attributes = {} if resolution is None else {"resolution": resolution}
    known = {"zone": "ES", "unit": "MW", **labels}
    store.put(
        *(Metric(name, value, start + hour * HOUR, known, attributes=attributes) for hour, value in values.items())
    )


def read(query: Query) -> list[tuple[float, float | None, float]]:
    """Hours from T0, value (None for null), coverage."""
    return [
        ((metric.timestamp - T0) / HOUR, metric.value, float(metric.attributes["coverage"]))
        for metric in query.to_list()
    ]


def test_power_becomes_energy_and_energy_power(store: DirectWriter, client: Client, name: str) -> None:
    put(
        store,
        name,
        {0: 4.0, 0.25: 8.0, 0.5: 0.0, 0.75: 2.0, 1: 6.0, 1.25: 6.0, 1.5: 6.0, 1.75: 6.0},
        resolution="PT15M",
    )
    put(store, name, {0: 1.0, 0.25: 2.0, 0.5: 0.0, 0.75: 0.5}, resolution="PT15M", unit="MWh")
    power = client.metrics(name, start=T0, end=T0 + 2 * HOUR, unit="MW")
    assert read(power.resample("1h", "energy")) == [(0, 3.5, 1), (1, 6, 1)]
    assert read(power.resample("1h", "power")) == [(0, 3.5, 1), (1, 6, 1)]
    energy = client.metrics(name, start=T0, end=T0 + HOUR, unit="MWh")
    assert read(energy.resample("30min", "energy")) == [(0, 3, 1), (0.5, 0.5, 1)]
    assert read(energy.resample("30min", "power")) == [(0, 6, 1), (0.5, 1, 1)]
    assert set(power.resample("1h", "energy").to_pandas()["unit"]) == {"MWh"}
    assert set(energy.resample("1h", "power").to_polars()["unit"]) == {"MW"}
    assert energy.resample("1h", "power").to_list()[0].labels["unit"] == "MW"


def test_a_value_that_straddles_an_edge_is_split_by_time(store: DirectWriter, client: Client, name: str) -> None:
    """Edges of buckets, and of the range: also what began before it."""
    put(store, name, {0.5: 10.0, 1.5: 20.0, 2.5: 40.0}, resolution="PT1H")
    query = client.metrics(name, start=T0 + HOUR, end=T0 + 3 * HOUR)
    assert read(query.resample("1h", "energy")) == [(1, 15, 1), (2, 30, 1)]
    quarter = client.metrics(name, start=T0 + 1.25 * HOUR, end=T0 + 1.75 * HOUR).resample("1h", "energy")
    assert read(quarter) == [(1, 2.5 + 5, 0.5)], "of a cut bucket what lies within the range"
    put(store, name, {0: 24.0, 24: 48.0}, resolution="P1D", unit="GWh")
    daily = client.metrics(name, start=T0 + 23 * HOUR, end=T0 + 25 * HOUR, unit="GWh")
    assert read(daily.resample("1h", "energy")) == [(23, 1, 1), (24, 2, 1)], "a value longer than the bucket"
    assert read(daily.resample("1h", "power")) == [(23, 1, 1), (24, 2, 1)]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-01", 24)])
def test_a_local_day_has_the_energy_of_its_hours(
    store: DirectWriter, client: Client, name: str, day: str, hours: int
) -> None:
    """Hourly values, and one value for the whole day."""
    madrid = ZoneInfo("Europe/Madrid")
    start = datetime.fromisoformat(day).replace(tzinfo=madrid)
    end = start + timedelta(days=1)
    put(store, name, dict.fromkeys(range(-30, 60), 1.0), start=start.astimezone(UTC), resolution="PT1H")
    put(store, name, {0: 100.0, hours: 100.0}, start=start.astimezone(UTC), resolution="P1D", unit="MWh")
    hourly = client.metrics(name, start=start, end=end, unit="MW").resample("1d", "energy", tz="Europe/Madrid")
    (metric,) = hourly.to_list()
    assert (metric.value, metric.attributes["coverage"], metric.attributes["count"]) == (hours, "1.0", str(hours))
    daily = client.metrics(name, start=start, end=end, unit="MWh")
    assert [metric.value for metric in daily.resample("1d", "energy", tz="Europe/Madrid").to_list()] == [100.0]
    assert [metric.value for metric in daily.resample("1d", "power", tz="Europe/Madrid").to_list()] == [100 / hours]


def test_gaps_stay_gaps_unless_they_are_filled(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, {0: 4.0, 0.5: 8.0, 1.5: 2.0, 4: 6.0, 4.5: 6.0, 5: 1.0}, resolution="PT30M")
    put(store, name, {4.5: None}, resolution="PT30M")
    query = client.metrics(name, start=T0, end=T0 + 5 * HOUR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteBucketWarning)
        assert read(query.resample("1h", "energy")) == [(0, 6, 1), (1, None, 0.5), (4, None, 0.5)]
        assert np.isnan(query.resample("1h", "power").to_pandas()["value"][1])
        assert query.resample("1h", "energy").to_polars()["value"].to_list() == [6, None, None]

    def filled(fill: str | float) -> list[float | None]:
        return [value for _, value, _ in read(query.resample("1h", "energy", fill=fill))]

    assert filled("zero") == [6, 1, 0, 0, 3]
    assert filled(10) == [6, 6, 10, 10, 8]
    assert filled("previous") == [6, 5, 2, 2, 6]
    # From 8 MW at 0:30 to 2 at 1:30 lies 5 at 1:00; from 2 at 1:30 to 6 at 4:00 lie 2.8, 3.6, 4.4 and 5.2.
    with pytest.warns(IncompleteBucketWarning, match="1 of 5 buckets"):
        interpolated = filled("interpolate")
    assert interpolated == [6, pytest.approx(3.5), pytest.approx(3.2), pytest.approx(4.8), None]
    coverage = [covered for _, _, covered in read(query.resample("1h", "energy", fill="zero"))]
    assert coverage == [1, 0.5, 0, 0, 0.5], "of what is there, not of what was filled"
    nothing = query.resample("1h", "energy", fill="zero").to_list()[2]
    assert (nothing.valid, nothing.zone_status, nothing.attributes["count"]) == (False, "missing", "0")


def test_a_bucket_with_a_hole_has_a_reason_and_an_option(store: DirectWriter, client: Client, name: str) -> None:
    """One warning, with how much of the time is covered; min_coverage takes what there is, and no more."""
    put(store, name, {0: 4.0, 0.5: 8.0, 1.5: 2.0, 2: 1.0, 2.25: 1.0, 2.5: 1.0}, resolution="PT30M")
    query = client.metrics(name, start=T0, end=T0 + 3 * HOUR)
    for how in ("energy", "power"):
        with pytest.warns(IncompleteBucketWarning) as caught:
            frame = query.resample("1h", how).to_pandas()
        assert len(caught) == 1
        assert str(caught[0].message) == (
            f"1 of 3 buckets of {name} have no {how}, because values are missing in part of their time (coverage 0.5): "
            "min_coverage=0.5 takes what there is, fill= fills the holes, gaps() lists them"
        )
        assert caught[0].filename == __file__
        assert frame["coverage"].tolist() == [1, 0.5, 1]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            enough = query.resample("1h", how, min_coverage=0.5).to_pandas()
            assert query.resample("1h", how, fill="zero").to_pandas()["value"].notna().all()
        assert enough["value"].tolist() == [6, 1 if how == "energy" else 2, 1], "the energy of half an hour"
        assert enough["coverage"].tolist() == [1, 0.5, 1]
        with pytest.warns(IncompleteBucketWarning):
            assert query.resample("1h", how, min_coverage=0.51).to_pandas()["value"].isna().sum() == 1
    for wrong in (0, 1.5, -1, True, "0.5", math.nan):
        with pytest.raises(QuestionError, match="is no share of a bucket's time"):
            query.resample("1h", "energy", min_coverage=wrong)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(QuestionError, match="leave it out, or resample by 'energy'"):
        query.resample("1h", "mean", min_coverage=0.5)


def test_a_resolution_that_is_not_given_is_inferred_and_said(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, {0: 1.0, 0.25: 1.0, 0.5: 1.0, 0.75: 1.0, 1: 1.0, 2: 1.0}, production_type="wind")
    put(store, name, {0: 1.0, 1: 1.0}, production_type="solar", resolution="PT1H")
    query = client.metrics(name, start=T0, end=T0 + 2 * HOUR).resample("1h", "energy")
    with pytest.warns(InferredResolutionWarning, match=r"1 of 2 series .* PT15M") as caught:
        assert read(query) == [(0, 1, 1), (1, 1, 1), (0, 1, 1), (1, None, 0.25)]
    assert caught[0].filename == __file__, "the line that reads, not one of the client's"
    hydro = {"zone": "ES", "unit": "MW", "production_type": "hydro"}
    odd = {"resolution": "P999999Y"}  # as it was stored before there was a rule
    store.put(Metric.from_stored(name, 1.0, T0, hydro, knowledge_time=T0, attributes=odd))
    lone = client.metrics(name, production_type="hydro", start=T0, end=T0 + HOUR).resample("1h", "energy")
    with pytest.warns(InferredResolutionWarning, match="single value"):
        assert read(lone) == []


def test_an_interval_ends_where_the_next_value_begins(store: DirectWriter, client: Client, name: str) -> None:
    """A series that goes over from hours to quarters, and one whose daily values have no calendar's lengths."""
    put(store, name, {0: 4.0}, resolution="PT1H")
    put(store, name, {0.5: 8.0, 0.75: 8.0}, resolution="PT15M")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(client.metrics(name, start=T0, end=T0 + HOUR).resample("1h", "energy")) == [(0, 6, 1)]


def test_quality_filters_and_moments_come_first(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, {0: 4.0, 0.5: 4.0}, resolution="PT30M")
    put(store, name, {1: 4.0, 1.5: 4.0}, resolution="PT30M", valid=False, zone_status="preview")
    query = client.metrics(name, start=T0, end=T0 + 2 * HOUR).resample("1h", "energy")
    assert [(metric.valid, metric.zone_status) for metric in query.to_list()] == [
        (True, "complete"),
        (False, "preview"),
    ]
    assert read(query.valid_only()) == [(0, 4, 1)]
    assert read(query.as_of("1970-01-02")) == []
    empty = query.as_of("1970-01-02").to_pandas()
    assert list(empty.columns)[-2:] == ["count", "coverage"]
    assert len(query.limit(1).to_list()) == 1
    assert query.to_pandas(wide=True).shape == (2, 1)


def test_units_that_are_mixed_or_no_power_are_refused(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, {0: 1.0}, unit="MW")
    put(store, name, {0: 1.0}, unit="kW")
    put(store, name, {0: 1.0}, unit="gCO2/kWh", production_type="wind")
    query = client.metrics(name, start=T0, end=T0 + HOUR)
    with pytest.raises(UnitError, match=r"different units \(MW, gCO2/kWh, kW\)"):
        query.resample("1h", "energy").to_list()
    with pytest.raises(UnitError, match="is in 'gCO2/kWh', so its energy is unknown"):
        client.metrics(name, start=T0, production_type="wind").resample("1h", "power").to_list()
    assert len(query.resample("1h", "mean").to_list()) == 3, "other ways do not ask for units"


def test_every_unit_of_power_has_one_of_energy() -> None:
    assert {text: unit.of_energy for text, unit in UNITS.items() if not unit.energy} == {
        "W": "Wh",
        "kW": "kWh",
        "MW": "MWh",
        "GW": "GWh",
        "TW": "TWh",
    }
    assert all(UNITS[unit.of_power].of_energy == unit.of_energy for unit in UNITS.values())
    assert (UNITS["kW"].to_mega(), UNITS["GWh"].to_mega()) == (1e-3, 1e3)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.tuples(st.integers(0, 300), st.integers(1, 90), st.integers(-50, 50)),
        min_size=1,
        max_size=12,
        unique_by=lambda v: v[0],
    ),
    edges=st.lists(st.integers(-50, 450), min_size=2, max_size=8, unique=True).map(sorted),
    cut=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    energy=st.booleans(),
)
def test_every_minute_is_counted_once(
    values: list[tuple[int, int, int]], edges: list[int], cut: tuple[int, int], energy: bool
) -> None:
    """Against a loop over minutes, each with the power of the value whose interval it lies in."""
    values = sorted(values)
    starts = [start for start, _, _ in values]
    ends = [min(start + length, after) for (start, length, _), after in zip(values, [*starts[1:], 10_000], strict=True)]
    first, last = edges[0] + cut[0], edges[-1] - cut[1]
    if first >= last or first >= edges[1] or last <= edges[-2]:
        return
    want: dict[int, tuple[float, int, int]] = {}
    for start, end, (_, _, value) in zip(starts, ends, values, strict=True):
        for minute in range(max(start, first), min(end, last)):
            bucket = max(edge for edge in edges if edge <= minute)
            amount, covered, _ = want.get(bucket, (0.0, 0, 0))
            want[bucket] = amount + (value / (end - start) if energy else value / 60), covered + 1, 0

    answer = one_series(starts, [float(value) for _, _, value in values], "MWh" if energy else "MW")
    points = Points(answer, np.array(ends) * MINUTE_US, [None], np.zeros(len(ends), np.int32))
    got = integrated(points, np.array(edges) * MINUTE_US, first * MINUTE_US, last * MINUTE_US, power=False, fill=None)
    assert (got.timestamp // MINUTE_US).tolist() == sorted(want)
    assert got.coverage is not None
    widths = dict(zip(edges, np.diff(edges).tolist(), strict=False))
    for bucket, value, coverage in zip(sorted(want), got.value.tolist(), got.coverage.tolist(), strict=True):
        amount, covered, _ = want[bucket]
        asked = min(bucket + widths[bucket], last) - max(bucket, first)
        assert coverage == pytest.approx(covered / widths[bucket])
        if covered == asked:
            assert value == pytest.approx(amount, abs=1e-9)
        else:
            assert math.isnan(value)


def one_series(minutes: list[int], values: list[float], unit: str) -> Answer:
    count = len(minutes)
    zeros = np.zeros(count, np.int32)
    return Answer(
        name="zone_load",
        label_names=["unit", "zone"],
        series=[Match(1, "ES", {"zone": "ES", "unit": unit})],
        position=zeros,
        timestamp=np.array(minutes, np.int64) * MINUTE_US,
        value=np.array(values),
        valid=np.ones(count, np.bool_),
        zone_status=Text(ZONE_STATUSES, zeros + 2),
        data_state=Text([""], zeros),
        knowledge_time=np.zeros(count, np.int64),
    )
