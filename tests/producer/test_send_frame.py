"""Frames: what they say arrives, byte for byte as single metrics would, or nothing of them does."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from direct_writer import DirectWriter
from frames import AS, HOUR, T0, X, long, tidy, wide
from hostile import metrics, microseconds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from topic import HEADER, decoded, messages

from wattnet.producer import (
    FrameError,
    MemoryProducer,
    Producer,
    ProducerClosedError,
)
from wattnet.producer._clock import knowledge_now_us
from wattnet.producer._frame_encoding import Knowledge, encoded
from wattnet.producer._frame_reading import read_frame
from wattnet.query import Client
from wattnet.schemas import (
    LabelWarning,
    Metric,
    MetricEncoder,
    MetricValueError,
    TimeRangeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from road import Road


@pytest.fixture
def producer() -> Iterator[MemoryProducer]:
    producer = MemoryProducer()
    yield producer
    producer.close()


def as_messages(frame: Any, **arguments: Any) -> list[tuple[bytes, bytes]]:
    batches = encoded(read_frame(frame, **arguments), MetricEncoder(HEADER), Knowledge(None))
    return [(message["key"], message["value"]) for message in itertools.chain.from_iterable(batches)]


def short(sent: list[Metric]) -> list[tuple[float | None, datetime, dict[str, str]]]:
    return [(metric.value, metric.timestamp, dict(metric.labels)) for metric in sent]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example],
)
@given(st.lists(st.tuples(metrics(), microseconds), min_size=1, max_size=5), st.sampled_from(["pandas", "polars"]))
def test_a_frame_of_hostile_metrics_has_the_bytes_of_each(rows: list[tuple[Metric, int]], library: str) -> None:
    now_us = knowledge_now_us()
    rows = [(metric, us % now_us) for metric, us in rows]
    names = sorted({name for metric, _ in rows for name in metric.labels})
    columns: dict[str, Any] = {
        "timestamp": np.array([metric.timestamp_us for metric, _ in rows], "M8[us]"),
        "knowledge_time": np.array([us for _, us in rows], "M8[us]"),
        "value": pd.Series([metric.value for metric, _ in rows], dtype="float64"),
        "metric_type": [metric.name for metric, _ in rows],
        "attributes": [json.dumps(dict(metric.attributes)) for metric, _ in rows],
        **{name: [metric.metadata[name] for metric, _ in rows] for name in ("valid", "zone_status", "data_state")},
        **{name: [metric.labels.get(name) for metric, _ in rows] for name in names},
    }
    frame = pd.DataFrame(columns)
    for time in ("timestamp", "knowledge_time"):
        frame[time] = frame[time].dt.tz_localize("UTC")
    one_by_one = MetricEncoder(HEADER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelWarning)
        assert as_messages(AS[library](frame), missing="retract") == [one_by_one.encode(m, us) for m, us in rows]


@pytest.mark.parametrize("library", AS)
def test_tidy(producer: MemoryProducer, library: str) -> None:
    frame = tidy(
        year=[2024, 2025, 2025],
        scope=["a", None, ""],
        flag=[True, False, True],
        valid=[True, False, True],
        zone_status=["complete", "preview", "complete"],
        resolution=["PT1H", None, "PT15M"],
        kind=pd.Categorical(["x", None, "y"]),
    )
    assert producer.send_frame(AS[library](frame), metric_type="own_name", labels={"unit": "MW"}) == 3
    sent = producer.sent
    assert short(sent) == [
        (1.0, T0, {"zone": "ES", "year": "2024", "scope": "a", "flag": "true", "kind": "x", "unit": "MW"}),
        (2.0, T0 + HOUR, {"zone": "ES", "year": "2025", "flag": "false", "unit": "MW"}),
        (3.0, T0 + 2 * HOUR, {"zone": "PT", "year": "2025", "flag": "true", "kind": "y", "unit": "MW"}),
    ]
    assert [(m.valid, m.zone_status, dict(m.attributes)) for m in sent] == [
        (True, "complete", {"resolution": "PT1H"}),
        (False, "preview", {}),
        (True, "complete", {"resolution": "PT15M"}),
    ]
    known = [metric.knowledge_time_us or 0 for metric in sent]
    assert known[0] < known[1] < known[2] < knowledge_now_us()


def test_equal_labels_of_different_types_are_different(producer: MemoryProducer) -> None:
    frame = tidy(scope=pd.Series([True, 1, "1"], dtype=object))
    producer.send_frame(frame, metric_type="own_name")
    assert [metric.labels["scope"] for metric in producer.sent] == ["true", "1", "1"]


def test_the_type_in_a_column_and_the_times_in_the_index(producer: MemoryProducer) -> None:
    frame = tidy(name=["a", "b", "a"]).set_index("timestamp").tz_convert("Asia/Kolkata")
    frame["value"] = [1, 2, 3]
    assert producer.send_frame(frame) == 3
    assert [(m.name, m.value, m.timestamp) for m in producer.sent] == [
        ("a", 1.0, T0), ("b", 2.0, T0 + HOUR), ("a", 3.0, T0 + 2 * HOUR)
    ]  # fmt: skip


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_wide(producer: MemoryProducer, library: str) -> None:
    frame: Any = wide()
    columns = None
    if library != "pandas":
        frame, columns = AS[library](frame.rename_axis("timestamp").reset_index()), "production_type"
    sent = producer.send_frame(frame, metric_type="own_name", labels={"zone": "ES"}, columns=columns)
    assert sent == 5, "no value there: no metric"
    start = T0 - HOUR
    assert short(producer.sent) == [
        (value, start + hour * HOUR, {"production_type": kind, "zone": "ES"})
        for hour, kind, value in [
            (0, "solar", 1.0), (0, "wind", 4.0), (1, "wind", 5.0), (2, "solar", 3.0), (2, "wind", 6.0)
        ]
    ]  # fmt: skip


def test_wide_with_levels_and_with_labels_by_name(producer: MemoryProducer) -> None:
    headers = pd.MultiIndex.from_tuples([("ES", 2025), ("PT", "")], names=["zone", "year"])
    frame = pd.DataFrame([[1, 2.5]], index=pd.DatetimeIndex([T0]), columns=headers)
    expected = [(1.0, T0, {"zone": "ES", "year": "2025"}), (2.5, T0, {"zone": "PT"})]
    producer.send_frame(frame, metric_type="x")
    producer.send_frame(
        frame.set_axis(pd.MultiIndex.from_tuples(headers.tolist()), axis=1), metric_type="x", columns=["zone", "year"]
    )
    producer.send_frame(frame.rename_axis("timestamp").reset_index(), metric_type="x")
    by_name: dict[str, dict[str, object]] = {"a": {"zone": "ES", "year": 2025}, "b": {"zone": "PT"}}
    producer.send_frame(frame.set_axis(["a", "b"], axis=1), metric_type="x", columns=by_name)
    assert short(producer.sent) == expected * 4


@pytest.mark.parametrize("layout", ["wide", "tidy"])
def test_what_a_missing_value_means(producer: MemoryProducer, layout: str) -> None:
    frame = wide()[["solar"]]
    if layout == "tidy":
        frame = frame.rename(columns={"solar": "value"})
    assert producer.send_frame(frame, **X, missing="skip") == 2
    assert producer.send_frame(frame, **X, missing="retract") == 3
    assert [metric.value for metric in producer.sent] == [1.0, 3.0, 1.0, None, 3.0]
    with pytest.raises(MetricValueError, match=r"missing='skip'.*missing='retract'.*row 1\)"):
        producer.send_frame(frame, **X, missing="raise")
    if layout == "tidy":
        with pytest.raises(MetricValueError, match="column 'value', row 1"):
            producer.send_frame(frame, **X)


def test_whose_knowledge_time_holds(producer: MemoryProducer) -> None:
    said = pd.Series([T0, pd.NaT, T0 + HOUR]).dt.as_unit("us")
    frame, before_us = tidy(knowledge_time=said), knowledge_now_us()
    for knowledge_time in (None, T0 + 5 * HOUR, "now"):
        producer.send_frame(frame, metric_type="x", knowledge_time=knowledge_time)
    known = [metric.knowledge_time for metric in producer.sent]
    known_us = [metric.knowledge_time_us or 0 for metric in producer.sent]
    assert (known[0], known[2], known[3:6]) == (T0, T0 + HOUR, [T0 + 5 * HOUR] * 3)
    assert before_us < known_us[1] < known_us[6] < known_us[7] < known_us[8]
    with pytest.raises(TimeRangeError, match=r"hours ahead.*column 'knowledge_time', rows 0, 2, counted from 0"):
        producer.send_frame(frame.assign(knowledge_time=said + pd.Timedelta("36500D")), metric_type="x")
    with pytest.raises(FrameError, match="'today'"):
        producer.send_frame(frame, metric_type="x", knowledge_time="today")  # type: ignore[arg-type]  # that is the point


def test_nothing_in_it(producer: MemoryProducer) -> None:
    for frame in (tidy().iloc[:0], pl.from_pandas(tidy()).clear(), pa.Table.from_pandas(tidy()).slice(0, 0)):
        assert producer.send_frame(frame, metric_type="x") == 0
    assert producer.send_frame(wide().iloc[:0], metric_type="x") == 0
    assert producer.send_frame(wide() * np.nan, metric_type="x") == 0
    producer.close()
    with pytest.raises(ProducerClosedError):
        producer.send_frame(tidy().iloc[:0], metric_type="x")


def test_what_was_read_can_be_sent_back(road: Road) -> None:
    """Through real Kafka: what a frame of the client says is what arrives, revision by revision."""
    spain, elsewhere = {"zone": "ES", "unit": "MW"}, {"zone": "größe,={}", "from": "DE", "data_state": "d"}
    DirectWriter(road.client).put(
        Metric("x", 0.1, T0, spain, knowledge_time=T0, attributes={"run": "7"}),
        Metric("x", None, T0, spain, knowledge_time=T0 + HOUR),
        Metric("x", -0.0, T0 + HOUR, {**spain, "valid": False}, knowledge_time=T0 + HOUR),
        Metric("x", 5e-324, T0, {**elsewhere, "zone_status": "preview"}, knowledge_time=T0),
    )
    with Client(road.stack.clickhouse_url, database=road.name) as client:
        query = client.metrics("x", start=T0).history().with_attributes()
        frames, read = (query.to_pandas(), query.to_polars(), query.to_arrow()), query.to_list() * 3
    with Producer(road.stack.bootstrap_servers, topic=road.topic) as producer:
        for frame in frames:
            assert producer.send_frame(frame, metric_type="x", missing="retract") == 4
    arrived = decoded(messages(road.stack.bootstrap_servers, road.topic, 12))

    def order(metric: Metric) -> tuple[Any, ...]:
        return metric.series_key, metric.timestamp, metric.knowledge_time

    assert sorted(arrived, key=order) == sorted(read, key=order)
    assert sorted(map(repr, arrived)) == sorted(map(repr, read)), "-0.0 too"


@pytest.mark.parametrize("frame", [tidy(), wide()])
def test_a_warning_points_at_the_line_that_sends(producer: MemoryProducer, frame: pd.DataFrame) -> None:
    with pytest.warns(LabelWarning, match="zone_load lacks 'data_state'") as caught:
        producer.send_frame(frame, metric_type="zone_load", labels={} if "zone" in frame else {"zone": "FR"})
    assert {warning.filename for warning in caught} == {__file__}


def test_each_row_has_its_own_key_however_many_there_are() -> None:
    """The messages' dicts are used again for rows of other series."""
    zones = ["ES", "PT", "FR"] * 3_000
    sent = as_messages(long(9_000).assign(zone=zones), metric_type="x")
    assert [key.decode() for key, _ in sent] == [f"x{{zone={zone}}}" for zone in zones]
    assert all(zone.encode() in value for zone, (_, value) in zip(zones, sent, strict=True))


def test_libraries_are_loaded_by_a_frame_only() -> None:
    code = (
        "import sys, wattnet.producer as p; p.MemoryProducer(); "
        "print([name for name in ('numpy', 'pandas', 'polars', 'pyarrow') if name in sys.modules]); "
        "import polars; frame = polars.DataFrame({'value': [1.0]}); sys.modules['pyarrow'] = None\n"
        "try: p.MemoryProducer().send_frame(frame, metric_type='x')\n"
        "except p.FrameError as exc: print(exc)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "[]"
    assert "pip install 'wattnet-storage[polars]'" in second
