"""What 1.x programs rely on besides: configuration, threads and forks, repeated inserts, plugins of others."""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import FrozenInstanceError
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import wattnet.storage
from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.producer import MemoryProducer
from wattnet.schemas import decode_metric
from wattnet.storage import (
    BaseStorageClient,
    ConfigurationError,
    MetricsRepository,
    NotReadyError,
    RefusedMetricsError,
    StorageConfig,
    WriteError,
)
from wattnet.storage._columns import ColumnReader
from wattnet.storage._environment import config_from_environment
from wattnet.storage._publishing import TopicWriter
from wattnet.storage.clients.plugins.clickhouse import ClickHouseConfig
from wattnet.storage.models import Metric, MetricType
from wattnet.storage.utils.plugin_loader import get_storage_clients_extensions, get_storage_clients_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_proxy import ClickHouseProxy

    from wattnet.local import LocalStack
    from wattnet.producer import ProducerError

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EXAMPLE = Path(__file__).parents[2] / "examples" / "storage_plugin"


def load(zone: str, value: float, at: datetime = T0, **metadata: Any) -> Metric:
    return Metric(MetricType.ZONE_LOAD, value, at, {"zone": zone, **metadata})


def values(repository: MetricsRepository, zone: str) -> list[float]:
    return [metric.value for metric in repository.query_metrics("zone_load", T0, T0 + 9000 * HOUR, {"zone": zone})]


def test_a_metric_is_what_it_was_in_1_1() -> None:
    metadata = {"zone": "ES"}
    metric = Metric(MetricType.ZONE_LOAD, 1.5, T0, metadata)
    metric.add_metadata("unit", "MW")
    metric.value = 2.5
    assert (metric.name, metric.value, metric.timestamp, metric.metadata) == ("zone_load", 2.5, T0, metadata)
    shown = {
        "name": "zone_load",
        "value": 2.5,
        "timestamp": "2025-03-01T00:00:00+00:00",
        "metadata": {"zone": "ES", "unit": "MW"},
    }
    assert metric.to_dict() == shown
    assert str(metric) == "zone_load: 2.5 ({'zone': 'ES', 'unit': 'MW'}) at 2025-03-01 00:00:00+00:00"
    now = Metric("zone_load", 1)
    assert abs(now.timestamp - datetime.now(UTC)) < timedelta(seconds=10)
    assert now.metadata == {}
    assert Metric("zone_load", 1).metadata is not now.metadata


def test_a_config_is_frozen_and_checked() -> None:
    config = StorageConfig(plugin_configs={"clickhouse": {"password": "s3cret"}})
    assert (config.timeseries_step_minutes, config.storage_clients) == (15, [])
    assert "s3cret" not in repr(config)
    with pytest.raises(FrozenInstanceError):
        config.timeseries_step_minutes = 5  # type: ignore[misc]
    for wrong in ({"timeseries_step_minutes": 0}, {"timeseries_step_minutes": -15}, {"timeseries_step_minutes": 1.5}):
        with pytest.raises(ValueError, match="timeseries_step_minutes"):
            StorageConfig(**wrong)
    with pytest.raises(ValueError, match=r"duplicate entries: \['a'\]"):
        StorageConfig(storage_clients=["a", "b", "a"])
    with pytest.raises(ConfigurationError, match="'hots', which there is not: did you mean 'host'"):
        MetricsRepository(StorageConfig(15, ["clickhouse"], {"clickhouse": {"hots": "far"}}))
    for plugin, wrong_value in (("clickhouse", {"port": "x"}), ("kafka", {"options": "x"})):
        secret = {"password" if plugin == "clickhouse" else "sasl_password": "s3cret"}
        with pytest.raises(ConfigurationError) as raised:
            MetricsRepository(StorageConfig(15, [plugin], {plugin: {**secret, **wrong_value}}))
        assert "s3cret" not in str(raised.value)


def test_plugin_configs_win_over_the_environment_and_that_over_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As wattnet-api builds them."""
    names = get_storage_clients_names()
    assert {"clickhouse", "kafka"} <= names
    classes = get_storage_clients_extensions()
    assert classes.keys() == names
    file = tmp_path / ".env"
    file.write_text("CLICKHOUSE_HOST=of-the-file\nCLICKHOUSE_PORT=8000\nKAFKA_TOPIC=of-the-file\nOTHER=x\n")
    monkeypatch.setenv("CLICKHOUSE_PORT", "8001")
    dumps = {
        name: cls.config_class(_env_file=["/nowhere/api.env", file]).model_dump()
        for name, cls in classes.items()
        if hasattr(cls, "config_class")
    }
    assert (dumps["clickhouse"]["host"], dumps["clickhouse"]["port"]) == ("of-the-file", 8001)
    assert dumps["kafka"]["topic"] == "of-the-file"
    again = ClickHouseConfig(**{**dumps["clickhouse"], "port": 8002})
    assert (again.host, again.port, again.database) == ("of-the-file", 8002, "wattnet")
    assert (again.connect_retries, again.connect_retry_delay) == (5, 3)


def test_everything_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And from `config/.env.<WATTNET_ENV>` beside it, with logging as it says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / ".env.production").write_text(
        'STORAGE_CLIENTS=["clickhouse"]\nTIMESERIES_STEP_MINUTES=30\nDATABASE=of_1_0\nCLICKHOUSE_HOST=db\n'
        'LOG_LEVEL=DEBUG\nLOG_HANDLERS=["file"]\nLOG_FILE=./logs/storage.log\n'
    )
    monkeypatch.setenv("WATTNET_ENV", "production")
    monkeypatch.setenv("TIMESERIES_STEP_MINUTES", "20")
    logger = logging.getLogger("wattnet.storage")
    try:
        config = config_from_environment()
        assert (config.timeseries_step_minutes, config.storage_clients) == (20, ["clickhouse"])
        assert config.plugin_configs["clickhouse"]["host"] == "db"
        assert config.plugin_configs["clickhouse"]["database"] == "of_1_0"
        config_from_environment()  # again: each line is there once
        logger.getChild("clients").debug("said once")
        assert (tmp_path / "logs" / "storage.log").read_text().count("DEBUG wattnet.storage.clients: said once") == 1
        monkeypatch.setenv("CLICKHOUSE_DATABASE", "of_1_1")
        assert config_from_environment().plugin_configs["clickhouse"]["database"] == "of_1_1"
        for name, value in (
            ("LOG_LEVEL", "LOUD"),
            ("LOG_HANDLERS", '["pigeon"]'),
            ("LOG_HANDLERS", "file"),
            ("STORAGE_CLIENTS", "clickhouse"),
            ("TIMESERIES_STEP_MINUTES", "soon"),
        ):
            with monkeypatch.context() as wrong:
                wrong.setenv(name, value)
                with pytest.raises(ConfigurationError, match=f"(?i){name}"):
                    config_from_environment()
    finally:
        for handler in logger.handlers[:]:
            if not isinstance(handler, logging.NullHandler):
                logger.removeHandler(handler)
                handler.close()
        logger.setLevel(logging.NOTSET)


def test_without_clickhouse_a_repository_says_so_after_its_tries() -> None:
    nobody = {"host": "127.0.0.1", "port": 1, "connect_retries": 2, "connect_retry_delay": 0}
    with pytest.raises(NotReadyError, match=r"not available at 127\.0\.0\.1:1 after 2 attempts") as raised:
        MetricsRepository(StorageConfig(15, ["clickhouse"], {"clickhouse": nobody}))
    assert isinstance(raised.value, RuntimeError)


def test_without_its_tables_a_repository_says_how_to_make_them(plugin_configs: dict[str, Any]) -> None:
    empty = {**plugin_configs["clickhouse"], "database": "default", "connect_retries": 1}
    with pytest.raises(NotReadyError, match="wattnet migrate up"):
        MetricsRepository(StorageConfig(15, ["clickhouse"], {"clickhouse": empty}))


def test_what_was_read_can_be_written_again(repository: MetricsRepository, zone: str) -> None:
    """It is the same series and quality: the words for what is absent are no labels."""
    given = [
        load(zone, 1.0),
        load(zone, 2.0, unit="MW", resolution="PT1H", valid=False, zone_status="preview", data_state="official"),
        load(zone, 3.0, source=7, flag=True),
        load(zone, 4.0, source=7, flag=1),  # equal to True, and another label
    ]
    repository.write_metrics(given)
    before = repository.query_metrics("zone_load", T0, T0, {"zone": zone})
    first = next(metric for metric in before if metric.value == 1.0)
    assert first.metadata == {
        "zone": zone,
        "unit": "unknown",
        "data_state": "unknown",
        "datasource": "",
        "valid": "true",
        "zone_status": "complete",
    }
    for metric in before:
        metric.value += 10
        metric.add_metadata("updated_at", T0)  # 1.1 read it with the others
    repository.write_metrics(before)
    after = repository.query_metrics("zone_load", T0, T0, {"zone": zone})
    assert sorted(metric.value for metric in after) == [11.0, 12.0, 13.0, 14.0]
    assert repository.query_metrics("zone_load", T0, T0, {"zone": zone, "unit": "unknown", "source": ""})[0].value == 11
    assert repository.query_metrics("zone_load", T0, T0, {"zone": zone, "resolution": "PT1H"})[0].value == 12


def test_numpy_scalars_are_the_numbers_that_they_hold(repository: MetricsRepository, zone: str) -> None:
    """Programs take them out of frames, with NaN for what a row lacks."""
    said = {"zone": np.str_(zone), "year": np.int64(2024), "valid": np.bool_(False), "unit": float("nan")}
    float_32: Any = np.float32(0.5)
    metrics = [Metric(MetricType.FACTOR, float_32, T0, said), Metric(MetricType.FACTOR, 3, T0 + HOUR, said)]
    repository.write_metrics(metrics)
    found = repository.query_metrics("factor", T0, T0 + 2 * HOUR, {"zone": zone, "year": np.int64(2024)})
    assert [(one.value, one.metadata["year"], one.metadata["valid"]) for one in found] == [
        (0.5, 2024, "false"),
        (3.0, 2024, "false"),
    ]


def test_forecasts_are_read_only_by_who_asks_for_them(repository: MetricsRepository, zone: str) -> None:
    """1.x has no notion of forecasts: one would stand beside the actual value as a second one."""
    repository.write_metrics([load(zone, 1.0), load(zone, 2.0, forecast="day-ahead")])

    def read(**labels: Any) -> list[float]:
        return [m.value for m in repository.query_metrics("zone_load", T0, T0 + HOUR, {"zone": zone, **labels})]

    assert read() == read(forecast="") == read(forecast=None) == [1.0]
    assert read(forecast="day-ahead") == [2.0]
    assert read(forecast="intraday") == []
    assert sorted(read(forecast=["", "day-ahead"])) == [1.0, 2.0]


def test_a_value_that_no_label_can_have_finds_nothing(repository: MetricsRepository, zone: str) -> None:
    repository.write_metrics([load(zone, 1.0)])

    def read(**labels: Any) -> list[float]:
        return [metric.value for metric in repository.query_metrics("zone_load", T0, T0 + HOUR, labels)]

    for impossible in ("x" * 4_097, "\ud800"):
        assert read(zone=impossible) == []
        assert read(zone=[impossible, zone]) == [1.0]
        assert read(zone=zone, datasource=impossible) == []


def test_the_clients_and_the_version_are_there(repository: MetricsRepository) -> None:
    """As programs for 1.1 reach for them."""
    (client,) = repository.storage_manager.storage_clients.values()
    client.flush()
    assert wattnet.storage.__version__ == version("wattnet-storage")
    with pytest.raises(AttributeError, match="'__versio'"):
        _ = wattnet.storage.__versio


def test_a_plugin_that_hands_no_config_on_works() -> None:
    class Plugin(BaseStorageClient):
        def __init__(self, config: StorageConfig) -> None:
            super().__init__()
            self.step = config.timeseries_step_minutes

        def read_metrics(self, *_: Any, **__: Any) -> list[Metric]:
            return []

        def write_metrics(self, metrics: list[Metric]) -> None: ...

    assert Plugin(StorageConfig(timeseries_step_minutes=30, storage_clients=["plugin"])).step == 30


def test_answers_are_in_the_order_of_their_times(repository: MetricsRepository, zone: str) -> None:
    metrics = [load(zone, hour + series / 10, T0 + hour * HOUR, s=series) for series in range(3) for hour in (2, 0, 1)]
    repository.write_metrics(metrics)
    assert values(repository, zone) == [0.0, 0.1, 0.2, 1.0, 1.1, 1.2, 2.0, 2.1, 2.2]


def test_each_metric_has_metadata_of_its_own(repository: MetricsRepository, zone: str) -> None:
    repository.write_metrics([load(zone, 1.0), load(zone, 2.0, T0 + HOUR)])
    one, other = repository.query_metrics("zone_load", T0, T0 + 2 * HOUR, {"zone": zone})
    one.add_metadata("mine", "alone")
    assert "mine" not in other.metadata


def test_an_insert_whose_answer_was_lost_is_stored_once(
    plugin_configs: dict[str, Any], proxy: ClickHouseProxy, zone: str
) -> None:
    """It is tried again under the same token. One row a series and time would hide a double, so the ledger is asked."""
    behind = {**plugin_configs["clickhouse"], "port": int(proxy.env["CLICKHOUSE_PORT"])}
    with MetricsRepository(StorageConfig(60, ["clickhouse"], {"clickhouse": behind})) as repository:
        # The driver repeats it once by itself, so that the third try is ours.
        gates = [proxy.hold_next_insert("response") for _ in range(2)]
        metrics = [load(zone, 1.0), load(zone, 2.0, T0 + HOUR)]
        writing = threading.Thread(target=repository.write_metrics, args=(metrics,))
        writing.start()
        for gate in gates:
            assert gate.reached.wait(30)
            gate.drop()
        writing.join(30)
        assert not writing.is_alive()
        assert proxy.inserts == 3
        with proxy.refusing(497, "ACCESS_DENIED"), pytest.raises(WriteError, match="ACCESS_DENIED") as raised:
            repository.write_metrics([load(zone, 9.0)])
        assert raised.value.written == 0
        assert not isinstance(raised.value, RefusedMetricsError)
        assert values(repository, zone) == [1.0, 2.0]
    rows = "SELECT count() FROM metrics WHERE zone = {zone:String}"
    ledger = """
        SELECT topic, claim_first, claim_next, claim_messages, messages, refused FROM ledger
        WHERE topic_id IN (SELECT topic_id FROM metrics WHERE zone = {zone:String})
    """
    with connect(ClickHouseSettings(**plugin_configs["clickhouse"])) as driver:
        assert driver.query(rows, {"zone": zone}).result_rows == [(2,)]
        assert driver.query(ledger, {"zone": zone}).result_rows == [("direct", 0, 2, 2, 2, 0)]


def test_exactly_those_that_kafka_gave_up_are_named() -> None:
    """Among the others of the call, those that say the same twice, and one that was refused before."""

    def connect(on_error: Callable[[ProducerError], object]) -> MemoryProducer:
        producer = MemoryProducer(on_error=on_error)
        take = producer._memory.produce

        def produce(topic: str, value: bytes, key: bytes, **others: Any) -> None:
            producer.fail_with = "too old" if (decode_metric(value[10:]).value or 0) % 2 else None
            take(topic, value, key, **others)

        producer._memory.produce = produce  # type: ignore[method-assign]
        return producer

    metrics = [load("ES", value) for value in (0, 1, 2, 1, math.nan, 3, 4)]
    metrics += [load("FR", 1, valid=False), load("FR", 2)]
    columns, refused = ColumnReader().read(metrics)
    writer = TopicWriter(connect)
    assert [failure.position for failure in refused] == [4]
    lost = writer.write(columns, metrics)
    assert [(failure.position, failure.reason) for failure in lost] == [
        (row, "too old (_FAIL)") for row in (1, 3, 5, 7)
    ]
    assert [failure.metric for failure in lost] == [metrics[row] for row in (1, 3, 5, 7)]
    columns, _ = ColumnReader().read([load("ES", 2)])
    assert writer.write(columns, [load("ES", 2)]) == [], "the next call has nothing to do with it"


@pytest.mark.parametrize(("linger_ms", "error"), [(100_000, None), (200_000, "linger.ms")])
def test_what_lingers_is_sent_before_a_call_returns(
    linger_ms: int, error: str | None, plugin_configs: dict[str, Any], zone: str
) -> None:
    """However long it may linger. That it is the user's time is seen where it is more than librdkafka allows."""
    kafka = {**plugin_configs["kafka"], "options": {"linger.ms": linger_ms}}
    with MetricsRepository(StorageConfig(60, ["kafka"], {**plugin_configs, "kafka": kafka})) as repository:
        began_s = time.monotonic()
        with pytest.raises(WriteError, match=error) if error else nullcontext():
            repository.write_metrics([load(zone, 1.0)])
        assert time.monotonic() - began_s < linger_ms / 2000


def test_threads_share_a_repository(repository: MetricsRepository, zone: str) -> None:
    def write_and_read(number: int) -> list[float]:
        repository.write_metrics([load(f"{zone}-{number}", float(number), T0 + hour * HOUR) for hour in range(3)])
        return values(repository, f"{zone}-{number}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write_and_read, range(16))) == [[float(number)] * 3 for number in range(16)]


def _in_a_worker(repository: MetricsRepository, zone: str, number: int) -> None:
    repository.write_metrics([load(zone, float(number), T0 + number * HOUR)])
    assert float(number) in values(repository, zone)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("plugin", ["clickhouse", "kafka"])
def test_forked_workers_open_their_own(
    plugin: str, plugin_configs: dict[str, Any], wattnet_stack: LocalStack, zone: str
) -> None:
    """As gunicorn forks what was made before: the parent's connections stay the parent's, also under load."""
    with MetricsRepository(StorageConfig(60, [plugin], plugin_configs)) as repository:
        with MetricsRepository(StorageConfig(60, ["clickhouse"], plugin_configs)) as direct:
            direct.write_metrics([load(zone, -1.0, T0 + 100 * HOUR)])
        assert values(repository, zone) == [-1.0]
        if plugin == "kafka":  # nobody stores what is in this topic; it is acknowledged
            repository.write_metrics([load(zone, 1.0)])
        fork = multiprocessing.get_context("fork")
        work = _in_a_worker if plugin == "clickhouse" else _to_kafka_in_a_worker
        workers = [fork.Process(target=work, args=(repository, zone, number)) for number in range(3)]
        for worker in workers:
            worker.start()
        assert values(repository, zone)[-1:] == [-1.0]
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
        expected = [0.0, 1.0, 2.0, -1.0] if plugin == "clickhouse" else [-1.0]
        assert values(repository, zone) == expected


def _to_kafka_in_a_worker(repository: MetricsRepository, zone: str, number: int) -> None:
    repository.write_metrics([load(zone, float(number))])
    assert values(repository, zone) == [-1.0]


@contextmanager
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example as pip installs it: its module and its entry point on the path."""
    entry_points = EXAMPLE.joinpath("pyproject.toml").read_text(encoding="utf-8")
    target = entry_points.partition('jsonlines = "')[2].partition('"')[0]
    info = folder / "wattnet_storage_jsonlines-1.0.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.4\nName: wattnet-storage-jsonlines\nVersion: 1.0.0\n")
    info.joinpath("entry_points.txt").write_text(f"[wattnet.storage.clients]\njsonlines = {target}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(EXAMPLE)]))
    yield
    sys.modules.pop("wattnet_storage_jsonlines", None)


def test_a_third_party_brings_its_own_client(
    plugin_configs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """The example, alone and beside ours. A process of its own: stevedore keeps what it has found."""
    program = f"""
from datetime import datetime, timezone
from wattnet.storage import MetricsRepository, RefusedMetricsError, StorageConfig
from wattnet.storage.models import Metric, MetricType
t0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
configs = {{**{plugin_configs!r}, "jsonlines": {{"path": "kept.jsonl"}}}}
def load(value, **metadata):
    return Metric(MetricType.ZONE_LOAD, value, t0, {{"zone": "{zone}", **metadata}})
with MetricsRepository(StorageConfig(60, ["jsonlines"], configs)) as alone:
    alone.write_metrics([load(1.0), load(2.0, zone_status="preview")])
    try:
        alone.write_metrics([load(float("nan")), load(3.0, a="x")])
    except RefusedMetricsError as error:
        print(error.failures[0].position, error.written)
    print([metric.value for metric in alone.query_metrics("zone_load", t0, t0, {{"zone": "{zone}"}})])
with MetricsRepository(StorageConfig(60, ["clickhouse", "jsonlines"], configs)) as both:
    both.write_metrics([load(5.0)])
    print([metric.value for metric in both.query_metrics("zone_load", t0, t0, {{"zone": "{zone}"}})])
    try:
        both.write_metrics([load(6.0), load(float("nan"))])
    except RefusedMetricsError as error:
        print([failure.position for failure in error.failures])
"""
    with installed(tmp_path, monkeypatch):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == ["0 1", "[1.0, 3.0]", "[5.0, 3.0]", "[1]"]
    assert json.loads((tmp_path / "kept.jsonl").read_text().splitlines()[0])["metadata"] == {"zone": zone}
