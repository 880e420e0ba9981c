"""The twelve defects of wattnet-storage 1.1, each as the behaviour that is right."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.query import Client, UnknownLabelError
from wattnet.storage import (
    BaseStorageClient,
    ConfigurationError,
    MetricsRepository,
    NaiveTimestampWarning,
    RefusedMetricsError,
    StorageConfig,
    WriteError,
    bucket_range,
)
from wattnet.storage.models import Metric, MetricType
from wattnet.storage.processors import filter_best_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from command import Command

    from wattnet.local import LocalStack

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def load(zone: str, value: Any, at: datetime = T0, **metadata: Any) -> Metric:
    return Metric(MetricType.ZONE_LOAD, value, at, {"zone": zone, **metadata})


def read(repository: MetricsRepository, zone: str, **labels: Any) -> list[Metric]:
    """A year of zone_load."""
    return repository.query_metrics("zone_load", T0, T0 + 8760 * HOUR, {"zone": zone, **labels})


def test_1_a_bad_value_is_named_and_the_good_ones_are_stored(repository: MetricsRepository, zone: str) -> None:
    bad = {
        1: (load(zone, math.nan), "nan is a float and no finite number"),
        2: (load(zone, "three"), "is a str"),
        3: (load(zone, None), "is a NoneType"),
        4: (load("", 1.0), "needs a zone"),
        5: (load(zone, 1.0, datetime(2070, 1, 1, tzinfo=UTC)), "out of range"),
        6: (load(zone, 1.0, quality=[1]), "give a string"),
        7: (load(zone, 1.0, zone_status="fine"), "unknown"),
        8: (load(zone, True), "is a bool"),
        9: (Metric("ZoneLoad", 1.0, T0, {"zone": zone}), "zone_load"),
        10: (load(zone, 1.0, "1 March"), "is a str"),  # type: ignore[arg-type]  # 1.1 has no type checks either
        11: (load(zone, 1.0, pd.NaT), "is no moment"),  # type: ignore[arg-type]
    }
    metrics = [load(zone, 1.0), *(metric for metric, _ in bad.values()), load(zone, 2, T0 + HOUR)]
    with pytest.raises(RefusedMetricsError, match="11 of 13 metrics were not stored") as raised:
        repository.write_metrics(metrics)
    assert isinstance(raised.value, ValueError)
    assert raised.value.written == 2
    assert [failure.position for failure in raised.value.failures] == list(bad)
    for failure in raised.value.failures:
        metric, why = bad[failure.position]
        assert failure.metric is metric
        assert why in failure.reason
    assert [metric.value for metric in read(repository, zone)] == [1.0, 2.0]


def test_numbers_and_times_are_taken_as_1_1_took_them(repository: MetricsRepository, zone: str) -> None:
    hours = [T0 + hour * HOUR for hour in range(5)]
    given: list[tuple[Any, Any]] = [
        (Decimal("0.1"), hours[0]),
        (np.float32(2.5), hours[1].isoformat()),
        (np.int64(3), "2025-03-01T02:00:00Z"),
        ("4.5", "2025-03-01 05:00+02:00"),
        (5, hours[4]),
    ]
    repository.write_metrics([load(zone, value, at) for value, at in given])
    stored = [(metric.value, metric.timestamp) for metric in read(repository, zone)]
    assert stored == [*zip((0.1, 2.5, 3.0, 4.5, 5.0), hours, strict=True)]


def test_1_what_was_not_acknowledged_is_raised(plugin_configs: dict[str, dict[str, Any]], zone: str) -> None:
    nobody = {"bootstrap_servers": "127.0.0.1:1", "options": {"delivery.timeout.ms": 300}}
    config = StorageConfig(60, ["kafka"], {**plugin_configs, "kafka": nobody})
    metrics = [load(zone, 1.0), load(zone, 2.0, T0 + HOUR), load(zone, math.inf)]
    with MetricsRepository(config) as repository, pytest.raises(WriteError) as raised:
        repository.write_metrics(metrics)
    assert raised.value.written == 0
    assert [failure.metric for failure in raised.value.failures] == metrics
    assert "no broker at 127.0.0.1:1" in raised.value.failures[1].reason
    assert "no finite number" in raised.value.failures[2].reason


PROGRAM = """
import json, os
from datetime import datetime, timezone
from wattnet.storage import MetricsRepository, StorageConfig
from wattnet.storage.models import Metric, MetricType

repository = MetricsRepository(StorageConfig(60, [os.environ["PLUGIN"]], json.loads(os.environ["CONFIGS"])))
now = datetime(2025, 3, 1, tzinfo=timezone.utc)
repository.write_metrics([Metric(MetricType.ZONE_LOAD, 1.5, now, {"zone": os.environ["ZONE"]})])
"""


@pytest.mark.parametrize("plugin", ["clickhouse", "kafka"])
def test_2_a_program_that_ends_at_once_loses_nothing(
    plugin: str, plugin_configs: dict[str, Any], wattnet: Command, tmp_path: Path, zone: str, wattnet_stack: LocalStack
) -> None:
    import json

    from confluent_kafka import Consumer, TopicPartition

    from wattnet.producer import create_topic
    from wattnet.schemas import decode_metric

    topic = f"exit-{zone}"
    create_topic(wattnet_stack.bootstrap_servers, topic, partitions=1)
    configs = {**plugin_configs, "kafka": {**plugin_configs["kafka"], "topic": topic}}
    program = tmp_path / "ends_at_once.py"
    program.write_text(PROGRAM)
    done = wattnet(program=program, env={"PLUGIN": plugin, "CONFIGS": json.dumps(configs), "ZONE": zone})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    if plugin == "clickhouse":
        with MetricsRepository(StorageConfig(60, ["clickhouse"], configs)) as repository:
            assert [metric.value for metric in read(repository, zone)] == [1.5]
        return
    consumer = Consumer({"bootstrap.servers": wattnet_stack.bootstrap_servers, "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None
    assert decode_metric((message.value() or b"")[10:]).labels == {"zone": zone}


def test_2_flush_and_close(config: StorageConfig, zone: str) -> None:
    with MetricsRepository(config) as repository:
        repository.write_metrics([load(zone, 1.0)])
        repository.flush()
    repository.close()  # again does nothing
    with pytest.raises(RuntimeError, match="closed"):
        repository.write_metrics([])
    with pytest.raises(RuntimeError, match="closed"):
        read(repository, zone)


def test_3_no_name_and_no_label_is_dropped(repository: MetricsRepository, zone: str) -> None:
    said = {"zone": zone, "source": "solar", "anything": " at all ", "resolution": "60 minutes"}
    repository.write_metrics([Metric("grid_frequency", 50.0, T0, dict(said)), load(zone, 1.0, source="solar")])
    [metric] = repository.query_metrics("grid_frequency", T0, T0, {"zone": zone, "source": "solar"})
    assert said.items() <= metric.metadata.items()
    assert read(repository, zone)[0].metadata["source"] == "solar"


def test_3_an_unknown_label_never_widens_an_answer(repository: MetricsRepository, zone: str) -> None:
    repository.write_metrics([load(zone, 1.0)])
    for labels in ({"sauce": "solar"}, {"sauce": ""}, {"start": "x"}):
        with pytest.raises(UnknownLabelError, match=re.escape(repr(next(iter(labels))))) as raised:
            read(repository, zone, **labels)
        assert isinstance(raised.value, ValueError)
    with pytest.raises(ValueError, match="zone_lod"):
        repository.query_metrics("zone_lod", T0, T0)
    # Nothing is stored that could match, and readers of the type may ask for it.
    assert repository.query_metrics("impact_share", T0, T0, {"zone": zone, "source": "solar"}) == []
    assert read(repository, zone, datasource="elsewhere") == []


def test_4_values_come_back_bit_for_bit(repository: MetricsRepository, zone: str) -> None:
    values = [16777217.0, 0.0042, math.pi, -0.0, 5e-324, 1.7976931348623157e308]
    repository.write_metrics([load(zone, value, T0 + hour * HOUR) for hour, value in enumerate(values)])
    assert [metric.value.hex() for metric in read(repository, zone)] == [value.hex() for value in values]


def test_5_naive_times_are_of_this_process_everywhere_and_offsets_count(
    repository: MetricsRepository, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with pytest.warns(NaiveTimestampWarning, match=r"2025-03-01 09:00:00 .* \(JST\)") as warned:
            metric = load(zone, 1.0, datetime(2025, 3, 1, 9))  # noqa: DTZ001
        assert metric.timestamp == T0
        changed = load(zone, 2.0)
        changed.timestamp = datetime(2025, 3, 1, 12)  # noqa: DTZ001
        with pytest.warns(NaiveTimestampWarning) as written:
            repository.write_metrics(
                [metric, changed, load(zone, 3.0, datetime.fromisoformat("2025-03-01T06:00+02:00"))]
            )
        with pytest.warns(NaiveTimestampWarning) as asked:
            found = repository.query_metrics(
                "zone_load",
                datetime(2025, 3, 1, 9),  # noqa: DTZ001
                datetime(2025, 3, 2, 9),  # noqa: DTZ001
                {"zone": zone},
            )
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert {warning.filename for warned in (warned, written, asked) for warning in warned} == {__file__}
    assert [(metric.timestamp, metric.value) for metric in found] == [
        (T0, 1.0),
        (T0 + 3 * HOUR, 2.0),
        (T0 + 4 * HOUR, 3.0),
    ]
    assert {metric.timestamp.utcoffset() for metric in found} == {timedelta(0)}
    east = datetime.fromisoformat("2025-03-01T02:00+02:00")
    assert [metric.value for metric in repository.query_metrics("zone_load", east, None, {"zone": zone})] == [1.0]


def test_6_datasource_unit_and_year_tell_series_apart(repository: MetricsRepository, zone: str) -> None:
    repository.write_metrics(
        [
            load(zone, 1.0, datasource="ENTSO-E", unit="MW"),
            load(zone, 2.0, datasource="Elexon", unit="MW"),
            load(zone, 3.0, datasource="ENTSO-E", unit="kW"),
            Metric(MetricType.FACTOR, 4.0, T0, {"source": zone, "year": 2023}),
            Metric(MetricType.FACTOR, 5.0, T0, {"source": zone, "year": 2024}),
        ]
    )
    assert sorted(metric.value for metric in read(repository, zone)) == [1.0, 2.0, 3.0]
    assert [metric.value for metric in read(repository, zone, datasource="ENTSO-E", unit="MW")] == [1.0]
    factors = repository.query_metrics("factor", T0, T0, {"source": zone})
    assert sorted((metric.metadata["year"], metric.value) for metric in factors) == [(2023, 4.0), (2024, 5.0)]
    assert [one.value for one in repository.query_metrics("factor", T0, T0, {"source": zone, "year": 2024})] == [5.0]


def test_7_what_is_worse_does_not_replace_what_is_better(repository: MetricsRepository, zone: str) -> None:
    def now_is(value: float, **quality: Any) -> tuple[float, str, str]:
        repository.write_metrics([load(zone, value, **quality)])
        [metric] = read(repository, zone)
        return metric.value, metric.metadata["valid"], metric.metadata["zone_status"]

    assert now_is(1.0, valid=False, zone_status="complete") == (1.0, "false", "complete")
    assert now_is(2.0, valid="True", zone_status="missing") == (2.0, "true", "missing")
    assert now_is(3.0, valid=False, zone_status="complete") == (2.0, "true", "missing")
    assert now_is(4.0, valid=True, zone_status="preview") == (4.0, "true", "preview")
    assert now_is(5.0) == (5.0, "true", "complete")
    assert now_is(6.0, valid=True, zone_status="preview") == (5.0, "true", "complete")
    assert now_is(7.0, valid="False") == (5.0, "true", "complete")
    assert now_is(8.0, valid=True, zone_status="complete") == (8.0, "true", "complete")
    for valid in (True, "true", "True", ""):
        assert len(read(repository, zone, valid=valid)) == 1
    for worse in ({"valid": False}, {"valid": "false"}, {"zone_status": "preview"}):
        assert read(repository, zone, **worse) == []


def test_8_series_with_and_without_a_label_stay_apart(repository: MetricsRepository, zone: str) -> None:
    repository.write_metrics([load(zone, 1.0, a="x"), load(zone, 2.0, a="y"), load(zone, 3.0)])
    found = read(repository, zone)
    assert sorted(metric.value for metric in found) == [1.0, 2.0, 3.0]
    assert filter_best_metrics(found) == found
    assert [metric.value for metric in read(repository, zone, a="")] == [3.0]
    assert sorted(metric.value for metric in read(repository, zone, a=["x", None])) == [1.0, 3.0]


def test_8_the_filter_takes_the_best_of_each_point() -> None:
    def best(*metrics: Metric) -> list[float]:
        return [metric.value for metric in filter_best_metrics(list(metrics))]

    assert best() == []
    assert best(load("ES", 1.0, valid="true", zone_status="missing"), load("ES", 2.0, valid="false")) == [1.0]
    assert best(load("ES", 1.0, zone_status="preview"), load("ES", 2.0, zone_status="complete")) == [2.0]
    assert best(load("ES", 1.0), load("ES", 2.0)) == [2.0]
    assert best(load("ES", 1.0, a="x"), load("ES", 2.0), load("ES", 3.0, a="x")) == [3.0, 2.0]
    assert best(load("ES", 1.0), load("ES", 2.0, T0 + HOUR), load("FR", 3.0)) == [1.0, 2.0, 3.0]
    older, newer = load("ES", 1.0, updated_at=T0), load("ES", 2.0, updated_at=T0 + HOUR)
    assert best(newer, older) == [2.0]


def test_9_the_last_of_many_within_a_second_is_current(repository: MetricsRepository, zone: str) -> None:
    """And the last of one list."""
    for value in range(5):
        repository.write_metrics([load(zone, float(value)), load(zone, value + 0.5)])
    assert [metric.value for metric in read(repository, zone)] == [4.5]


def test_9_a_new_column_breaks_no_insert(
    repository: MetricsRepository, plugin_configs: dict[str, Any], zone: str
) -> None:
    with connect(ClickHouseSettings(**plugin_configs["clickhouse"])) as driver:
        driver.command("ALTER TABLE metrics_ingest ADD COLUMN of_tomorrow String DEFAULT 'x'")
        try:
            repository.write_metrics([load(zone, 1.0)])
        finally:
            driver.command("ALTER TABLE metrics_ingest DROP COLUMN of_tomorrow")
    assert [metric.value for metric in read(repository, zone)] == [1.0]


def test_10_a_series_is_read_without_the_zones_beside_it(
    repository: MetricsRepository, plugin_configs: dict[str, Any], wattnet_stack: LocalStack, zone: str
) -> None:
    zones = [f"{zone}-{number:02d}" for number in range(30)]
    times = [T0 + hour * HOUR for hour in range(3_000)]
    repository.write_metrics([load(one, 1.0, at) for one in zones for at in times])
    database = plugin_configs["clickhouse"]["database"]
    with Client(wattnet_stack.clickhouse_url, database=database) as client:
        told = client.metrics("zone_load", zone=zones[7], start=T0, end=times[-1]).explain()
    rows = sum(int(found.replace(",", "")) for found in re.findall(r"at most ([\d,]+) rows of metrics\b", told))
    assert 0 < rows < len(zones) * len(times) / 5
    assert len(read(repository, zones[7])) == len(times)


@pytest.mark.parametrize(
    ("step", "begin"),
    [
        (1, "2025-03-01T10:37"),
        (15, "2025-03-01T10:30"),
        (60, "2025-03-01T10:00"),
        (90, "2025-03-01T10:30"),
        (120, "2025-03-01T10:00"),
        (1440, "2025-03-01T00:00"),
        (7, "2025-03-01T10:35"),  # 29,013,275 minutes after 1970 began: 7 x 4,144,753 and 4
    ],
)
def test_11_buckets_of_any_step_lie_side_by_side(step: int, begin: str) -> None:
    moment, length = datetime(2025, 3, 1, 10, 37, 12, 5, UTC), timedelta(minutes=step)
    start, end = bucket_range(moment, None, step_minutes=step)
    assert (start - datetime(1970, 1, 1, tzinfo=UTC)) % length == timedelta(0)
    assert start <= moment < end == start + length
    if step != 7:
        assert start == datetime.fromisoformat(begin).replace(tzinfo=UTC)
    one = (start, end)
    assert bucket_range(None, moment, step_minutes=step) == one
    assert bucket_range(None, None, step_minutes=step, now=moment) == one
    assert bucket_range(moment, moment, step_minutes=step) == one
    assert bucket_range(start, start, step_minutes=step) == one
    assert bucket_range(start, end, step_minutes=step) == one
    tick = timedelta(microseconds=1)
    assert bucket_range(end, None, step_minutes=step) == (end, end + length)
    assert bucket_range(moment, end + tick, step_minutes=step) == (start, end + length)
    with pytest.raises(ValueError, match="is before start"):
        bucket_range(moment, moment - tick, step_minutes=step)


def test_11_an_inverted_range_within_a_bucket_is_refused(repository: MetricsRepository) -> None:
    with pytest.raises(TypeError, match="start is '2025-03-01': give an aware datetime"):
        repository.query_metrics("zone_load", "2025-03-01")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is before start"):
        repository.query_metrics("zone_load", T0 + HOUR * 0.7, T0 + HOUR * 0.2)


def test_11_a_repository_asks_for_whole_buckets(config: StorageConfig, zone: str) -> None:
    by_90_minutes = StorageConfig(90, ["clickhouse"], config.plugin_configs)
    with MetricsRepository(by_90_minutes) as repository:
        repository.write_metrics(
            [load(zone, float(minutes), T0 + timedelta(minutes=minutes)) for minutes in range(0, 360, 30)]
        )
        minutes = [
            metric.value
            for metric in repository.query_metrics(
                "zone_load", T0 + timedelta(minutes=100), T0 + timedelta(minutes=181), {"zone": zone}
            )
        ]
    assert minutes == [90.0, 120.0, 150.0, 180.0, 210.0, 240.0]


def test_12_no_client_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r"no storage client is configured.*STORAGE_CLIENTS"):
        MetricsRepository(StorageConfig())
    with pytest.raises(ImportError, match=r"Storage client 'clickhose' is not installed.*did you mean 'clickhouse'"):
        MetricsRepository(StorageConfig(storage_clients=["clickhose"]))
    with pytest.raises(TypeError, match="abstract"):
        BaseStorageClient(StorageConfig())  # type: ignore[abstract]
