"""Metric: what it takes, what it refuses and how it says so."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from dataclasses import FrozenInstanceError
from datetime import datetime, timedelta, timezone
from enum import Enum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

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
    MissingLabelError,
    NaiveTimeError,
    QualityError,
    ReservedLabelError,
    TimeRangeError,
)

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)


def metric(metadata: Any = None, **arguments: Any) -> Metric:
    """A metric of a name that has no label rules."""
    return Metric(
        **{"metric_type": "price_day_ahead", "value": 1.0, "timestamp": T0, "metadata": metadata, **arguments}
    )


def load(**metadata: Any) -> Metric:
    complete = {"zone": "ES", "unit": "MW", "datasource": "entsoe", "data_state": "final"}
    return Metric(MetricType.ZONE_LOAD, 1.0, T0, {**complete, **metadata})


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


@pytest.mark.parametrize("argument", ["timestamp", "knowledge_time"])
class TestTimes:
    """Both times obey the same rules at the boundary."""

    def test_naive_is_refused(self, argument: str) -> None:
        with pytest.raises(NaiveTimeError, match="no UTC offset"):
            metric(**{argument: datetime(2025, 3, 1)})  # noqa: DTZ001  that is the point

    @pytest.mark.parametrize("moment", ["2025-03-01T00:00Z", 1_740_787_200, T0.date()])
    def test_another_type_is_refused(self, argument: str, moment: Any) -> None:
        with pytest.raises(MetricTimeError, match="aware datetime"):
            metric(**{argument: moment})

    def test_no_moment_is_refused(self, argument: str) -> None:
        with pytest.raises(MetricTimeError):
            metric(**{argument: pd.NaT})

    def test_a_pandas_timestamp_becomes_a_datetime(self, argument: str) -> None:
        made = getattr(metric(**{argument: pd.Timestamp("2025-03-01T01:00:00.000001+01:00")}), argument)
        assert type(made) is datetime
        assert made == T0.replace(microsecond=1)

    def test_nanoseconds_are_not_cut_off(self, argument: str) -> None:
        with pytest.raises(MetricTimeError, match="nanoseconds"):
            metric(**{argument: pd.Timestamp("2025-03-01T00:00:00.000000001Z")})

    def test_before_1970_is_refused(self, argument: str) -> None:
        assert getattr(metric(**{argument: datetime(1970, 1, 1, tzinfo=UTC)}), f"{argument}_us") == 0
        for moment in (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
            with pytest.raises(TimeRangeError, match="1970"):
                metric(**{argument: moment})

    @pytest.mark.parametrize("hours", [-14, 14])
    def test_a_moment_beyond_the_calendar_is_refused(self, argument: str, hours: int) -> None:
        offset = timezone(timedelta(hours=hours))
        edge = datetime.min.replace(tzinfo=offset) if hours > 0 else datetime.max.replace(tzinfo=offset)
        with pytest.raises(TimeRangeError):
            metric(**{argument: edge})

    def test_the_second_half_of_a_doubled_hour_is_another_moment(self, argument: str) -> None:
        first = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Madrid"))
        early, late = metric(**{argument: first}), metric(**{argument: first.replace(fold=1)})
        assert getattr(late, argument) - getattr(early, argument) == timedelta(hours=1)


def test_timestamps_end_with_2064() -> None:
    last = datetime(2064, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert metric(timestamp=last).timestamp_us == 2_997_993_599_999_999
    with pytest.raises(TimeRangeError, match="2065"):
        metric(timestamp=last + timedelta(microseconds=1))


def test_a_knowledge_time_may_be_a_little_ahead_but_not_a_day() -> None:
    now = datetime.now(UTC)
    assert metric(knowledge_time=now + timedelta(hours=22)).knowledge_time is not None
    with pytest.raises(TimeRangeError, match="issue time"):
        metric(knowledge_time=now + timedelta(hours=24))


@pytest.mark.parametrize(
    ("given", "kept"), [(True, True), (False, False), ("true", True), ("false", False), (None, True), ("", True)]
)
def test_valid_is_a_bool_or_its_word(given: Any, kept: bool) -> None:
    assert metric({"valid": given}).valid is kept


@pytest.mark.parametrize("given", [1, 0, "True", "yes", 1.0, np.True_, [], np.array([True])])
def test_valid_is_nothing_else(given: Any) -> None:
    with pytest.raises(QualityError, match="True or False"):
        metric({"valid": given})


def test_equal_values_of_other_types_are_not_taken_for_one_that_was_checked() -> None:
    """True == 1 == 1.0, and so are their hashes."""
    assert metric({"valid": True, "block": 1}).labels == {"block": "1"}
    assert metric({"valid": True, "block": True}).labels == {"block": "true"}
    with pytest.raises(LabelError):
        metric({"valid": True, "block": 1.0})
    with pytest.raises(QualityError):
        metric({"valid": 1, "block": 1})
    assert metric(attributes={"run": 1}).attributes == {"run": "1"}
    assert metric(attributes={"run": True}).attributes == {"run": "true"}
    with pytest.raises(AttributeValueError):
        metric(attributes={"run": 1.0})


def test_zone_status_is_one_of_three() -> None:
    assert metric({"zone_status": None}).zone_status == "complete"
    assert metric({"zone_status": "preview"}).zone_status == "preview"
    with pytest.raises(QualityError, match="did you mean 'preview'"):
        metric({"zone_status": "previw"})


def test_data_state_is_bounded() -> None:
    assert metric({"data_state": "ü" * 100}).data_state == "ü" * 100
    with pytest.raises(QualityError, match="200"):
        metric({"data_state": "ü" * 101})


def test_quality_and_attributes_name_no_series() -> None:
    made = metric(
        {
            "a": "b",
            "valid": False,
            "zone_status": "missing",
            "data_state": "x",
            "resolution": "PT15M",
            "source_link": "http://x",
        }
    )
    assert made.labels == {"a": "b"}
    assert made.attributes == {"resolution": "PT15M", "source_link": "http://x"}
    assert made.series_key == metric({"a": "b"}).series_key


def test_an_attribute_given_twice_must_agree() -> None:
    assert metric({"resolution": "PT1H"}, attributes={"resolution": "PT1H"}).attributes == {"resolution": "PT1H"}
    assert metric({"resolution": None}, attributes={"resolution": "PT1H"}).attributes == {"resolution": "PT1H"}
    with pytest.raises(AttributeValueError, match="give it once"):
        metric({"resolution": "PT15M"}, attributes={"resolution": "PT1H"})


@pytest.mark.parametrize("metric_type", [t for t in MetricType if t not in (MetricType.FACTOR, MetricType.UNKNOWN)])
@pytest.mark.parametrize("zone", [{}, {"zone": ""}, {"zone": None}])
def test_zoned_types_need_their_zone(metric_type: MetricType, zone: dict[str, Any]) -> None:
    with pytest.raises(MissingLabelError, match="needs a zone"):
        metric({"unit": "MW", **zone}, metric_type=metric_type)


def test_a_missing_label_warns_once_and_is_refused_under_strict() -> None:
    metadata = {"zone": "W1", "unit": "MW"}
    with pytest.warns(LabelWarning, match="zone_load lacks 'data_state', 'datasource'"):
        made = metric(metadata, metric_type="zone_load")
    assert made.labels == metadata
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric(metadata, metric_type="zone_load")
    with pytest.raises(MissingLabelError, match="strict"):
        metric(metadata, metric_type="zone_load", strict=True)
    with pytest.raises(MissingLabelError, match="strict"):
        metric({"zone": "W2", "unit": "MW"}, metric_type="zone_load", strict=True)
    complete = {**metadata, "datasource": "entsoe", "data_state": "final"}
    assert metric(complete, metric_type="zone_load", strict=True).labels["datasource"] == "entsoe"


def test_the_warning_points_at_the_line_that_makes_the_metric() -> None:
    with pytest.warns(LabelWarning) as caught:
        Metric("zone_load", 1.0, T0, {"zone": "W3"})
    assert caught[0].filename == __file__


def test_a_source_link_satisfies_the_rule_of_factors() -> None:
    complete = {
        "factor_type": "f",
        "production_type": "solar",
        "scope": "s",
        "source": "x",
        "source_link": "http://x",
        "unit": "g",
        "year": 2022,
    }
    assert metric(complete, metric_type="factor", strict=True).labels["year"] == "2022"


def test_metadata_may_be_any_mapping_and_nothing_else() -> None:
    assert metric(MappingProxyType({"a": "b"})).labels == {"a": "b"}
    for wrong in ([("a", "b")], "a=b", 3):
        with pytest.raises(LabelError, match="give a dict"):
            metric(wrong)
        with pytest.raises(AttributeValueError, match="give a dict"):
            metric(attributes=wrong)


def test_the_caller_may_change_its_dict_afterwards() -> None:
    metadata = {"a": "b"}
    made = metric(metadata)
    metadata["a"] = "c"
    assert made.labels == {"a": "b"}
    assert metric(metadata).labels == {"a": "c"}


class Zone(str, Enum):
    SPAIN = "ES"


def test_a_member_of_a_string_enum_means_its_value() -> None:
    made = metric({"zone": Zone.SPAIN})
    assert made.labels == {"zone": "ES"}
    assert type(made.labels["zone"]) is str


@pytest.mark.parametrize(
    "reserved", ["value", "timestamp", "name", "start", "end", "as_of", "knowledge_time", "series_id", "from_"]
)
def test_names_of_columns_and_arguments_are_refused(reserved: str) -> None:
    with pytest.raises(ReservedLabelError, match=f"{reserved!r}.*: .+"):
        metric({reserved: "x"})


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
