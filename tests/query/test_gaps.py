"""Holes of series: where they are, and how many values they miss."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import takewhile
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from wattnet.examples import us_grid_2022
from wattnet.query import Gap, InferredResolutionWarning, QuestionError
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client, Table

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def put(
    store: DirectWriter, name: str, hours: list[float], *, resolution: str | None = "PT1H", **labels: object
) -> None:
    attributes = {} if resolution is None else {"resolution": resolution}
    store.put(*(Metric(name, 1.0, T0 + hour * HOUR, {"zone": "ES", **labels}, attributes=attributes) for hour in hours))


def seen(gaps: Table[Gap]) -> list[tuple[float, float, int | None]]:
    return [((gap.start - T0) / HOUR, (gap.end - T0) / HOUR, gap.missing) for gap in gaps]


def test_gaps_are_between_values_and_at_both_ends(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, [2, 3, 6, 7])
    assert seen(client.metrics(name, start=T0, end=T0 + 10 * HOUR).gaps()) == [(0, 2, 2), (4, 6, 2), (8, 10, 2)]
    assert seen(client.metrics(name, start=T0 + 2.5 * HOUR, end=T0 + 7.9 * HOUR).gaps()) == [(4, 6, 2)]
    assert seen(client.metrics(name, start=T0 + 1.5 * HOUR, end=T0 + 8.9 * HOUR).gaps()) == [(4, 6, 2)], "no whole step"
    assert seen(client.metrics(name, start=T0 + 4.5 * HOUR, end=T0 + 6 * HOUR).gaps()) == [(4.5, 6, 1)]
    assert seen(client.metrics(name, start=T0 + 20 * HOUR, end=T0 + 24 * HOUR).gaps()) == [(20, 24, 4)]
    half = client.metrics(name, start=T0 + 2 * HOUR, end=T0 + 4 * HOUR).gaps("30min")
    assert seen(half) == [(2.5, 3, 1), (3.5, 4, 1)]


def test_withdrawn_and_invalid_values_are_missing(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, [0, 1, 2])
    put(store, name, [3], valid=False)
    store.put(Metric(name, None, T0 + HOUR, {"zone": "ES"}))
    query = client.metrics(name, start=T0, end=T0 + 4 * HOUR)
    assert seen(query.gaps()) == [(1, 2, 1)]
    assert seen(query.valid_only().gaps()) == [(1, 2, 1), (3, 4, 1)]
    assert seen(query.valid_only().limit(1).gaps()) == [(1, 2, 1)]


def test_each_series_has_its_own_step(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, [0, 0.5, 1, 2.5, 3], resolution=None, production_type="wind")
    put(store, name, [0, 1, 3], production_type="solar")
    put(store, name, [-100], resolution=None, production_type="hydro")
    query = client.metrics(name, start=T0, end=T0 + 4 * HOUR)
    with pytest.warns(InferredResolutionWarning, match="PT30M"):
        gaps = query.gaps()
    found = [(gap.labels["production_type"], gap.missing) for gap in gaps]
    assert found == [("hydro", None), ("solar", 1), ("wind", 2), ("wind", 1)]
    frame = gaps.to_pandas()
    assert list(frame.columns) == ["production_type", "zone", "start", "end", "missing"]
    assert (str(frame["missing"].dtype), frame["missing"].isna().tolist()[:2]) == ("Int64", [True, False])
    assert gaps.to_polars()["missing"].to_list() == gaps.to_arrow()["missing"].to_pylist() == [None, 1, 2, 1]
    assert [gap.missing for gap in query.gaps("1h")] == [4, 1], "half an hour is no gap of an hour"


def test_days_of_a_calendar_are_no_gap_when_clocks_change(store: DirectWriter, client: Client, name: str) -> None:
    madrid = ZoneInfo("Europe/Madrid")
    days = [datetime(2025, month, day, tzinfo=madrid) for month, day in ((10, 25), (10, 26), (10, 28))]
    store.put(
        *(Metric(name, 1.0, day.astimezone(UTC), {"zone": "ES"}, attributes={"resolution": "P1D"}) for day in days)
    )
    query = client.metrics(name, start=days[0], end=datetime(2025, 11, 1, tzinfo=madrid))
    gaps = query.gaps(tz="Europe/Madrid")
    assert [(gap.start.isoformat(), gap.missing) for gap in gaps] == [
        ("2025-10-27T00:00:00+01:00", 1),
        ("2025-10-29T00:00:00+01:00", 3),
    ]
    assert str(gaps.to_pandas()["start"].dt.tz) == "Europe/Madrid"
    assert gaps.to_arrow().schema.field("end").type.tz == "Europe/Madrid"
    monthly = client.metrics(name, start="2024-01-15T00:00Z", end="2025-10-01T00:00Z").gaps("1mo")
    assert [gap.missing for gap in monthly] == [20]


def test_a_real_grid(store: DirectWriter, client: Client) -> None:
    """PJM around 2022-03-13: what its file lacks is missing, and a day's energy is the sum of its hours."""
    first, after = datetime(2022, 3, 12, tzinfo=UTC), datetime(2022, 3, 15, tzinfo=UTC)
    year = takewhile(lambda metric: metric.timestamp < after, us_grid_2022())
    days = [
        metric
        for metric in year
        if metric.timestamp >= first and metric.name == "zone_generation" and metric.labels["zone"] == "PJM"
    ]
    store.put(*days)
    query = client.metrics("zone_generation", zone="PJM", start=first, end=after)
    assert sum(gap.missing or 0 for gap in query.gaps()) == 3 * 24 * 8 - len(days) > 0
    sums: dict[tuple[str, datetime], list[float]] = {}
    for metric in days:
        midnight = metric.timestamp.replace(hour=0)
        sums.setdefault((metric.labels["production_type"], midnight), []).append(metric.value or 0.0)
    for metric in query.resample("1d", "energy").to_list():
        hours = sums[metric.labels["production_type"], metric.timestamp]
        assert metric.value == (pytest.approx(sum(hours)) if len(hours) == 24 else None)


def test_a_table_is_a_sequence_also_when_it_is_empty(store: DirectWriter, client: Client, name: str) -> None:
    put(store, name, [0, 1])
    none = client.metrics(name, start=T0, end=T0 + 2 * HOUR).gaps()
    assert (len(none), none.to_list()) == (0, [])
    assert str(none.to_pandas()["start"].dtype) == "datetime64[us, UTC]"
    assert none.to_polars().columns == none.to_arrow().column_names == ["start", "end", "missing"]
    some = client.metrics(name, start=T0, end=T0 + 4 * HOUR).gaps()
    assert isinstance(some[0], Gap)
    assert some[:1].to_list() == list(some)
    assert repr(some) == "<Table of 1 Gap>"
    assert "missing" in some._repr_html_()
    assert isinstance(some.to_pandas(), pd.DataFrame)
    for refused in (client.latest(name), client.metrics(name, start=T0).history()):
        with pytest.raises(QuestionError, match="current values of a range"):
            refused.gaps()
    with pytest.raises(QuestionError, match="step"):
        client.metrics(name, start=T0).gaps("often")
