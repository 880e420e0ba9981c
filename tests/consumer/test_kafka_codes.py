"""Which errors of Kafka are waited for."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from wattnet.consumer._kafka_codes import heals


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (KafkaError._AUTHENTICATION, "SASL authentication error: Authentication failed: Invalid username or password"),
        (KafkaError._AUTHENTICATION, "SASL PLAIN mechanism not supported by broker"),
        (KafkaError._SSL, "SSL handshake failed: certificate verify failed: unable to get local issuer certificate"),
        (KafkaError._SSL, "SSL handshake failed: ssl/tls alert certificate required"),
        (KafkaError.SASL_AUTHENTICATION_FAILED, ""),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ""),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, ""),
        (KafkaError.FENCED_INSTANCE_ID, ""),
    ],
)
def test_what_somebody_has_to_change_does_not_heal(code: int, text: str) -> None:
    assert not heals(KafkaError(code, text))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (KafkaError._SSL, "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?"),
        (KafkaError._SSL, "SSL transport error: Connection reset by peer"),
        (KafkaError._AUTHENTICATION, "SASL PLAIN mechanism handshake failed: Local: Timed out"),
        (KafkaError._ALL_BROKERS_DOWN, ""),
        (KafkaError._TRANSPORT, "Connect to ipv4#127.0.0.1:9092 failed: Connection refused"),
        (KafkaError._RESOLVE, "Failed to resolve 'kafka:9092': Temporary failure in name resolution"),
        (KafkaError._TIMED_OUT, ""),
        (KafkaError.REQUEST_TIMED_OUT, ""),
        (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, ""),
        (KafkaError.BROKER_NOT_AVAILABLE, ""),
        (KafkaError.LEADER_NOT_AVAILABLE, ""),
    ],
)
def test_everything_else_is_waited_for(code: int, text: str) -> None:
    assert heals(KafkaError(code, text))


def test_a_member_that_the_group_threw_out_for_good_does_not_heal() -> None:
    assert not heals(KafkaError(KafkaError.UNKNOWN, "", fatal=True))
