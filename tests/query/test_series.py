"""Which series a question means: labels, names, order, and what is not there."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from wattnet.query import Series, UnknownLabelError, UnknownNameError
from wattnet.schemas import Metric, MetricType

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)

HOSTILE = [
    "it's", "'; DROP TABLE metrics; --", '"double"', "back\\slash", "\\", "\\'", "\\N", "tab\there", "line\nfeed",
    "carriage\r\nreturn", "{name:String}", "%(name)s %s %", "null\0byte", "naïve ☀ 日本",
    "--", "/* c */", "a,b", "[x]", "a b",
    "\\x41", "ES' OR 1=1", "None", "`tick`", "a\b\f\vb", "&param_name=x#?",
    "--boundary\r\nContent-Disposition: form-data",
]  # fmt: skip


def test_hostile_labels_are_only_labels(store: DirectWriter, client: Client, name: str) -> None:
    """Quotes, escapes and SQL in a value find exactly the series that has it, alone and in a list."""
    store.put(*(Metric(name, float(n), T0, {"zone": text, "same": "x"}) for n, text in enumerate(HOSTILE)))
    for n, text in enumerate(HOSTILE):
        found = client.metrics(name, start=T0, end=T0 + HOUR, zone=text).to_list()
        assert [(metric.labels["zone"], metric.value) for metric in found] == [(text, float(n))], repr(text)
    # Many values travel in another way than few.
    for others in ([], [f"other-{number}" for number in range(1_000)]):
        found = client.metrics(name, start=T0, end=T0 + HOUR, zone=[*HOSTILE, *others]).to_list()
        assert sorted(metric.labels["zone"] for metric in found) == sorted(HOSTILE)


def test_hostile_label_names_and_metric_names_too(store: DirectWriter, client: Client, name: str) -> None:
    """A label's name is a parameter as well; a metric name that nothing has is no more than unknown."""
    odd = {text: "x" for text in HOSTILE if text.strip()}
    store.put(*(Metric(name, float(n), T0, {label: value}) for n, (label, value) in enumerate(odd.items())))
    for n, label in enumerate(odd):
        found = client.metrics(name, start=T0, end=T0 + HOUR, **{label: "x"}).to_list()
        assert [metric.value for metric in found] == [float(n)], repr(label)
    for text in HOSTILE:
        with pytest.raises(UnknownNameError):
            client.metrics(text, start=T0).to_list()


def test_hostile_data_states(store: DirectWriter, client: Client, name: str) -> None:
    store.put(*(Metric(name, 1.0, T0 + n * HOUR, {"zone": "ES", "data_state": text}) for n, text in enumerate(HOSTILE)))
    for text in HOSTILE:
        found = client.metrics(name, start=T0, end=T0 + 99 * HOUR, data_state=text).to_list()
        assert [metric.data_state for metric in found] == [text], repr(text)


def test_five_thousand_series(store: DirectWriter, client: Client, name: str) -> None:
    """More than fits into one URL or one statement: all of them, each with its own labels, in order."""
    zones = [f"zone-{number:04d}-{'x' * (number % 17)}" for number in range(5_000)]
    store.put(
        *(Metric(name, float(n), T0 + hour * HOUR, {"zone": zone}) for n, zone in enumerate(zones) for hour in (0, 1))
    )
    frame = client.metrics(name, start=T0, end=T0 + 2 * HOUR).to_pandas()
    assert frame["zone"].tolist() == [zone for zone in zones for _ in range(2)]
    assert frame["value"].tolist() == [float(n) for n in range(5_000) for _ in range(2)]
    some = zones[::2]
    assert client.metrics(name, start=T0, end=T0 + HOUR, zone=some).to_polars()["zone"].to_list() == some
    assert client.latest(name).to_arrow()["timestamp"].to_pylist() == [T0 + HOUR] * 5_000
    assert len(client.series(name, zone=some)) == 2_500


def test_rows_stand_by_series_then_time(store: DirectWriter, client: Client, name: str) -> None:
    """By zone, then by the other labels, then by time; years apart and in whatever order they came."""
    labels = [
        {"unit": "MW", "zone": "AT"},
        {"production_type": "solar", "zone": "ES"},
        {"production_type": "wind", "unit": "MW", "zone": "ES"},
        {"production_type": "wind", "unit": "MWh", "zone": "ES"},
        {"zone": "PT"},
    ]
    moments = [T0 - 800 * 24 * HOUR, T0 - HOUR, T0, T0 + 400 * 24 * HOUR]
    for moment in (moments[2], moments[0], moments[3], moments[1]):
        for one in reversed(labels):
            store.put(Metric(name, 1.0, moment, one))
    metrics = client.metrics(name, start="2020-01-01T00:00Z", end="2060-01-01T00:00Z").to_list()
    assert [(dict(m.labels), m.timestamp) for m in metrics] == [(one, moment) for one in labels for moment in moments]


def test_labels_are_equality_and_lists_mean_any(store: DirectWriter, client: Client, name: str) -> None:
    """from and to, bools and ints as the canon writes them; labels that a series lacks do not match."""
    store.put(
        Metric(name, 1.0, T0, {"from": "ES", "to": "PT", "year": 2024, "net": True}),
        Metric(name, 2.0, T0, {"from": "ES", "to": "FR", "year": 2025, "net": False}),
        Metric(name, 3.0, T0, {"from": "PT", "to": "ES"}),
    )

    def read(**labels: object) -> set[float | None]:
        return {m.value for m in client.metrics(name, start=T0, end=T0 + HOUR, **labels).to_list()}  # type: ignore[arg-type]  # filters

    assert read() == {1.0, 2.0, 3.0}
    assert read(from_="ES") == {1.0, 2.0}
    assert read(**{"from": "ES"}) == {1.0, 2.0}
    assert read(from_="ES", to="FR") == {2.0}
    assert read(to=["FR", "ES"]) == read(to={"FR", "ES"}) == read(to=("FR", "ES", "XX")) == {2.0, 3.0}
    assert read(year=2024) == read(year="2024") == read(net=True) == {1.0}
    assert read(net=["true", False]) == {1.0, 2.0}
    first = client.metrics(name, start=T0, end=T0 + HOUR, year=2024).to_list()[0]
    assert dict(first.labels) == {"from": "ES", "to": "PT", "net": "true", "year": "2024"}


def test_an_unknown_label_is_an_error_that_guesses(store: DirectWriter, client: Client, name: str) -> None:
    """Never a wider answer, and it says what the labels are."""
    store.put(Metric(name, 1.0, T0, {"zone": "ES", "production_type": "solar"}))
    for ask in (
        lambda **labels: client.metrics(name, start=T0, **labels).to_list(),
        lambda **labels: client.latest(name, **labels).to_pandas(),
        lambda **labels: client.series(name, **labels),
    ):
        with pytest.raises(UnknownLabelError, match=r"(?i)did you mean.*\bzone\b"):
            ask(zon="ES")
        with pytest.raises(UnknownLabelError, match=r"did you mean 'production_type'\? .* are production_type, zone"):
            ask(zone="ES", producton_type="solar")
    with pytest.raises(LookupError, match="has a label 'colour'; Its labels are"):
        client.metrics(name, start=T0, colour="red").to_list()


def test_an_unknown_name_is_an_error_that_guesses(store: DirectWriter, client: Client) -> None:
    """A metric type of the common format too, as long as nothing is stored under it."""
    store.put(Metric(MetricType.ZONE_LOAD, 1.0, T0, {"zone": "ES", "unit": "MW", "datasource": "x", "data_state": "y"}))
    with pytest.raises(UnknownNameError, match="did you mean 'zone_load'"):
        client.metrics("zone_lod", start=T0).to_list()
    with pytest.raises(ValueError, match="the names are"):
        client.metrics("qqq", start=T0).to_list()
    with pytest.raises(LookupError):
        client.series("zone_lod", zone="ES")
    assert client.metrics(MetricType.ZONE_LOAD, start=T0).to_list()[0].metric_type is MetricType.ZONE_LOAD
    assert "zone_load" in client.names()
    assert client.names() == sorted(client.names())


def test_a_value_that_no_series_has_is_an_empty_answer(store: DirectWriter, client: Client, name: str) -> None:
    """A zone without data yet is no mistake; a known value beside it changes nothing."""
    store.put(Metric(name, 1.0, T0, {"zone": "ES"}))
    assert client.metrics(name, start=T0, zone="EX").to_list() == []
    assert client.latest(name, zone="EX").to_list() == []
    assert client.series(name, zone="EX") == []
    assert len(client.metrics(name, start=T0, zone=["EX", "ES"]).to_list()) == 1


def test_series_tell_their_labels_and_extent(store: DirectWriter, client: Client, name: str) -> None:
    """One entry a series however many inserts it came in, whatever the order of its labels."""
    known = T0 + 5 * HOUR
    for hour in (3, 1, 2):
        store.put(Metric(name, 1.0, T0 + hour * HOUR, {"zone": "ES", "from": "FR"}, knowledge_time=known - hour * HOUR))
        store.put(Metric(name, 1.0, T0 + hour * HOUR, {"zone": "DE"}, knowledge_time=known))
    assert client.series(name) == [
        Series(name, {"zone": "DE"}, T0 + HOUR, T0 + 3 * HOUR, known),
        Series(name, {"from": "FR", "zone": "ES"}, T0 + HOUR, T0 + 3 * HOUR, known - HOUR),
    ]
    assert [one.labels["zone"] for one in client.series(name, from_="FR")] == ["ES"]
    assert list(client.series(name, zone="ES")[0].labels) == ["from", "zone"]


def test_a_metric_without_labels(store: DirectWriter, client: Client, name: str) -> None:
    """A series may have none at all; asking for one by label is an error."""
    store.put(Metric(name, 1.0, T0))
    assert list(client.metrics(name, start=T0).to_pandas().columns) == [
        "timestamp", "value", "valid", "zone_status", "data_state", "knowledge_time",
    ]  # fmt: skip
    assert client.series(name)[0].labels == {}
    with pytest.raises(UnknownLabelError, match="none at all"):
        client.metrics(name, start=T0, zone="ES").to_list()
