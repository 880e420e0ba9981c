"""What librdkafka is told, and what operators may not change."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer

from wattnet.consumer import ConfigurationError, KafkaSettings
from wattnet.consumer._kafka_options import client_options


def options(**keys: Any) -> dict[str, Any]:
    return client_options(KafkaSettings(options={name.replace("_", "."): value for name, value in keys.items()}))


@pytest.mark.parametrize("key", ["enable.auto.commit", "auto.offset.reset", "enable.auto.offset.store"])
def test_what_exactness_rests_on_cannot_be_changed(key: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"KAFKA_OPTIONS sets {key}.*remove it"):
        client_options(KafkaSettings(options={key: "latest" if "reset" in key else True}))


def test_any_other_key_is_passed_on() -> None:
    assert options(session_timeout_ms=6000)["session.timeout.ms"] == 6000


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_librdkafka_takes_the_defaults_of_both_group_protocols(protocol: str) -> None:
    Consumer(options(group_protocol=protocol)).close()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_OPTIONS", '{"client.id": "me"}')
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://registry:8081")
    settings = KafkaSettings()
    assert (settings.options, settings.schema_registry_url) == ({"client.id": "me"}, "http://registry:8081")


def test_static_membership_and_the_next_generation_of_groups_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_GROUP_INSTANCE_ID", "replica-1")
    monkeypatch.setenv("KAFKA_GROUP_PROTOCOL", "consumer")
    keys = client_options(KafkaSettings())
    assert (keys["group.instance.id"], keys["group.protocol"]) == ("replica-1", "consumer")
    assert "session.timeout.ms" not in keys, "the broker has it"
    Consumer(keys).close()
