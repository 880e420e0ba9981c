"""What a zone's numbers say of each other, and of what was forecast."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from wattnet.query import (
    BalanceInterval,
    ExchangeInterval,
    ForecastAccuracy,
    QuestionError,
    UnitError,
    UnpairedForecastWarning,
)
from wattnet.schemas import Metric, MetricType

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
GENERATION, LOAD = MetricType.ZONE_GENERATION, MetricType.ZONE_LOAD
IMPORT, EXPORT = MetricType.ZONE_IMPORT, MetricType.ZONE_EXPORT


def put(store: DirectWriter, name: str, values: list[float | None], *, step: str = "PT1H", **labels: object) -> None:
    """Values from T0 on; None puts nothing there."""
    length = {"PT1H": HOUR, "PT15M": HOUR / 4}[step]
    known = {"unit": "MW", "datasource": "entsoe", "data_state": "final", **labels}
    store.put(
        *(
            Metric(name, value, T0 + place * length, known, attributes={"resolution": step})
            for place, value in enumerate(values)
            if value is not None
        )
    )


def test_a_balance_adds_up_whatever_the_units_and_resolutions(store: DirectWriter, client: Client) -> None:
    put(store, GENERATION, [100.0, 100.0, 100.0], zone="AA", production_type="wind")
    put(store, GENERATION, [40.0] * 8, step="PT15M", zone="AA", production_type="solar")
    put(store, IMPORT, [20_000.0, 0.0, 0.0], zone="AA", **{"from": "BB"}, unit="kWh")
    put(store, EXPORT, [5.0, 5.0, 5.0], zone="AA", to="CC")
    put(store, LOAD, [150.0, 130.0, 90.0], zone="AA")
    put(store, LOAD, [999.0, 999.0, 999.0], zone="AA", forecast="day-ahead")
    put(store, GENERATION, [7.0], zone="AA", production_type="coal", unit="GWh", datasource="other")
    table = client.balance("AA", T0, T0 + 3 * HOUR, datasource="entsoe")
    first, second, third = table
    assert first == BalanceInterval(T0, 140.0, 20.0, 5.0, 150.0, 5.0, 5 / 150, 0)
    assert (second.residual_mwh, second.residual_share, second.missing) == (5.0, 5 / 130, 0)
    assert (third.generation_mwh, third.residual_mwh, third.load_mwh, third.missing) == (None, None, 90.0, 1)
    filled = client.balance("AA", T0, T0 + 3 * HOUR, datasource="entsoe", fill="zero")
    assert (filled[2].generation_mwh, filled[2].missing) == (100.0, 0)
    frame = table.to_pandas()
    assert frame["residual_mwh"].tolist()[:2] == [5.0, 5.0]
    assert str(frame["start"].dtype) == "datetime64[us, UTC]"
    assert table.to_polars()["generation_mwh"].to_list() == [140, 140, None]
    whole = client.balance("AA", T0, T0 + 2 * HOUR, step="1d", tz="Asia/Kathmandu", datasource="entsoe")
    assert [row.start.isoformat() for row in whole] == ["2025-03-01T00:00:00+05:45"]
    assert whole[0].generation_mwh == 280.0


def test_what_would_count_twice_is_refused(store: DirectWriter, client: Client) -> None:
    put(store, LOAD, [1.0], zone="DD")
    put(store, GENERATION, [1.0], zone="DD", production_type="wind")
    put(store, GENERATION, [1.0], zone="DD", production_type="solar", datasource="eia")
    with pytest.raises(QuestionError, match=r"datasource 'eia' and 'entsoe', .* twice: choose"):
        client.balance("DD", T0, T0 + HOUR)
    put(store, GENERATION, [1.0], zone="DD", production_type="wind", unit="MWh")
    with pytest.raises(QuestionError, match="unit 'MW' and 'MWh'"):
        client.balance("DD", T0, T0 + HOUR, datasource="entsoe")
    assert client.balance("DD", T0, T0 + HOUR, datasource="entsoe", unit="MW")[0].residual_mwh == 0.0
    with pytest.raises(QuestionError, match="no balance without zone_generation"):
        client.balance("Atlantis", T0, T0 + HOUR)
    put(store, GENERATION, [1.0], zone="EE", production_type="wind", unit="tonnes")
    put(store, LOAD, [1.0], zone="EE")
    with pytest.raises(UnitError, match="'tonnes'"):
        client.balance("EE", T0, T0 + HOUR)


def test_both_sides_of_a_border(store: DirectWriter, client: Client) -> None:
    put(store, EXPORT, [10.0, 20.0], zone="FF", to="GG")
    put(store, IMPORT, [9.0, None, 5.0], zone="GG", **{"from": "FF"}, unit="MWh", datasource="other")
    put(store, EXPORT, [1.0], zone="GG", to="FF")
    table = client.exchange("FF", "GG", T0, T0 + 4 * HOUR)
    assert table.to_list() == [
        ExchangeInterval(T0, "FF", "GG", 10.0, 9.0, 1.0),
        ExchangeInterval(T0, "GG", "FF", 1.0, None, None),
        ExchangeInterval(T0 + HOUR, "FF", "GG", 20.0, None, None),
        ExchangeInterval(T0 + 2 * HOUR, "FF", "GG", None, 5.0, None),
    ]
    assert list(table.to_arrow()["from_zone"].to_pylist()) == ["FF", "GG", "FF", "FF"]
    with pytest.raises(QuestionError, match="of the border between 'FF' and 'HH'"):
        client.exchange("FF", "HH", T0, T0 + HOUR)


def test_forecast_errors_by_lead_time(store: DirectWriter, client: Client, name: str) -> None:
    """Each revision counts at its own lead time, against what is current now."""

    def metric(value: float | None, hour: int, known: float, **labels: object) -> Metric:
        where = {"zone": "ES", "unit": "MW", **labels}
        return Metric(name, value, T0 + hour * HOUR, where, knowledge_time=T0 + known * HOUR)

    store.put(
        metric(100.0, 0, 1),
        metric(110.0, 0, 30),  # what happened was revised
        metric(200.0, 1, 2),
        metric(50.0, 2, 3),
        metric(None, 2, 4),
        metric(120.0, 0, -24, forecast="day-ahead"),
        metric(113.0, 0, -24, forecast="day-ahead", valid=False),
        metric(114.0, 0, -0.5, forecast="day-ahead"),
        metric(190.0, 1, -23.25, forecast="day-ahead"),
        metric(None, 1, -1, forecast="day-ahead"),  # withdrawn
        metric(1.0, 2, -10, forecast="day-ahead"),  # what happened is not known any more
        metric(110.0, 0, 0.5, forecast="model", datasource="ours"),  # said afterwards
    )
    table = client.forecast_error(name, start=T0, end=T0 + 24 * HOUR)
    model = {"forecast": "model", "datasource": "ours", "unit": "MW", "zone": "ES"}
    ahead = {"forecast": "day-ahead", "unit": "MW", "zone": "ES"}
    rmse = ((10.0**2 + 3.0**2 + 10.0**2) / 3) ** 0.5
    assert table.to_list() == [
        ForecastAccuracy(model, -HOUR, 1, 0.0, 0.0, 0.0),
        ForecastAccuracy(ahead, 0 * HOUR, 1, 4.0, 4.0, 4.0),
        ForecastAccuracy(ahead, 24 * HOUR, 3, 1.0, 23 / 3, rmse),
    ]
    frame = table.to_pandas()
    assert list(frame.columns)[:5] == ["datasource", "forecast", "unit", "zone", "lead"]
    assert frame["lead"].tolist() == [-HOUR, 0 * HOUR, 24 * HOUR]
    assert table.to_polars()["lead"].to_list() == table.to_arrow()["lead"].to_pylist() == [-HOUR, 0 * HOUR, 24 * HOUR]
    daily = client.forecast_error(name, start=T0, end=T0 + 24 * HOUR, lead_step="1d", forecast="day-ahead")
    assert [(row.lead.days, row.count) for row in daily] == [(0, 1), (1, 3)]
    early = client.forecast_error(name, start=T0, end=T0 + 24 * HOUR, as_of=T0 + 2 * HOUR, forecast="model")
    assert [row.bias for row in early] == [10.0], "what was known then had happened"


def test_a_forecast_is_compared_with_all_that_happened_in_its_interval(
    store: DirectWriter, client: Client, name: str
) -> None:
    """Twelve values of 5 minutes for one of an hour: their mean; of energy their sum."""
    minutes = timedelta(minutes=5)

    def metric(value: float, at: datetime, resolution: str, unit: str, **labels: object) -> Metric:
        where = {"zone": "ES", "unit": unit, **labels}
        return Metric(name, value, at, where, attributes={"resolution": resolution}, knowledge_time=T0 - HOUR)

    store.put(
        *(metric(float(place), T0 + place * minutes, "PT5M", unit) for place in range(24) for unit in ("MW", "MWh")),
        metric(5.5, T0, "PT1H", "MW", forecast="hourly"),
        metric(18.5, T0 + HOUR, "PT1H", "MW", forecast="hourly"),
        metric(66.0, T0, "PT1H", "MWh", forecast="hourly"),
    )
    power, energy = client.forecast_error(name, start=T0, end=T0 + HOUR)
    assert [(one.labels["unit"], one.count, one.bias) for one in (power, energy)] == [("MW", 1, 0.0), ("MWh", 1, 0.0)]
    later = client.forecast_error(name, start=T0 + HOUR, end=T0 + 2 * HOUR, unit="MW")
    assert [(row.lead, row.count, row.bias, row.unpaired) for row in later] == [(2 * HOUR, 1, 1.0, 0)]


def test_what_cannot_be_compared_is_counted_and_said(store: DirectWriter, client: Client, name: str) -> None:
    """A hole in what happened, and steps that are longer than the forecast's."""

    def metric(value: float, hours: float, resolution: str, **labels: object) -> Metric:
        where = {"zone": "ES", "unit": "MW", **labels}
        at = T0 + timedelta(hours=hours)
        return Metric(name, value, at, where, attributes={"resolution": resolution}, knowledge_time=T0 - HOUR)

    store.put(
        *(metric(1.0, quarter / 4, "PT15M") for quarter in range(8) if quarter != 5),
        metric(2.0, 2, "PT1H"),
        *(metric(1.0, hour, "PT1H", forecast="hourly") for hour in range(5)),
        metric(1.0, 2, "PT15M", forecast="quarterly"),
        metric(1.0, 2.25, "PT15M", forecast="quarterly"),
    )
    with pytest.warns(UnpairedForecastWarning, match=r"^3 values .* intervals of 1, and has longer steps than 2$"):
        table = client.forecast_error(name, start=T0, end=T0 + 24 * HOUR)
    shown = [(row.labels["forecast"], row.lead // HOUR, row.count, row.bias, row.unpaired) for row in table]
    assert shown == [
        ("hourly", 1, 1, 0.0, 0),
        ("hourly", 2, 0, None, 1),
        ("hourly", 3, 1, -1.0, 0),
        ("quarterly", 3, 0, None, 2),
    ], "hours 3 and 4 have not happened yet"
    assert table.to_pandas()["bias"].isna().tolist() == [False, True, False, True]


def test_a_forecast_without_its_actual_is_refused(store: DirectWriter, client: Client, name: str) -> None:
    def put_one(**labels: object) -> None:
        store.put(Metric(name, 1.0, T0, {"zone": "ES", **labels}))

    put_one(datasource="a")
    put_one(datasource="b")
    with pytest.raises(QuestionError, match="is a forecast: forecasts have a label"):
        client.forecast_error(name, start=T0, end=T0 + HOUR)
    put_one(datasource="ours", forecast="model")
    with pytest.raises(QuestionError, match=r"several datasources \(a, b\)"):
        client.forecast_error(name, start=T0, end=T0 + HOUR)
    put_one(datasource="a", forecast="theirs")
    assert len(client.forecast_error(name, start=T0, end=T0 + HOUR, datasource="a")) == 1
    put_one(datasource="a", forecast="theirs", production_type="wind")
    with pytest.raises(QuestionError, match="has no series of what happened"):
        client.forecast_error(name, start=T0, end=T0 + HOUR, datasource="a")
    with pytest.raises(QuestionError, match="no fixed length"):
        client.forecast_error(name, start=T0, end=T0 + HOUR, lead_step="1mo")
