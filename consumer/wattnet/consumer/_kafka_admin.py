"""Kafka's admin client, and what it is asked: which topic is this, which cluster."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one only since Python 3.11
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from wattnet.consumer._errors import ServiceUnavailableError
from wattnet.consumer._kafka_options import kafka_log, refused_options

if TYPE_CHECKING:
    from wattnet.consumer._settings import KafkaSettings

REQUEST_TIMEOUT_S = 10.0


def admin_client(settings: KafkaSettings) -> AdminClient:
    """An admin client with the operator's connection options, and none of a consumer's. Raises ConfigurationError."""
    with refused_options():
        return AdminClient(settings.connection_options(), logger=kafka_log)


def read_topic_id(admin: AdminClient, topic: str, *, timeout_s: float = REQUEST_TIMEOUT_S) -> str | None:
    """Today's id of the topic, None when there is no such topic; raises ServiceUnavailableError."""
    try:
        described = admin.describe_topics(TopicCollection([topic]), request_timeout=timeout_s)[topic].result(timeout_s)
    except KafkaException as exc:
        if exc.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise ServiceUnavailableError(f"Kafka does not describe topic {topic!r}: {exc.args[0].str()}").caused_by(
            exc
        ) from None
    except FutureTimeoutError as exc:
        raise ServiceUnavailableError(f"Kafka does not describe topic {topic!r} within {timeout_s:g} s").caused_by(
            exc
        ) from None
    return str(described.topic_id)


def read_cluster_id(admin: AdminClient, *, timeout_s: float = REQUEST_TIMEOUT_S) -> str:
    """The cluster's id; raises ServiceUnavailableError."""
    try:
        return str(admin.describe_cluster(request_timeout=timeout_s).result(timeout_s).cluster_id)
    except KafkaException as exc:
        raise ServiceUnavailableError(f"Kafka does not say its cluster id: {exc.args[0].str()}").caused_by(
            exc
        ) from None
    except FutureTimeoutError as exc:
        raise ServiceUnavailableError(f"Kafka does not say its cluster id within {timeout_s:g} s").caused_by(
            exc
        ) from None
