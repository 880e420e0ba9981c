"""The whole road over SASL_SSL and HTTPS, and what happens where somebody is not trusted."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it exports without saying
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from road import load
from secure_services import KEY_PASSWORD, PASSWORD, USER, Addresses, Certificates, TlsTerminator, secure_broker

from wattnet.producer import DeliveryError, Producer, TopicCreationError, VisibilityError, create_topic
from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command import Command
    from road import Road

    from wattnet.local import LocalStack

SECRETS = (PASSWORD, KEY_PASSWORD)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Addresses]:
    yield from secure_broker(tmp_path_factory.mktemp("broker"), certificates)


@pytest.fixture(scope="module")
def broker(addresses: Addresses) -> str:
    return addresses.secure


@pytest.fixture
def terminator(wattnet_stack: LocalStack, certificates: Certificates) -> Iterator[TlsTerminator]:
    with TlsTerminator(wattnet_stack.clickhouse_url, certificates, clients=ssl.CERT_REQUIRED) as terminator:
        yield terminator


@pytest.fixture
def env(broker: str, terminator: TlsTerminator, certificates: Certificates, tmp_path: Path) -> dict[str, str]:
    """What operators set, the passwords in files."""
    (tmp_path / "sasl").write_text(f"{PASSWORD}\n")
    (tmp_path / "key").write_text(f"{KEY_PASSWORD}\n")
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": USER,
        "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "sasl"),
        "KAFKA_SSL_CA_LOCATION": certificates.file("ca.pem"),
        "KAFKA_SSL_CERTIFICATE_LOCATION": certificates.file("client.pem"),
        "KAFKA_SSL_KEY_LOCATION": certificates.file("client.key"),
        "KAFKA_SSL_KEY_PASSWORD_FILE": str(tmp_path / "key"),
        # librdkafka and the log at their most talkative.
        "KAFKA_OPTIONS": '{"debug": "all"}',
        "CLICKHOUSE_SECURE": "true",
        "CLICKHOUSE_PORT": str(terminator.port),
        "CLICKHOUSE_CA_CERT": certificates.file("ca.pem"),
        "CLICKHOUSE_CLIENT_CERT": certificates.file("client.pem"),
        "CLICKHOUSE_CLIENT_CERT_KEY": certificates.file("client-plain.key"),
        "WATTNET_LOG_LEVEL": "debug",
        "WATTNET_FLUSH_INTERVAL_S": "0.2",
    }


def options(certificates: Certificates, password: str = PASSWORD) -> dict[str, str]:
    """What a program gives its producer."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": USER,
        "sasl.password": password,
        "ssl.ca.location": certificates.file("ca.pem"),
        "ssl.certificate.location": certificates.file("client.pem"),
        "ssl.key.location": certificates.file("client.key"),
        "ssl.key.password": KEY_PASSWORD,
    }


def test_the_whole_road_is_encrypted(
    road: Road,
    wattnet: Command,
    env: dict[str, str],
    broker: str,
    certificates: Certificates,
    terminator: TlsTerminator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """init, send, consume, verify and read, all through listeners that take nobody without password and certificate."""
    env = {**env, "KAFKA_TOPIC": road.topic, "CLICKHOUSE_DATABASE": road.name}
    done = wattnet("init", "--partitions", "2", env=env)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    with Producer(broker, topic=road.topic, options=options(certificates)) as producer:
        producer.send_many(load("ES", hour, float(hour)) for hour in range(500))
    consumer = wattnet.consumer(env)
    road.wait_stored(500)
    assert consumer.terminate() == 0, consumer.logged()
    done = wattnet("verify", env=env)
    assert (done.returncode, "exactly once (500 messages)" in done.stdout) == (0, True), done.stdout + done.stderr
    said += done.stdout + done.stderr + consumer.logged()
    assert "SASL" in said, "librdkafka told what it did"
    assert not [secret for secret in SECRETS if secret in said]
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with Client.from_env() as client:
        assert len(client.metrics("zone_load", zone="ES", start="2025-03-01T00:00Z").to_list()) == 500
    assert terminator.connections > 3


def run_all(wattnet: Command, *lines: str, env: dict[str, str]) -> list[tuple[int, str]]:
    """Exit code and output of each, which run at the same time."""
    return [(one.returncode, one.stdout + one.stderr) for one in wattnet.together(*lines, env=env)]


def test_a_wrong_password_is_a_wrong_setting(
    wattnet: Command, env: dict[str, str], broker: str, certificates: Certificates
) -> None:
    """78, and soon: with librdkafka's own patience it would be a broker that does not answer."""
    del env["KAFKA_SASL_PASSWORD_FILE"]
    wrong = "wr0ng-and-still-secret"
    for code, said in run_all(wattnet, "init", "verify", "consume", env={**env, "KAFKA_SASL_PASSWORD": wrong}):
        assert code == 78, said
        assert "uthentication failed" in said
        assert "correct " in said
        assert not [secret for secret in (*SECRETS, wrong) if secret in said]
    with pytest.raises(TopicCreationError, match=r"lets nobody in.*correct the user, the password"):
        create_topic(broker, options=options(certificates, wrong))


def test_a_broker_that_cannot_be_trusted_is_not_talked_to(
    wattnet: Command, env: dict[str, str], certificates: Certificates
) -> None:
    """Its certificate is by another authority: 78 before any password is sent."""
    env = {**env, "KAFKA_SSL_CA_LOCATION": certificates.file("wrong-ca.pem")}
    for code, said in run_all(wattnet, "init", "verify", "consume", env=env):
        assert code == 78, said
        assert "certificate verify failed" in said
        assert "correct " in said


def test_a_clickhouse_that_cannot_be_trusted_is_not_talked_to(
    wattnet: Command, env: dict[str, str], certificates: Certificates, terminator: TlsTerminator
) -> None:
    """Unless somebody says so: then the same certificate will do."""
    env = {**env, "CLICKHOUSE_CA_CERT": certificates.file("wrong-ca.pem"), "CLICKHOUSE_DATABASE": "system"}
    for code, said in run_all(wattnet, "migrate status", "verify", "consume", env=env):
        assert code == 78, said
        assert "is not trusted" in said
        assert "set CLICKHOUSE_CA_CERT" in said
    assert not terminator.connections, "no handshake was finished"
    done = wattnet("migrate", "status", env={**env, "CLICKHOUSE_VERIFY": "false"})
    assert "001_ingest  pending" in done.stdout, done.stderr


def allow(admin: AdminClient, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    """Give the user `least` these rights, and nothing else."""
    acls = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, "User:least", "*", operation, AclPermissionType.ALLOW)
        for operation in operations
    ]
    for answer in admin.create_acls(acls).values():
        answer.result(30)


def test_the_rights_of_the_security_page_are_enough(
    road: Road, wattnet: Command, env: dict[str, str], addresses: Addresses, certificates: Certificates
) -> None:
    """Each step with what docs/security.md gives it in Kafka; before, the same is refused in words."""
    mine = {**env, "KAFKA_TOPIC": road.topic, "KAFKA_GROUP_ID": road.group, "CLICKHOUSE_DATABASE": road.name}
    least = {**mine, "KAFKA_SASL_USERNAME": "least"}
    secure = {**options(certificates), "sasl.username": "least"}
    admin = AdminClient({"bootstrap.servers": addresses.plain})
    with pytest.raises(TopicCreationError, match="uthorization failed"):
        create_topic(addresses.secure, road.topic, options=secure)
    allow(admin, ResourceType.TOPIC, road.topic, AclOperation.CREATE, AclOperation.DESCRIBE)
    assert create_topic(addresses.secure, road.topic, partitions=1, options=secure)
    with (
        pytest.raises(DeliveryError, match="uthorization failed"),
        Producer(addresses.secure, topic=road.topic, options=secure) as producer,
    ):
        producer.send(load("ES", 0, 1.0))
    allow(admin, ResourceType.TOPIC, road.topic, AclOperation.WRITE)
    with Producer(addresses.secure, topic=road.topic, options=secure) as producer:
        producer.send_many(load("ES", hour, float(hour)) for hour in range(100))
        with pytest.raises(VisibilityError, match="needs Describe on the topic and on the group"):
            producer.wait_visible(30, group_id=road.group)
    ((measured, refusal),) = run_all(wattnet, "lag", env=least)
    assert (measured, "Group authorization failed" in refusal) == (78, True), refusal[-1500:]
    allow(admin, ResourceType.GROUP, road.group, AclOperation.DESCRIBE)
    (consumed, refusal), (verified, proof) = run_all(wattnet, "consume", "verify", env=least)
    assert (consumed, "give it Read on the topic and on the group" in refusal) == (78, True), refusal[-1500:]
    assert (verified, "100 in flight; no consumer is running" in proof) == (0, True), proof[-1500:]
    allow(admin, ResourceType.TOPIC, road.topic, AclOperation.READ)
    allow(admin, ResourceType.GROUP, road.group, AclOperation.READ)
    consumer = wattnet.consumer(least)
    road.wait_stored(100)
    assert consumer.terminate() == 0, consumer.logged()
    for code, said in run_all(wattnet, "verify", "lag", env=least):
        assert code == 0, said
