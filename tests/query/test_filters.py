"""Filters: equality in the label canon, and nothing that would answer more than was asked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wattnet.query import Client, FilterError
from wattnet.query._filters import Filters
from wattnet.schemas import MetricType


def labels(**given: object) -> dict[str, tuple[str, ...]]:
    return dict(Filters.parse(given).labels)


def test_values_become_the_strings_that_are_stored() -> None:
    """bool, int and string enums as the canon writes them."""
    assert labels(a="x", b=True, c=2024, d=MetricType.FACTOR) == {
        "a": ("x",), "b": ("true",), "c": ("2024",), "d": ("factor",),
    }  # fmt: skip


@pytest.mark.parametrize("values", [["ES", "PT", "ES"], ("ES", "PT")])
def test_a_collection_means_any_of_its_values(values: object) -> None:
    assert labels(zone=values) == {"zone": ("ES", "PT")}


def test_none_asks_for_series_without_the_label() -> None:
    assert labels(zone=None, forecast=[None, "day-ahead"]) == {"zone": ("",), "forecast": ("", "day-ahead")}


def test_actuals_only_unless_forecasts_are_asked_for() -> None:
    assert Filters.parse({"zone": "ES"}).actuals_only().labels == {"zone": ("ES",), "forecast": ("",)}
    for told in (None, "day-ahead", [None, "day-ahead"]):
        asked = Filters.parse({"forecast": told})
        assert asked.actuals_only() is asked


def test_sets_are_collections_too() -> None:
    assert set(labels(zone={"ES", "PT"})["zone"]) == set(labels(zone=frozenset({"ES", "PT"}))["zone"]) == {"ES", "PT"}


def test_from_can_be_written_as_an_argument() -> None:
    """`from` is a Python keyword."""
    assert labels(from_="ES", to="PT") == {"from": ("ES",), "to": ("PT",)}
    assert labels(**{"from": "ES"}) == {"from": ("ES",)}
    with pytest.raises(FilterError, match="given twice"):
        labels(**{"from": "ES", "from_": "PT"})


@pytest.mark.parametrize("empty", ["", [], (), set(), [""], ["ES", ""]])
def test_an_empty_filter_is_refused(empty: object) -> None:
    """Dropping it would answer more than was asked: `zone=""` must not mean all zones."""
    with pytest.raises(FilterError, match="zone"):
        labels(zone=empty)


@pytest.mark.parametrize("given", [{"zone": 1.5}, {"zone": b"ES"}, {"zone": ["ES", 0.1]}, {"zone": {"ES": 1}}])
def test_values_that_no_label_has_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(FilterError, match="give a string, a bool or an int"):
        labels(**given)


@pytest.mark.parametrize("column", ["value", "timestamp", "knowledge_time", "series_id", "resolution"])
def test_columns_are_no_labels(column: str) -> None:
    """A filter on a column is refused by name, not looked for among the labels."""
    with pytest.raises(FilterError, match=column):
        labels(**{column: "1"})


def test_too_many_values_are_refused_with_a_remedy() -> None:
    """They would not fit into the parameters of a question."""
    with pytest.raises(FilterError, match=re.escape("values for 'zone' are too many")):
        labels(zone=[f"zone-{number}" for number in range(20_000)])


def test_quality_is_told_from_labels() -> None:
    """valid, zone_status and data_state are no identity."""
    filters = Filters.parse({"valid": True, "zone_status": ["complete", "preview"], "data_state": "final"})
    assert filters.labels == {}
    assert filters.quality == {
        "valid": ("true",), "zone_status": ("complete", "preview"), "data_state": ("final",),
    }  # fmt: skip
    assert Filters.parse({"valid": ["false", True]}).quality == {"valid": ("false", "true")}


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"valid": 1}, "give true or false"),
        ({"valid": "True"}, "did you mean 'true'"),
        ({"valid": None}, "give true or false"),
        ({"zone_status": "completed"}, "did you mean 'complete'"),
        ({"zone_status": True}, "give missing or preview or complete"),
        ({"data_state": 3}, "give a string"),
    ],
)
def test_unknown_quality_is_refused(given: dict[str, Any], hint: str) -> None:
    with pytest.raises(FilterError, match=hint):
        Filters.parse(given)


def test_bad_filters_are_refused_before_anything_is_read() -> None:
    """The client has not even connected: nothing listens at this address."""
    client = Client("http://127.0.0.1:1")
    for ask in (
        lambda: client.metrics("zone_load", start="-1d", zone=""),
        lambda: client.latest("zone_load", zone=""),
        lambda: client.series("zone_load", zone=""),
        lambda: client.series("zone_load", valid=True),
        lambda: client.metrics("", start="-1d"),
    ):
        with pytest.raises(ValueError):
            ask()
