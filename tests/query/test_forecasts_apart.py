"""A forecast is a series beside the actual one: a read has both unless told; what ranks or adds has actuals only."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from wattnet.query import UnknownLabelError, UnknownValueWarning
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client, Query

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
ACTUAL, AHEAD, INTRADAY = 100.0, 200.0, 300.0


@pytest.fixture
def stored(store: DirectWriter, name: str) -> str:
    """One actual series of ES with two forecasts beside it, and a zone that is only forecast."""
    hourly = {"resolution": "PT1H"}
    store.put(
        *(
            Metric(name, value, T0 + hour * HOUR, {"zone": zone, "unit": "MW", **labels}, attributes=hourly)
            for zone, value, labels, hours in (
                ("ES", ACTUAL, {}, 2),
                ("ES", AHEAD, {"forecast": "day-ahead"}, 4),
                ("ES", INTRADAY, {"forecast": "intraday"}, 4),
                ("PT", AHEAD, {"forecast": "day-ahead"}, 4),
            )
            for hour in range(hours)
        )
    )
    return name


def values(query: Query) -> set[float | None]:
    return {metric.value for metric in query.to_list()}


def test_a_read_has_all_series_and_each_choice_of_forecasts_can_be_asked_for(stored: str, client: Client) -> None:
    def read(**labels: Any) -> set[float | None]:
        return values(client.metrics(stored, zone="ES", start=T0, end=T0 + 4 * HOUR, **labels))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read() == {ACTUAL, AHEAD, INTRADAY}
        assert read(forecast=None) == {ACTUAL}
        assert read(forecast="day-ahead") == {AHEAD}
        assert read(forecast=[None, "intraday"]) == {ACTUAL, INTRADAY}
        assert [series.labels for series in client.series(stored, forecast=None)] == [{"zone": "ES", "unit": "MW"}]
        assert client.label_values(stored, "zone", forecast=None) == ["ES"]
        assert len(client.metrics(stored, start=T0, end=T0 + 4 * HOUR, forecast=None).gaps()) == 1
        assert not client.changed_since("now", stored, forecast=None).to_list()
        with client.follow(stored, start=T0, forecast=None) as changes:
            assert [next(changes).metric.value for _ in range(2)] == [ACTUAL, ACTUAL]
            assert changes.step() is None


def test_what_ranks_or_adds_has_actuals_only_unless_told(stored: str, client: Client) -> None:
    assert values(client.latest(stored)) == {ACTUAL}
    assert values(client.latest(stored, zone="ES", forecast=["day-ahead", "intraday"])) == {AHEAD, INTRADAY}
    assert values(client.latest(stored, zone="ES", forecast=[None, "day-ahead"])) == {ACTUAL, AHEAD}
    day = client.metrics(stored, start=T0, end=T0 + 4 * HOUR)
    assert values(day.latest()) == {ACTUAL}
    assert values(day.resample("2h", "energy").limit(1)) == {2 * ACTUAL}
    assert values(day.resample("2h", "power")) == {ACTUAL}
    assert len(day.resample("2h").to_list()) == 7, "a mean is of each series by itself"
    told = client.metrics(stored, zone="ES", start=T0, end=T0 + 4 * HOUR, forecast="day-ahead")
    assert values(told.resample("4h", "energy")) == {4 * AHEAD}


def test_where_there_are_forecasts_only_a_warning_says_so(stored: str, client: Client) -> None:
    with pytest.warns(UnknownValueWarning, match=r"is an actual series, but 1 with forecast=… \('day-ahead'"):
        assert client.latest(stored, zone="PT").to_list() == []
    with pytest.warns(UnknownValueWarning, match=r"without the label 'unit', but 4 with unit=… \('MW'\)"):
        assert client.metrics(stored, start=T0, unit=None).to_list() == []


def test_a_label_that_no_series_has_is_absent_if_it_is_a_known_one_and_else_misspelled(
    stored: str, client: Client
) -> None:
    assert values(client.metrics(stored, start=T0, end=T0 + HOUR, zone="ES", forecast=None, production_type=None)) == {
        ACTUAL
    }
    for found in ({}, {"zone": "XX"}):
        with pytest.raises(UnknownLabelError, match="'forcast': did you mean 'forecast'"):
            client.metrics(stored, start=T0, end=T0 + HOUR, forcast=None, **found).to_list()
