"""What a metric's metadata may say: quality, attributes, labels and the rules of its type."""

from __future__ import annotations

import warnings
from datetime import timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from schemas.made import T0, metric

from wattnet.query._step import parse_duration
from wattnet.schemas import (
    AttributeValueError,
    LabelError,
    LabelWarning,
    Metric,
    MetricNameError,
    MetricType,
    MissingLabelError,
    QualityError,
    ReservedLabelError,
    canonical_labels,
)


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


RESOLUTIONS = {
    "PT15M": "PT15M", "PT60M": "PT60M", "PT1H": "PT1H", "P1D": "P1D", "P7D": "P7D", "P1M": "P1M", "P1Y2M": "P1Y2M",
    "P1DT12H": "P1DT12H", "P10Y": "P10Y", "15min": "PT15M", "15 min": "PT15M", "1h": "PT1H", "60min": "PT60M",
    "1d": "P1D", "1w": "P1W", "3mo": "P3M", "1y": "P1Y", "30s": "PT30S", "05min": "PT5M",
}  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), RESOLUTIONS.items())
def test_a_resolution_is_kept_as_iso_8601(given: str, kept: str) -> None:
    """Wherever it is given; and readers of intervals understand it."""
    assert metric({"resolution": given}).attributes == {"resolution": kept}
    assert metric(attributes={"resolution": given}).attributes == {"resolution": kept}
    assert metric({"resolution": given}, attributes={"resolution": kept}).attributes == {"resolution": kept}
    assert parse_duration(kept) is not None


@pytest.mark.parametrize(
    "given",
    [
        "hourly", "15", 15, "15m", "1M", "15T", "h", "1 hour", "pt1h", "P", "PT", "P1DT", "PT0S", "0min", "0d", "-1h",
        "PT0.5H", "1.5h", "P11Y", "P999999Y", "99y", " PT1H", "PT1H\n", "١h", True, 1.0, timedelta(hours=1), ["PT1H"],
    ],
)  # fmt: skip
def test_any_other_resolution_is_refused(given: Any) -> None:
    for arguments in ({"metadata": {"resolution": given}}, {"attributes": {"resolution": given}}):
        with pytest.raises(AttributeValueError, match=r"resolution .* is no length of an interval: give .* 'PT15M'"):
            metric(**arguments)


def test_an_odd_resolution_that_is_stored_is_read() -> None:
    stored = Metric.from_stored("a", 1.0, T0, {}, knowledge_time=T0, attributes={"resolution": "hourly"})
    assert stored.attributes == {"resolution": "hourly"}


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"metadata": {"zone": " ES"}}, LabelError, r"label 'zone' ' ES' has blanks .* another than 'ES': strip them"),
        ({"metadata": {"zone ": "ES"}}, LabelError, "label name 'zone ' has blanks"),
        ({"metadata": {"own": "a\n"}}, LabelError, "label 'own'"),
        ({"metadata": {"own": "\u00a0a"}}, LabelError, "label 'own'"),
        ({"metadata": {"own": " "}}, LabelError, "label 'own'"),
        ({"metadata": {"unit": "MW "}}, LabelError, "label 'unit' 'MW ' has blanks"),
        ({"metadata": {"data_state": "final\t"}}, QualityError, "data_state"),
        ({"metadata": {"valid ": False}}, LabelError, "label name 'valid '"),
        ({"attributes": {"run ": "7"}}, AttributeValueError, "attribute name 'run '"),
        ({"metric_type": " own_name"}, MetricNameError, "' own_name' is not lower_snake_case"),
    ],
)
def test_blanks_around_a_name_a_label_or_a_unit_are_refused(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        metric(**arguments)


def test_blanks_inside_of_a_label_stay() -> None:
    """And around the text of an attribute, which names nothing; and what is stored is read, and asked for, as it is."""
    made = metric({"source": "IPCC 2014"}, attributes={"note": " as told "})
    assert (made.labels, made.attributes) == ({"source": "IPCC 2014"}, {"note": " as told "})
    assert Metric.from_stored("a", 1.0, T0, {"zone": " ES"}, knowledge_time=T0).labels == {"zone": " ES"}
    assert canonical_labels({"zone": " ES"}) == {"zone": " ES"}


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
