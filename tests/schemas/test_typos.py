"""What is nearly a known name, label or unit is doubted once for each series, and kept."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from schemas.made import T0

from wattnet.producer import MemoryProducer
from wattnet.schemas import (
    ATTRIBUTE_LABEL_NAMES,
    KNOWN_LABELS,
    KNOWN_NAMES,
    KNOWN_UNITS,
    LABELS_BY_TYPE,
    QUALITY_LABEL_NAMES,
    RESERVED_LABEL_NAMES,
    Metric,
    MetricType,
    TypoWarning,
)
from wattnet.schemas._typos import _near_label, _near_name, _near_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_numbers = itertools.count()


@pytest.fixture
def site() -> str:
    """A value that no other test's series has."""
    return f"site{next(_numbers)}"


@pytest.fixture
def producer() -> Iterator[MemoryProducer]:
    producer = MemoryProducer()
    yield producer
    producer.close()


def doubts(act: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        act()
    assert {warning.filename for warning in caught} <= {__file__}, "at the line that writes"
    return [str(warning.message) for warning in caught if warning.category is TypoWarning]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("zone_generatoin", "zone_generation"),
        ("zone_genration", "zone_generation"),
        ("zoneload", "zone_load"),
        ("zone_loads", "zone_load"),
        ("zone_expert", "zone_export"),
        ("local_fotprint", "local_footprint"),
    ],
)
def test_a_name_near_a_known_one(word: str, meant: str) -> None:
    assert _near_name(word) == meant


@pytest.mark.parametrize(
    "word", [*KNOWN_NAMES, "zone_price", "zone_generation_1h", "zone_load_15min", "zone_load_de", "own_name", "load"]
)
def test_a_name_of_ones_own(word: str) -> None:
    assert _near_name(word) is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Zone", "zone"),
        ("zonee", "zone"),
        ("data_source", "datasource"),
        ("productiontype", "production_type"),
        ("production-type", "production_type"),
        ("prodution_type", "production_type"),
        ("units", "unit"),
        ("untis", None),
        ("Unit", "unit"),
        ("dataState", "data_state"),
        ("resolutoin", "resolution"),
        ("vaild", "valid"),
        ("To", "to"),
    ],
)
def test_a_label_near_a_known_one(word: str, meant: str | None) -> None:
    assert _near_label(word) == meant


@pytest.mark.parametrize("word", [*KNOWN_LABELS, "zone2", "site", "none", "t", "do", "country", "größe"])
def test_a_label_of_ones_own(word: str) -> None:
    assert _near_label(word) is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("mw", "MW"),
        ("mW", "MW"),
        ("kwh", "kWh"),
        ("KWH", "kWh"),
        ("Mwh", "MWh"),
        ("megawatts", "MW"),
        ("MW h", "MWh"),
        ("hz", "Hz"),
        ("€/MWh", "EUR/MWh"),
        ("eur / mwh", "EUR/MWh"),
        ("gCO₂/kWh", "gCO2/kWh"),
        ("g CO2-eq / kWh", "gCO2eq/kWh"),
        ("W/m²", "W/m2"),
        ("percent", "%"),
    ],
)
def test_a_unit_that_is_none(word: str, meant: str) -> None:
    assert _near_unit(word) == meant


@pytest.mark.parametrize("word", [*KNOWN_UNITS, "", "CHF/MWh", "widgets", "MWp"])
def test_a_unit_of_ones_own(word: str) -> None:
    assert _near_unit(word) is None


def test_each_series_is_doubted_once(producer: MemoryProducer, site: str) -> None:
    """By `send`, and by no other metric of the series, whatever its quality; nothing is changed."""

    def send(**more: object) -> None:
        producer.send(Metric("own_name", 1.0, T0, {"site": site, "zonee": "ES", "unit": "mw", **more}))

    assert doubts(send) == [
        "label of own_name 'zonee' is not a known one: did you mean 'zone'? It is kept as written",
        "unit of own_name 'mw' is not a known one: did you mean 'MW'? It is kept as written",
    ]
    assert doubts(send) == []
    assert doubts(lambda: send(valid=False, data_state="final", resolution="1h")) == []
    assert len(doubts(lambda: send(own="label"))) == 2, "another series"
    assert dict(producer.sent[0].labels) == {"site": site, "zonee": "ES", "unit": "mw"}


def test_every_way_to_write_doubts(producer: MemoryProducer, site: str) -> None:
    def labels(way: str) -> dict[str, object]:
        return {"site": f"{site} {way}", "unit": "kwh"}

    metric = ["metric name 'zone_genration' is not a known one: did you mean 'zone_generation'? It is kept as written"]
    expected = [*metric, "unit of zone_genration 'kwh' is not a known one: did you mean 'kWh'? It is kept as written"]
    times = pd.DatetimeIndex([T0, T0 + pd.Timedelta("1h")], name="timestamp")
    frame = pd.DataFrame({"value": [1.0, 2.0]}, index=times)
    name = "zone_genration"
    many = lambda: producer.send_many([Metric(name, 1.0, T0, labels("many"))])  # noqa: E731
    assert doubts(many) == expected
    assert doubts(lambda: producer.send_frame(frame, metric_type=name, labels=labels("tidy"))) == expected
    wide = frame.rename(columns={"value": "ES"})
    assert doubts(lambda: producer.send_frame(wide, metric_type=name, columns="zone", labels=labels("w"))) == expected
    assert doubts(lambda: producer.retract(name, T0, labels("retract"))) == expected


def test_what_is_read_is_not_doubted() -> None:
    def read() -> None:
        Metric.from_stored("zone_genration", 1.0, T0, {"zonee": "ES", "unit": "mw"}, knowledge_time=T0)

    assert doubts(read) == []


def test_the_dictionary_has_every_name_and_label_that_the_types_have() -> None:
    assert {member.value for member in MetricType} <= {*KNOWN_NAMES}
    assert frozenset().union(*LABELS_BY_TYPE.values()) <= {*KNOWN_LABELS}
    roles = {
        role: {label.name for label in KNOWN_LABELS.values() if label.role == role} for role in ("quality", "attribute")
    }
    assert roles == {"quality": {*QUALITY_LABEL_NAMES}, "attribute": {*ATTRIBUTE_LABEL_NAMES}}
    assert not RESERVED_LABEL_NAMES & {*KNOWN_LABELS}
    assert {unit for name in KNOWN_NAMES.values() for unit in name.units} <= {*KNOWN_UNITS}
    assert all(name.meaning for name in KNOWN_NAMES.values())
    assert all(label.meaning for label in KNOWN_LABELS.values())
    assert all(unit.meaning for unit in KNOWN_UNITS.values())
