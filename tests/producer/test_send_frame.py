"""Frames: what they say arrives, byte for byte as single metrics would, or nothing of them does."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
import threading
import warnings
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from direct_writer import DirectWriter
from hostile import metrics, microseconds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from topic import HEADER, decoded, messages

from wattnet.producer import (
    FrameError,
    MemoryProducer,
    Producer,
    ProducerClosedError,
    ProducerError,
    QueueFullError,
    SendError,
    _progress,
)
from wattnet.producer._clock import knowledge_now_us
from wattnet.producer._frame_encoding import Knowledge, encoded
from wattnet.producer._frame_reading import read_frame
from wattnet.query import Client
from wattnet.schemas import (
    LabelError,
    LabelWarning,
    Metric,
    MetricEncoder,
    MetricError,
    MetricNameError,
    MetricTimeError,
    MetricValueError,
    MissingLabelError,
    NaiveTimeError,
    QualityError,
    ReservedLabelError,
    TimeRangeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from road import Road


def in_polars(frame: pd.DataFrame) -> pl.DataFrame:
    """The names come after the conversion: on its way they are C's strings, and these may hold a zero byte."""
    converted = pl.from_pandas(frame.set_axis([str(place) for place in range(frame.shape[1])], axis=1))
    converted.columns = list(frame.columns)
    return converted


UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOWHERE = "127.0.0.1:1"
X: dict[str, Any] = {"metric_type": "x"}
AS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "pandas with arrow's types": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "pandas with objects": lambda frame: frame.astype(object),
    "polars": in_polars,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "arrow in pieces": lambda frame: pa.concat_tables(
        [pa.Table.from_pandas(frame.iloc[[row]], schema=pa.Schema.from_pandas(frame, preserve_index=False))
         for row in range(len(frame))]
    ),
}  # fmt: skip


@pytest.fixture
def producer() -> Iterator[MemoryProducer]:
    producer = MemoryProducer()
    yield producer
    producer.close()


def tidy(**columns: Any) -> pd.DataFrame:
    """Three hours of one zone."""
    usual = {
        "timestamp": pd.date_range(T0, periods=3, freq="h").as_unit("us"),
        "value": [1.0, 2.0, 3.0],
        "zone": ["ES", "ES", "PT"],
    }
    return pd.DataFrame({**usual, **columns})


def wide() -> pd.DataFrame:
    """As energy people hold it."""
    frame = pd.DataFrame(
        {"solar": [1.0, np.nan, 3.0], "wind": [4.0, 5.0, 6.0]},
        index=pd.date_range("2025-03-01", periods=3, freq="h", tz="Europe/Madrid"),
    )
    return frame.rename_axis(columns="production_type")


def long(count: int) -> pd.DataFrame:
    """Of two series, in turns."""
    times = pd.date_range(T0, periods=count, freq="s").as_unit("us")
    return pd.DataFrame(
        {"timestamp": times, "value": np.arange(count, dtype=float), "zone": ["ES", "PT"] * (count // 2)}
    )


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


def unnamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename_axis(columns=None)


LOAD = {"unit": "MW", "datasource": "test", "data_state": "final"}
REFUSED: list[tuple[Callable[[], Any], dict[str, Any], type[Exception], str]] = [
    # No frame, or no layout.
    (lambda: [1, 2], X, FrameError, "list is no frame"),
    (lambda: wide()["wind"], X, FrameError, "to_frame"),
    (lambda: pl.from_pandas(tidy()).lazy(), X, FrameError, "collect"),
    (lambda: unnamed(wide()), X, FrameError, "columns='production_type'"),
    (tidy, {**X, "columns": "zone"}, FrameError, "column 'value'.*columns="),
    (tidy, {**X, "missing": "ignore"}, FrameError, "'ignore'"),
    (lambda: tidy().drop(columns="timestamp"), X, FrameError, "no column 'timestamp'"),
    (lambda: tidy().set_index("timestamp", drop=False), X, FrameError, "column 'timestamp' and an index"),
    (lambda: tidy().set_index("zone"), X, FrameError, "index 'zone'.*reset_index"),
    (lambda: tidy().set_index(["timestamp", "zone"]), X, FrameError, "reset_index"),
    (lambda: tidy().set_axis(["timestamp", "value", "value"], axis=1), X, FrameError, "two columns are named 'value'"),
    # Said twice, or not at all.
    (tidy, {}, FrameError, "metric_type="),
    (wide, {}, FrameError, "metric_type="),
    (lambda: tidy(name="a"), X, FrameError, "metric_type=.*'name'"),
    (lambda: tidy(name="a", metric_type="a"), {}, FrameError, "'metric_type' and 'name'"),
    (tidy, {**X, "labels": {"zone": "FR"}}, FrameError, "'zone'"),
    (wide, {**X, "labels": {"production_type": "a"}}, FrameError, "'production_type'"),
    (lambda: tidy(attributes="{}"), {**X, "attributes": {"run": "1"}}, FrameError, "'attributes'"),
    # Columns that are no series of their own.
    (wide, {**X, "columns": ["a", "b"]}, FrameError, "2 labels.*1 levels"),
    (wide, {**X, "columns": {"solar": {"a": "1"}}}, FrameError, "nothing of column 'wind'"),
    (wide, {**X, "columns": {"solar": {}, "wind": {}, "sun": {}}}, FrameError, "'sun'"),
    (wide, {**X, "columns": {"solar": "a", "wind": "b"}}, FrameError, "dict"),
    (wide, {**X, "columns": {"solar": {}, "wind": {}}}, FrameError, "'solar' and 'wind' are one series"),
    (lambda: wide().iloc[[0, 1, 0]], X, FrameError, "several rows.*rows 0, 2"),
    (wide, {**X, "columns": "limit"}, ReservedLabelError, "'limit'.*column 'solar'"),
    # Times.
    (lambda: wide().tz_localize(None), X, NaiveTimeError, "'index'.*tz_localize"),
    (lambda: tidy(timestamp=pd.date_range("2025", periods=3)), X, NaiveTimeError, "'timestamp'.*tz_localize"),
    (lambda: pl.from_pandas(tidy(timestamp=pd.date_range("2025", periods=3))), X, NaiveTimeError, "replace_time_zone"),
    (lambda: tidy(timestamp=["2025-03-01T00:00Z"] * 3), X, MetricTimeError, r"'timestamp'.*to_datetime"),
    (lambda: pl.from_pandas(tidy(timestamp=[1, 2, 3])), X, MetricTimeError, r"'timestamp' holds int64.*unit="),
    (lambda: tidy(timestamp=pd.Series([T0, T0, T0.replace(tzinfo=None)], dtype=object)), X, NaiveTimeError, r"row 2\)"),
    (lambda: tidy(timestamp=pd.Series([T0, pd.NaT, T0])), X, MetricTimeError, "missing.*row 1"),
    (lambda: tidy(timestamp=pd.to_datetime([1, 0, 2000], utc=True)), X, MetricTimeError, r"nanoseconds.*row 0\)"),
    (lambda: tidy(timestamp=pd.to_datetime([0, -1, 4e9], unit="s", utc=True).as_unit("s")), X, TimeRangeError,
     r"1969-12-31.*rows 1, 2"),
    # Values.
    (lambda: tidy(value=[1, np.inf, -np.inf]), X, MetricValueError, r"inf is not finite.*column 'value', rows 1, 2"),
    (lambda: tidy(value=["1", "2", "3"]), X, MetricValueError, "'value'.*str"),
    (lambda: pl.from_pandas(tidy(value=["1", "2", "3"])), X, MetricValueError, "'value'.*float64"),
    (lambda: tidy(value=[True, False, True]), X, MetricValueError, "'value' holds bool"),
    (lambda: tidy(value=[1, 2, Decimal(3)]), X, MetricValueError, "Decimal.*row 2"),
    (lambda: wide().assign(wind=[1, 2, np.inf]), X, MetricValueError, "column 'wind', row 2"),
    # Series.
    (lambda: tidy(zone=["ES", None, ""]), {"metric_type": "zone_load", "labels": LOAD}, MissingLabelError,
     "zone.*rows 1, 2"),
    (tidy, {"metric_type": "zone_load", "strict": True}, MissingLabelError, "unit.*strict.*rows 0, 1, 2"),
    (lambda: tidy(name=["a", "No", "a"]), {}, MetricNameError, "'No'.*row 1"),
    (lambda: tidy(year=[2024.0, np.nan, 2025.0]), X, LabelError, "'year' is 2024.0.*rows 0, 2"),
    (lambda: tidy(stored_at="a"), X, ReservedLabelError, "'stored_at'"),
    (lambda: tidy(zone_status=["complete", "good", "complete"]), X, QualityError, "'good'.*row 1"),
    (lambda: tidy(attributes=["{}", "{]", "[1]"]), X, MetricError, "no JSON.*rows 1, 2"),
    (lambda: tidy(scope=[["a"], ["a"], ["b"]]), X, FrameError, "'scope' holds a list in row 0"),
    (lambda: pl.from_pandas(tidy()).with_columns(scope=pl.Series([["a"], ["a"], ["b"]])), X, FrameError, "'scope'"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "arguments", "error", "said"), REFUSED)
def test_a_frame_that_is_wrong_is_refused_as_a_whole(
    producer: MemoryProducer, frame: Callable[[], Any], arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        producer.send_frame(frame(), **arguments)
    assert type(caught.value) is error or error is MetricError
    assert producer.sent == []


def test_many_wrong_rows_are_counted(producer: MemoryProducer) -> None:
    frame = pd.DataFrame(
        {"value": [np.inf] * 5_000}, index=pd.date_range(T0, periods=5_000, freq="s", name="timestamp")
    )
    with pytest.raises(MetricValueError, match="rows 0, 1, 2, 3, 4 and 4,995 more, counted from 0"):
        producer.send_frame(frame, metric_type="x")


def test_nothing_in_it(producer: MemoryProducer) -> None:
    for frame in (tidy().iloc[:0], pl.from_pandas(tidy()).clear(), pa.Table.from_pandas(tidy()).slice(0, 0)):
        assert producer.send_frame(frame, metric_type="x") == 0
    assert producer.send_frame(wide().iloc[:0], metric_type="x") == 0
    assert producer.send_frame(wide() * np.nan, metric_type="x") == 0
    producer.close()
    with pytest.raises(ProducerClosedError):
        producer.send_frame(tidy().iloc[:0], metric_type="x")


def test_full_and_block_waits_and_keeps_the_order() -> None:
    producer = MemoryProducer(full=True)
    thread = threading.Thread(target=producer.send_frame, args=(long(20_000),), kwargs={"metric_type": "x"})
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    producer.full = False
    thread.join(20)
    sent = producer.sent
    assert [metric.value for metric in sent] == list(range(20_000))
    known = [metric.knowledge_time_us or 0 for metric in sent]
    assert all(earlier < later for earlier, later in itertools.pairwise(known))
    producer.close()


def test_where_there_is_room_for_some_the_others_follow_in_order(
    producer: MemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, calls = producer._memory.produce, itertools.count(1)

    def produce(*arguments: Any, **named: Any) -> None:
        if next(calls) % 700 == 0:
            raise BufferError
        take(*arguments, **named)

    monkeypatch.setattr(producer._memory, "produce", produce)
    assert producer.send_frame(long(5_000), metric_type="x") == 5_000
    assert [metric.value for metric in producer.sent] == list(range(5_000))


def full_for_good(**arguments: Any) -> Producer:
    """librdkafka's own queue, with no broker."""
    return Producer(NOWHERE, queue_max_messages=1_500, options={"message.timeout.ms": 30_000}, **arguments)


def given_up(producer: Producer) -> None:
    with pytest.raises(ProducerError):
        producer.close(0)


def test_full_and_raise_says_how_many_were_taken() -> None:
    producer = full_for_good(on_full="raise")
    with pytest.raises(QueueFullError, match=r"the queue is full .*1,500 of 4,000 rows were taken"):
        producer.send_frame(long(4_000), metric_type="x")
    given_up(producer)


def test_full_and_drop_counts_them() -> None:
    heard: list[ProducerError] = []
    producer = full_for_good(on_full="drop", on_error=heard.append)
    assert producer.send_frame(long(4_000), metric_type="x") == 1_500
    assert len([error for error in heard if isinstance(error, QueueFullError)]) == 2_500
    given_up(producer)


def test_a_row_that_kafkas_client_refuses() -> None:
    producer = Producer(NOWHERE, options={"message.max.bytes": 1_000})
    frame = tidy(scope=["a", "b" * 2_000, "c"])
    with pytest.raises(SendError, match=r"max\.message\.bytes.*2 of 3 rows were"):
        producer.send_frame(frame, metric_type="x")
    given_up(producer)


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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [(Terminal(), None, True), (Terminal(), False, False), (io.StringIO(), None, False)],
)
def test_a_bar_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, progress: Any, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(_progress, "_AFTER_S", 0.0)
    with MemoryProducer() as producer:
        producer.send_frame(long(20_000), metric_type="x", progress=progress)
    assert ("4,096 of 20,000 metrics" in stream.getvalue()) == shown
    assert stream.getvalue().endswith("\r\x1b[K") == shown


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
