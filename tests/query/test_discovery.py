"""What is stored: names, labels, values, series with their attributes; and "did you mean" where nothing is."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from wattnet.query import FilterError, UnknownLabelError, UnknownNameError, UnknownValueWarning
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def test_names_labels_and_values(store: DirectWriter, client: Client, name: str) -> None:
    """Each once and sorted, however many series and inserts have it; values of the matching series only, when asked."""
    for hour in range(2):
        store.put(
            Metric(name, 1.0, T0 + hour * HOUR, {"zone": "PT", "production_type": "solar"}),
            Metric(name, 1.0, T0 + hour * HOUR, {"zone": "ES", "production_type": "wind", "from": "FR"}),
            Metric(name, 1.0, T0 + hour * HOUR, {"zone": "ES", "production_type": "solar"}),
        )
    store.put(Metric(f"{name}_plain", 1.0, T0))
    assert {name, f"{name}_plain"} <= set(client.names())
    assert client.labels(name) == ["from", "production_type", "zone"]
    assert client.labels(f"{name}_plain") == []
    assert client.label_values(name, "zone") == ["ES", "PT"]
    assert client.label_values(name, "zone", production_type=["wind", "gas"]) == ["ES"]
    assert client.label_values(name, "production_type", zone="PT") == ["solar"]
    assert client.label_values(name, "from_") == client.label_values(name, "from", zone="ES") == ["FR"]
    assert client.label_values(name, "from", zone="PT") == []


def test_discovery_knows_what_metrics_know(store: DirectWriter, client: Client, name: str) -> None:
    """An unknown name or label is the same error with the same guess; quality is no label."""
    store.put(Metric(name, 1.0, T0, {"zone": "ES"}))
    with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
        client.labels(f"{name}x")
    with pytest.raises(UnknownNameError):
        client.label_values(f"{name}x", "zone")
    with pytest.raises(UnknownLabelError, match="did you mean 'zone'"):
        client.label_values(name, "zoen")
    with pytest.raises(UnknownLabelError, match="did you mean 'zone'"):
        client.label_values(name, "zone", zoen="ES")
    with pytest.raises(FilterError, match="it is no label"):
        client.label_values(name, "zone_status")
    with pytest.raises(FilterError, match="tells values apart"):
        client.label_values(name, "zone", valid=True)


def test_a_value_that_looks_like_a_typo_warns(store: DirectWriter, client: Client, name: str) -> None:
    """The answer is empty, or has what the other values have, as ever; the warning says what was meant."""
    store.put(*(Metric(name, 1.0, T0, {"zone": zone, "production_type": "solar"}) for zone in ("DE-LU", "IT-NORD")))
    for read in (
        lambda **labels: client.metrics(name, start=T0, **labels).to_list(),
        lambda **labels: client.latest(name, **labels).to_list(),
        lambda **labels: client.series(name, **labels),
        lambda **labels: client.label_values(name, "zone", **labels),
    ):
        with pytest.warns(UnknownValueWarning, match=r"has production_type='sollar': did you mean 'solar'\?"):
            assert read(production_type="sollar") == []
    with pytest.warns(UnknownValueWarning, match="has zone='de-lu': did you mean 'DE-LU'") as caught:
        assert len(client.series(name, zone=["de-lu", "IT-NORD", "XX"])) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client.series(name, zone=["DE-LU", "IT-NORD"], production_type="solar") != []


def test_a_value_that_no_series_has_warns_whatever_it_looks_like(
    store: DirectWriter, client: Client, name: str
) -> None:
    """With what there is if that is little, else with how to list it; once for each value, and not for all of many."""
    store.put(*(Metric(name, 1.0, T0, {"zone": zone, "production_type": "solar"}) for zone in ("DE", "ES", "FR")))
    how = f"label_values('{name}', 'zone') or `wattnet series {name}` lists"
    for read in (
        lambda **labels: client.metrics(name, start=T0, **labels).to_list(),
        lambda **labels: client.latest(name, **labels).to_list(),
        lambda **labels: client.series(name, **labels),
    ):
        with pytest.warns(UnknownValueWarning) as caught:
            assert len(read(zone=["Germany", "ES"])) == 1
        assert [str(one.message) for one in caught] == [
            f"no series of {name} has zone='Germany': there is 'DE', 'ES', 'FR' ({how} them)"
        ]
    with pytest.warns(UnknownValueWarning, match="zone='de': did you mean 'DE'"):
        assert client.metrics(name, start=T0, zone="de").to_list() == []
    store.put(*(Metric(name, 1.0, T0, {"zone": f"Z{n}", "production_type": "solar"}) for n in range(20)))
    with pytest.warns(UnknownValueWarning) as caught:
        client.series(name, zone=["DE", *("Germany" * n for n in range(1, 100))])
    assert len(caught) == 6
    assert str(caught[0].message) == f"no series of {name} has zone='Germany': {how} what there is"
    assert "94 more" in str(caught[-1].message)
    with pytest.warns(UnknownValueWarning, match=r"has production_type='x{80}…': there is 'solar'"):
        assert client.series(name, zone="DE", production_type=["solar", "x" * 4_000]) != []


def test_attributes_are_those_of_the_newest_value(store: DirectWriter, client: Client, name: str) -> None:
    """Of the newest point's current revision: not of what arrived last, nor of what is known newest."""

    def put(hour: int, run: str, **quality: object) -> None:
        store.put(Metric(name, 1.0, T0 + hour * HOUR, {"zone": "ES", **quality}, attributes={"run": run}))

    put(1, "first")
    put(2, "second")
    put(2, "preview", zone_status="preview")
    put(0, "late")
    store.put(Metric(name, 1.0, T0, {"zone": "PT"}))
    assert [dict(one.attributes) for one in client.series(name)] == [{"run": "second"}, {}]
    assert [dict(metric.attributes) for metric in client.latest(name, zone="ES").with_attributes().to_list()] == [
        {"run": "second"}
    ]
