"""The stack as a whole: addresses, durability, kills, pauses, and clear errors."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
import uuid
from typing import TYPE_CHECKING

import clickhouse_connect
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from wattnet.local import (
    DataFolderInUseError,
    DownloadError,
    LocalStack,
    LocalStackError,
    PortInUseError,
    ServiceFailedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.services

TOPIC = "wattnet.metrics"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a folder, with = odd % characters")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[LocalStack]:
    """Its cluster's id begins with a dash, as one in 64 does."""
    stack = LocalStack(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wattnet.local._kafka_format.uuid.uuid4", lambda: uuid.UUID(int=0xFB << 120))
        stack.start()
    assert "cluster.id=-" in (folder / "kafka" / "data" / "meta.properties").read_text()
    with stack:
        yield stack


@pytest.fixture
def stack(running: LocalStack) -> LocalStack:
    """The module's stack, with everything running whatever the test before did."""
    return running.start()


def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


def sql(stack: LocalStack, query: str) -> list[tuple[object, ...]]:
    client = clickhouse_connect.get_client(dsn=stack.clickhouse_url, database="wattnet", autogenerate_session_id=False)
    try:
        return [tuple(row) for row in client.query(query).result_rows]
    finally:
        client.close()


def send(stack: LocalStack, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "enable.idempotence": True})
    failures: list[object] = []
    producer.produce(TOPIC, value, partition=0, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(20) == 0
    assert not failures


def received(stack: LocalStack) -> list[bytes]:
    """All messages of partition 0."""
    consumer = Consumer(
        {"bootstrap.servers": stack.bootstrap_servers, "group.id": "probe", "enable.auto.commit": False}
    )
    try:
        partition = TopicPartition(TOPIC, 0, 0)
        _, high = consumer.get_watermark_offsets(partition, timeout=10)
        consumer.assign([partition])
        messages = consumer.consume(high, timeout=10) if high else []
        return [message.value() or b"" for message in messages]
    finally:
        consumer.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_everything_is_there_after_start(stack: LocalStack) -> None:
    topics = AdminClient({"bootstrap.servers": stack.bootstrap_servers}).list_topics(timeout=10).topics
    assert len(topics[TOPIC].partitions) == 12
    assert ("metrics",) in sql(stack, "SHOW TABLES")
    host, port = stack.bootstrap_servers.split(":")
    assert stack.env == {
        "KAFKA_BOOTSTRAP_SERVERS": f"{host}:{port}",
        "CLICKHOUSE_HOST": "127.0.0.1",
        "CLICKHOUSE_PORT": stack.clickhouse_url.rsplit(":", 1)[1],
    }
    assert stack.schema_registry is None
    assert stack.schema_registry_url is None
    assert len({stack.kafka.pid, stack.clickhouse.pid, os.getpid()}) == 3


def test_session_timeouts_may_be_one_second(stack: LocalStack) -> None:
    options = {"bootstrap.servers": stack.bootstrap_servers, "group.id": "quick", "session.timeout.ms": 1000}
    consumer = Consumer({**options, "heartbeat.interval.ms": 200})
    assigned: list[TopicPartition] = []
    consumer.subscribe([TOPIC], on_assign=lambda _, partitions: assigned.extend(partitions))
    until(lambda: consumer.poll(0.1) is None and len(assigned) == 12)
    consumer.close()


def test_kill_and_start_bring_each_service_back(stack: LocalStack) -> None:
    """SIGKILL of the real process, then the same addresses and all data."""
    before = received(stack)
    send(stack, b"before the kill")
    sql(stack, "INSERT INTO ledger (topic, messages) VALUES ('killed', 1)")
    for service in (stack.kafka, stack.clickhouse):
        pid = service.pid
        service.kill()
        assert gone(pid)
        assert not service.running
        with pytest.raises(ServiceFailedError, match="not running"):
            _ = service.pid
        service.start()
        assert service.pid != pid
    send(stack, b"after the kill")
    assert received(stack) == [*before, b"before the kill", b"after the kill"]
    assert sql(stack, "SELECT sum(messages) FROM ledger WHERE topic = 'killed'") == [(1,)]


def test_stop_and_start_of_one_service(stack: LocalStack) -> None:
    stack.clickhouse.stop()
    stack.clickhouse.stop()
    stack.clickhouse.kill()
    stack.clickhouse.start()
    stack.clickhouse.start()
    assert sql(stack, "SELECT 1") == [(1,)]


def test_pause_and_resume(stack: LocalStack) -> None:
    """A paused service keeps its connections and answers nothing; then it goes on."""
    port = int(stack.clickhouse_url.rsplit(":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
    stack.clickhouse.pause()
    connection.request("GET", "/ping")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert stack.clickhouse.running
    stack.clickhouse.resume()
    connection.close()
    assert sql(stack, "SELECT 1") == [(1,)]
    stack.kafka.pause()
    assert not stack.kafka._program.ready()
    stack.kafka.resume()
    send(stack, b"resumed")


def test_a_service_that_died_is_noticed(stack: LocalStack) -> None:
    stack.require_running()
    stack.clickhouse.kill()
    with pytest.raises(ServiceFailedError, match="ClickHouse ended with exit code 137"):
        stack.require_running()


def test_a_folder_has_one_stack(stack: LocalStack, folder: Path) -> None:
    with pytest.raises(DataFolderInUseError, match=f"process {os.getpid()}"):
        LocalStack(folder).start()
    stack.require_running()


def test_a_taken_port_is_named(stack: LocalStack, tmp_path: Path) -> None:
    port = int(stack.clickhouse_url.rsplit(":", 1)[1])
    other = LocalStack(tmp_path, clickhouse_port=port)
    with pytest.raises(PortInUseError, match=f":{port}: .* choose another clickhouse_port"):
        other.start()
    with pytest.raises(LocalStackError, match="not started"):
        _ = other.env
    stack.clickhouse.kill()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()
        with pytest.raises(PortInUseError, match=f"ClickHouse cannot listen on 127.0.0.1:{port}"):
            stack.clickhouse.start()


def test_a_forked_child_that_ends_does_not_end_the_stack(stack: LocalStack) -> None:
    child = os.fork()
    if child == 0:
        try:
            stack.stop()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    stack.require_running()


def test_all_of_it_survives_a_restart(folder: Path, running: LocalStack) -> None:
    """The same folder: the same addresses, topic, messages, tables and rows; stopping is prompt."""
    running.start()
    send(running, b"kept")
    sql(running, "INSERT INTO ledger (topic, messages) VALUES ('kept', 7)")
    messages, env = received(running), running.env

    def cluster_id() -> object:
        admin = AdminClient({"bootstrap.servers": running.bootstrap_servers})
        return admin.describe_cluster().result(10).cluster_id

    cluster = cluster_id()
    started = time.monotonic()
    running.stop()
    assert time.monotonic() - started < 3
    running.stop()
    with pytest.raises(LocalStackError, match="not started"):
        _ = running.kafka

    running.start()
    assert running.env == env
    assert cluster_id() == cluster
    assert received(running) == messages
    assert sql(running, "SELECT messages FROM ledger WHERE topic = 'kept'") == [(7,)]

    running.stop()
    taken = int(env["CLICKHOUSE_PORT"])
    lines: list[str] = []
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        with LocalStack(folder, progress=lines.append) as moved:
            assert moved.env["CLICKHOUSE_PORT"] != env["CLICKHOUSE_PORT"]
            assert moved.bootstrap_servers == env["KAFKA_BOOTSTRAP_SERVERS"]
            assert sql(moved, "SELECT messages FROM ledger WHERE topic = 'kept'") == [(7,)]
    assert any(f"port {taken} of clickhouse is taken" in line for line in lines)


def test_a_service_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "clickhouse").mkdir()
    (tmp_path / "clickhouse" / "data").write_text("a file where a folder belongs")
    with pytest.raises(ServiceFailedError, match=r"(?s)ClickHouse ended with exit code 1 .*cannot use.*data"):
        LocalStack(tmp_path).start()
    (tmp_path / "clickhouse" / "data").unlink()
    (tmp_path / "kafka" / "data").mkdir(parents=True, exist_ok=True)
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("version=1\nnode.id=99\ncluster.id=x\n")
    stack = LocalStack(tmp_path)
    with pytest.raises(ServiceFailedError, match=r"(?s)Apache Kafka ended with exit code 1 .*node"):
        stack.start()
    assert not any(service.running for service in stack._services)


def test_a_download_without_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTNET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"(?s)could not download Apache Kafka 4\.4\.0.*connect to the internet"):
        LocalStack(tmp_path / "data").start()
    assert not (tmp_path / "cache" / "apache-kafka-4.4.0").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match="as data folder"):
        LocalStack(tmp_path / "file").start()


def test_without_a_folder_nothing_stays() -> None:
    """A temporary folder, removed at the end; and the importing program has no engine in it."""
    with LocalStack() as stack:
        data_dir = stack.data_dir
        assert (data_dir / "kafka").is_dir()
    assert not data_dir.exists()
    assert "chdb" not in sys.modules
