"""Secrets come from the environment, .env or files, reach the libraries that need them, and are shown nowhere."""

from __future__ import annotations

import base64
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from wattnet.clickhouse import ClickHouseSettings, StorageError, connect
from wattnet.consumer import ConfigurationError, KafkaSettings, Settings
from wattnet.consumer._errors import RetryableInsertError
from wattnet.consumer._kafka_options import client_options
from wattnet.consumer._source import KafkaSource
from wattnet.consumer._writer_schemas import ConfluentRegistry
from wattnet.producer import Producer, SchemaRegistryError
from wattnet.storage.clients.plugins.kafka import KafkaConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command import Command

SECRET = "s3cret"  # noqa: S105  a part of each one that is set here
NOBODY = "127.0.0.1:9"
ENV = {
    "KAFKA_BOOTSTRAP_SERVERS": NOBODY,
    "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
    "KAFKA_SASL_USERNAME": "me",
    "KAFKA_SASL_PASSWORD": f"{SECRET}-sasl",
    "KAFKA_SSL_KEY_PASSWORD": f"{SECRET}-key",
    "KAFKA_OPTIONS": f'{{"debug": "all", "sasl.oauthbearer.client.secret": "{SECRET}-options"}}',
    "SCHEMA_REGISTRY_URL": f"http://me:{SECRET}-registry@{NOBODY}/api",
    "CLICKHOUSE_HOST": "127.0.0.1",
    "CLICKHOUSE_PORT": "9",
    "CLICKHOUSE_PASSWORD": f"{SECRET}-clickhouse",
    "WATTNET_LOG_LEVEL": "DEBUG",
}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("env")
def test_settings_hold_them_and_do_not_show_them() -> None:
    settings = Settings()
    assert SECRET not in f"{settings!r} {settings} {settings.kafka!r} {settings.clickhouse!r}"
    options = client_options(settings.kafka)
    assert (options["sasl.password"], options["ssl.key.password"]) == (f"{SECRET}-sasl", f"{SECRET}-key")
    assert options["security.protocol"] == "SASL_SSL"
    assert settings.kafka.connection_options()["sasl.oauthbearer.client.secret"] == f"{SECRET}-options"
    assert settings.kafka.schema_registry_url == f"http://{NOBODY}/api"
    assert settings.kafka.registry_options() == {
        "url": f"http://{NOBODY}/api",
        "basic.auth.user.info": f"me:{SECRET}-registry",
    }


def test_consumers_and_the_plugin_say_the_same_to_librdkafka(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pem = tmp_path / "some.pem"
    pem.touch()
    said = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "me",
        "sasl.password": SECRET,
        "ssl.ca.location": str(pem),
        "ssl.certificate.location": str(pem),
        "ssl.key.location": str(pem),
        "ssl.key.password": SECRET,
    }
    monkeypatch.chdir(tmp_path)
    for key, value in said.items():
        monkeypatch.setenv(f"KAFKA_{key.replace('.', '_').upper()}", value)
    assert KafkaSettings().connection_options() == {**said, "bootstrap.servers": "localhost:9092"}
    assert KafkaConfig().producer_options() == said
    monkeypatch.setenv("KAFKA_OPTIONS", '{"sasl.username": "another"}')
    assert KafkaSettings().connection_options()["sasl.username"] == "another", "options come first"
    assert KafkaConfig().producer_options()["sasl.username"] == "another"


def test_they_come_from_files_and_from_env_files_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(f"{SECRET} with a blank \r\n")
    (tmp_path / ".env").write_text(
        "KAFKA_SECURITY_PROTOCOL=SASL_SSL\nKAFKA_SASL_USERNAME=me\nKAFKA_SASL_PASSWORD_FILE=secret\n"
        "KAFKA_SSL_KEY_PASSWORD_FILE=secret\nSCHEMA_REGISTRY_URL=https://registry\nSCHEMA_REGISTRY_USERNAME=me\n"
        "SCHEMA_REGISTRY_PASSWORD_FILE=secret\nCLICKHOUSE_PASSWORD_FILE=secret\n"
    )
    settings = Settings()
    expected = f"{SECRET} with a blank "
    options = settings.kafka.connection_options()
    assert (options["sasl.password"], options["ssl.key.password"]) == (expected, expected)
    assert (settings.kafka.registry_options() or {})["basic.auth.user.info"] == f"me:{expected}"
    assert settings.clickhouse.password.get_secret_value() == expected
    assert SECRET not in repr(settings)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "given")
    assert Settings().kafka.connection_options()["sasl.password"] == "given", "the file comes second"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sasl_password": SECRET}, "KAFKA_SASL_PASSWORD is set, but KAFKA_SECURITY_PROTOCOL is PLAINTEXT"),
        ({"sasl_password": SECRET, "security_protocol": "SSL"}, "but KAFKA_SECURITY_PROTOCOL is SSL"),
        ({"sasl_password": SECRET, "security_protocol": "TLS"}, "SASL_SSL"),
        ({"sasl_password": SECRET, "ssl_ca_location": "/no/such/file"}, "there is no such file"),
        ({"sasl_password": SECRET, "sasl_username": 3, "options": {"sasl.password": SECRET}}, "valid string"),
        ({"schema_registry_url": f"http://me:{SECRET}/x@host"}, "percent-encoded"),
        ({"schema_registry_url": f"http://me:{SECRET}#x@host"}, "percent-encoded"),
        ({"schema_registry_url": f"ftp://me:{SECRET}@host"}, "percent-encoded"),
        ({"options": f"not JSON {SECRET}"}, "valid dictionary"),
    ],
)
def test_wrong_settings_are_explained_without_them(
    given: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError, match=words) as refused:
        KafkaSettings.model_validate(given)
    assert SECRET not in str(refused.value)


def test_a_file_that_holds_no_secret_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe" + SECRET.encode())
    with pytest.raises(ValidationError, match=r"CLICKHOUSE_PASSWORD_FILE='.*/none': No such file") as refused:
        ClickHouseSettings(password_file=tmp_path / "none")
    with pytest.raises(ValidationError, match=r"KAFKA_SASL_PASSWORD_FILE=.*no UTF-8 text") as refused:
        KafkaSettings(sasl_password_file=tmp_path / "bytes", security_protocol="SASL_SSL")
    assert SECRET not in f"{refused.value} {refused.value.__cause__} {refused.value.__context__}"


@pytest.mark.parametrize("url", [f"clickhouse://me:{SECRET}@host", f"http://host/?password={SECRET}"])
def test_a_clickhouse_url_is_refused_without_its_credentials(url: str) -> None:
    with pytest.raises(ValueError, match="ClickHouse URL") as refused:
        ClickHouseSettings.from_url(url)
    assert SECRET not in str(refused.value)


def test_a_url_may_say_whom_to_trust() -> None:
    settings = ClickHouseSettings.from_url("https://host?ca_cert=/ca.pem&verify=false&client_cert=c&client_cert_key=k")
    assert (settings.ca_cert, settings.verify) == ("/ca.pem", False)
    assert (settings.client_cert, settings.client_cert_key) == ("c", "k")


def test_commands_that_reach_nobody_say_none_of_them(wattnet: Command) -> None:
    """With librdkafka's and all libraries' logs at debug, wrong addresses, and a setting that is wrong beside them."""
    ended = wattnet.together("init", "verify", "doctor", "kafka-engine status", env=ENV)
    ended.append(wattnet("consume", env={**ENV, "KAFKA_SSL_CA_LOCATION": "/no/such/file"}))
    for one in ended:
        said = one.stdout + one.stderr
        assert one.returncode in (69, 78), said
        assert "CLICKHOUSE_HOST" in said or "KAFKA_" in said or NOBODY in said
        assert SECRET not in said
    assert "KAFKA_SSL_CA_LOCATION='/no/such/file': there is no such file" in said


@pytest.fixture
def locked_registry() -> Iterator[tuple[str, list[str]]]:
    """A server that lets nobody in, and remembers what it was told."""
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(base64.b64decode((self.headers["Authorization"] or "").partition(" ")[2]).decode())
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815  the base class asks for these names

        def log_message(self, *_: object) -> None:
            """Keep tests quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://me:{SECRET}@127.0.0.1:{server.server_address[1]}", told
    server.shutdown()
    server.server_close()


def test_the_registry_is_told_and_nobody_else(
    locked_registry: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    url, told = locked_registry
    caplog.set_level(logging.DEBUG)
    options = KafkaSettings(schema_registry_url=url).registry_options()
    assert options is not None
    with pytest.raises(RetryableInsertError) as refused:
        ConfluentRegistry(options).schema_json(7)
    with pytest.raises(SchemaRegistryError) as also_refused:
        Producer(NOBODY, schema_registry_url=url)
    assert set(told) == {f"me:{SECRET}"}
    assert SECRET not in f"{refused.value} {also_refused.value} {caplog.text}"


def test_drivers_do_not_log_them(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StorageError) as refused:
        connect(ClickHouseSettings.from_url(f"http://me:{SECRET}@{NOBODY}"))
    kafka = KafkaSettings(
        bootstrap_servers=NOBODY,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_username="me",
        sasl_password=SECRET,  # type: ignore[arg-type]  # pydantic makes a secret of it
        options={"debug": "all"},
    )
    KafkaSource(kafka).close()
    assert "wattnet-consumer" in caplog.text, "librdkafka told its settings"
    assert SECRET not in f"{refused.value} {caplog.text}"


def test_options_that_librdkafka_refuses_are_a_wrong_setting() -> None:
    kafka = KafkaSettings(options={"sasl.pasword": SECRET})
    with pytest.raises(ConfigurationError, match=r"sasl.pasword.*correct KAFKA_OPTIONS") as refused:
        KafkaSource(kafka)
    assert SECRET not in str(refused.value)
