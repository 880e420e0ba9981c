"""Metric: its name and value, and how it is compared, kept and shown."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from dataclasses import FrozenInstanceError
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from schemas.made import T0, UTC, load, metric

from wattnet.schemas import (
    AttributeValueError,
    LabelError,
    LabelWarning,
    Metric,
    MetricError,
    MetricNameError,
    MetricTimeError,
    MetricType,
    MetricValueError,
    QualityError,
)


def test_says_what_it_was_made_of() -> None:
    made = Metric(
        MetricType.ZONE_LOAD,
        1500.5,
        datetime(2025, 3, 1, 2, 15, 0, 123456, tzinfo=ZoneInfo("Europe/Madrid")),
        {
            "zone": "ES",
            "unit": "MW",
            "datasource": "entsoe",
            "year": 2025,
            "net": True,
            "valid": False,
            "data_state": "final",
        },
        attributes={"run": 7},
    )
    assert (made.metric_type, made.name, made.value) == (MetricType.ZONE_LOAD, "zone_load", 1500.5)
    assert made.timestamp == datetime(2025, 3, 1, 1, 15, 0, 123456, tzinfo=UTC)
    assert made.timestamp.tzinfo is UTC
    assert made.labels == {"datasource": "entsoe", "net": "true", "unit": "MW", "year": "2025", "zone": "ES"}
    assert list(made.labels) == sorted(made.labels)
    assert (made.valid, made.zone_status, made.data_state, made.attributes) == (
        False,
        "complete",
        "final",
        {"run": "7"},
    )
    assert made.metadata == {**made.labels, "valid": False, "zone_status": "complete", "data_state": "final"}
    assert made.knowledge_time is None
    assert made.knowledge_time_us is None
    assert made.series_key == "zone_load{datasource=entsoe,net=true,unit=MW,year=2025,zone=ES}"


def test_a_known_name_is_its_type() -> None:
    assert metric(dict(load().metadata), metric_type="zone_load").metric_type is MetricType.ZONE_LOAD
    assert metric().metric_type == "price_day_ahead"


@pytest.mark.parametrize(
    "name", ["", "ZoneLoad", "zone load", "_zone", "zone__load", "zone_", "1zone", "größe", "zone\n"]
)
def test_other_names_are_lower_snake_case(name: str) -> None:
    with pytest.raises(MetricNameError, match="lower_snake_case"):
        metric(metric_type=name)


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(MetricNameError, match="did you mean 'zone_load'"):
        metric(metric_type="Zone-Load")


@pytest.mark.parametrize("name", [None, 3, b"zone_load", ["zone_load"]])
def test_a_name_of_another_type_is_refused(name: Any) -> None:
    with pytest.raises(MetricNameError):
        metric(metric_type=name)


def test_a_name_has_at_most_200_bytes() -> None:
    assert len(metric(metric_type="a" * 200).name) == 200
    with pytest.raises(MetricNameError, match="200"):
        metric(metric_type="a" * 201)


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.0042, 16777217.0])
def test_floats_stay_as_they_are(value: float) -> None:
    kept = metric(value=value).value
    assert kept is not None
    assert math.copysign(1, kept) == math.copysign(1, value)
    assert kept == value


@pytest.mark.parametrize("value", [3, np.float64(3.0), np.float32(3.0), np.int64(3)])
def test_numbers_of_other_types_become_floats(value: Any) -> None:
    kept = metric(value=value).value
    assert type(kept) is float
    assert kept == 3.0


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.float32("nan"), True, "1.0", 1j, 10**400, np.True_, [1.0]]
)
def test_a_value_that_is_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(MetricValueError, match=r"value .* (is a|is not finite|is too large)"):
        metric(value=value)


def test_none_withdraws() -> None:
    assert metric(value=None).value is None


def test_does_not_change() -> None:
    made = metric({"a": "b"})
    for name in ("value", "timestamp", "labels", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, 1)
        with pytest.raises(FrozenInstanceError):
            delattr(made, name)
    with pytest.raises(TypeError):
        made.labels["a"] = "c"  # type: ignore[index]  # that is the point


def test_equality_is_everything_it_says() -> None:
    base = load()
    assert base == load()
    assert hash(base) == hash(load())
    others = [
        load(zone="FR"),
        load(valid=False),
        load(zone_status="preview"),
        load(data_state="provisional"),
        load(resolution="PT15M"),
        Metric(MetricType.ZONE_LOAD, 2.0, T0, base.metadata),
        Metric(MetricType.ZONE_LOAD, None, T0, base.metadata),
        Metric(MetricType.ZONE_LOAD, 1.0, T0 + timedelta(microseconds=1), base.metadata),
        Metric(MetricType.ZONE_LOAD, 1.0, T0, base.metadata, knowledge_time=T0),
    ]
    assert all(other != base for other in others)
    assert base != "zone_load"
    assert load(datasource="x") == Metric(
        "zone_load", 1, T0, {"data_state": "final", "datasource": "x", "valid": "true", "unit": "MW", "zone": "ES"}
    )


def test_pickles_and_copies() -> None:
    made = metric({"a": "b", "valid": False, "resolution": "PT1H"}, knowledge_time=T0, value=-0.0)
    again = pickle.loads(pickle.dumps(made))  # noqa: S301  bytes of our own
    assert again == made
    assert math.copysign(1, again.value) == -1
    assert again.knowledge_time_us == made.knowledge_time_us
    assert copy.copy(made) == made
    assert copy.deepcopy([made]) == [made]


def test_unpickling_does_not_warn() -> None:
    with pytest.warns(LabelWarning):
        made = Metric("zone_load", 1.0, T0, {"zone": "W4"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301  bytes of our own


def test_repr_says_what_is_not_usual() -> None:
    assert (
        repr(metric({"b": "c", "a": "b"})) == "Metric('price_day_ahead', 1.0, 2025-03-01T00:00:00+00:00, a='b', b='c')"
    )
    full = metric(
        {"valid": False, "zone_status": "preview", "data_state": "d"}, knowledge_time=T0, attributes={"run": "1"}
    )
    assert repr(full) == (
        "Metric('price_day_ahead', 1.0, 2025-03-01T00:00:00+00:00, valid=False, zone_status='preview', data_state='d', "
        "knowledge_time=2025-03-01T00:00:00+00:00, attributes={'run': '1'})"
    )


def test_what_was_stored_is_read_without_the_rules() -> None:
    """An older or foreign writer may have kept to other rules: its values stay readable."""
    read = Metric.from_stored(
        "zone_load",
        1.0,
        T0,
        {"value": "odd", "empty": ""},
        knowledge_time=T0,
        valid=False,
        attributes={"b": "2", "a": "1"},
    )
    assert read.metric_type is MetricType.ZONE_LOAD
    assert read.labels == {"empty": "", "value": "odd"}
    assert list(read.attributes) == ["a", "b"]
    assert read.valid is False
    assert Metric.from_stored("x", 1.0, T0, {"a": "b"}, knowledge_time=None) == metric({"a": "b"}, metric_type="x")


def test_every_error_is_a_metric_error_and_a_value_error() -> None:
    for error in (MetricNameError, MetricValueError, MetricTimeError, LabelError, QualityError, AttributeValueError):
        assert issubclass(error, MetricError)
        assert issubclass(error, ValueError)
