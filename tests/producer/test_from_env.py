"""A producer of what the environment says: the variables that `wattnet publish` and `wattnet consume` read."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wattnet.consumer import KafkaSettings
from wattnet.producer import AsyncProducer, Producer, ProducerConfigError
from wattnet.producer.security import KafkaConnection, producer_arguments

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret/@:"  # noqa: S105  nobody's


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's."""
    for name in [*os.environ]:
        if name.startswith(("KAFKA_", "SCHEMA_REGISTRY_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_variables_it_is_the_stack_on_this_machine() -> None:
    with Producer.from_env() as producer:
        assert repr(producer) == "Producer('localhost:9092', topic='wattnet.metrics')"


def test_every_variable_of_the_connection_reaches_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the environment and from .env, passwords from files; what concerns consumers alone does not."""
    (tmp_path / "password").write_text(SECRET + "\n")
    (tmp_path / ".env").write_text("KAFKA_TOPIC=other.metrics\nKAFKA_SASL_USERNAME=me\n")
    for variable, value in {
        "BOOTSTRAP_SERVERS": "127.0.0.1:1", "SECURITY_PROTOCOL": "sasl_plaintext", "SASL_MECHANISM": "PLAIN",
        "SASL_PASSWORD_FILE": str(tmp_path / "password"),
        "OPTIONS": '{"client.id": "grid-module", "fetch.min.bytes": 5}',
    }.items():  # fmt: skip
        monkeypatch.setenv(f"KAFKA_{variable}", value)
    with Producer.from_env(on_full="raise", queue_max_messages=7) as producer:
        assert repr(producer) == "Producer('127.0.0.1:1', topic='other.metrics')"
        config = producer._config
        assert (config["sasl.username"], config["sasl.password"], config["client.id"]) == ("me", SECRET, "grid-module")
        assert (producer._on_full, config["queue.buffering.max.messages"]) == ("raise", 7)
        assert "fetch.min.bytes" not in config

    async def make() -> str:
        async with AsyncProducer.from_env() as awaited:
            return repr(awaited._producer)

    assert asyncio.run(make()) == "Producer('127.0.0.1:1', topic='other.metrics')"


def test_credentials_of_the_registry_go_into_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "https://registry.example.org:8081/path")
    assert producer_arguments()["schema_registry_url"] == "https://registry.example.org:8081/path"
    monkeypatch.setenv("SCHEMA_REGISTRY_USERNAME", "me")
    monkeypatch.setenv("SCHEMA_REGISTRY_PASSWORD", SECRET)
    url = "https://me:s3cret%2F%40%3A@registry.example.org:8081/path"
    assert (
        producer_arguments()["schema_registry_url"] == producer_arguments(KafkaSettings())["schema_registry_url"] == url
    )
    assert SECRET not in repr(KafkaConnection())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_OPTIONS", "acks=1"),
        ("KAFKA_TOPIC", "a topic"),
        ("KAFKA_SASL_PASSWORD", SECRET),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """By its name or its field's, and no password shows."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ProducerConfigError) as refused:
        Producer.from_env()
    text = str(refused.value).lower()
    assert "kafka_*" in text
    assert variable.lower().removeprefix("kafka_") in text
    assert SECRET not in text


def test_it_loads_no_clickhouse_code() -> None:
    code = "import sys; from wattnet.producer import Producer; Producer.from_env().close(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "wattnet.producer.security" in loaded
    assert not {"clickhouse_connect", "wattnet.clickhouse", "wattnet.consumer"} & {*loaded}
