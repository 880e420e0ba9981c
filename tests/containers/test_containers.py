"""The road on the images that deployments run, where there is a Docker engine."""

from __future__ import annotations

import json
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from command import Command
from road import HOUR, T0, load, until

from wattnet.producer import Producer
from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KAFKA_IMAGE = "apache/kafka:4.3.1"
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:26.3.17.4"
METRICS = 5_000


@pytest.fixture
def host() -> str:
    """Where the engine's ports are. Without an engine: the only skip of the suite."""
    from docker.errors import DockerException
    from testcontainers.core.docker_client import DockerClient

    try:
        return DockerClient().host()
    except DockerException as exc:
        pytest.skip(f"no Docker engine: {exc}")


@pytest.fixture
def kafka(host: str) -> Iterator[str]:
    """Bootstrap servers of a single broker; it may still be starting."""
    from testcontainers.core.container import DockerContainer

    # What a broker tells its clients must be known before it starts.
    with socket.create_server(("", 0)) as free:
        port: int = free.getsockname()[1]
    # One variable switches all of the image's defaults off, so this is the whole configuration.
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "INTERNAL://:29092,HOST://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"INTERNAL://localhost:29092,HOST://{host}:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INTERNAL:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INTERNAL",
        "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    with DockerContainer(KAFKA_IMAGE, env=settings).with_bind_ports(9092, port):
        yield f"{host}:{port}"


@pytest.fixture
def clickhouse(host: str) -> Iterator[dict[str, str]]:
    """The variables with which a server is reached that answers."""
    from docker.types import Ulimit
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    login = {"CLICKHOUSE_USER": "wattnet", "CLICKHOUSE_PASSWORD": "not-a-secret"}
    server = DockerContainer(
        CLICKHOUSE_IMAGE,
        env={**login, "CLICKHOUSE_DB": "wattnet"},
        ulimits=[Ulimit(name="nofile", soft=262_144, hard=262_144)],
    )
    with server.with_exposed_ports(8123).waiting_for(HttpWaitStrategy(8123, "/ping")):
        yield {**login, "CLICKHOUSE_HOST": host, "CLICKHOUSE_PORT": str(server.get_exposed_port(8123))}


@pytest.mark.docker
@pytest.mark.timeout(1200)  # the images may have to be downloaded
def test_the_road_on_the_images_of_deployments(kafka: str, clickhouse: dict[str, str], tmp_path: Path) -> None:
    """Topic and tables by `wattnet init`, thousands of metrics there and back bit for bit, and `verify` is content."""
    wattnet = Command(tmp_path)
    env = {**clickhouse, "KAFKA_BOOTSTRAP_SERVERS": kafka}
    # As a deployment's one-shot does: again until the broker is there.
    until(lambda: wattnet("init", env=env).returncode == 0, "topic and tables", 120)
    with Producer(kafka) as producer:
        producer.send_many(load("ES", hour, hour * 0.1) for hour in range(METRICS))

    consumer = wattnet.start("consume", env=env)
    url = f"http://{clickhouse['CLICKHOUSE_HOST']}:{clickhouse['CLICKHOUSE_PORT']}"
    user, password = clickhouse["CLICKHOUSE_USER"], clickhouse["CLICKHOUSE_PASSWORD"]
    try:
        until(lambda: json.loads(wattnet("verify", "--json", env=env).stdout)["stored"] == METRICS, "all stored")
        with Client(url, user=user, password=password) as client:
            read = client.metrics("zone_load", zone="ES", start=T0, end=T0 + METRICS * HOUR).to_list()
        assert [metric.value for metric in read] == [hour * 0.1 for hour in range(METRICS)]
        verdict = wattnet("verify", env=env)
        assert verdict.returncode == 0, verdict.stdout
    finally:
        consumer.send_signal(signal.SIGTERM)
        _, log = consumer.communicate(timeout=45)
    assert consumer.returncode == 0, log
