"""Make the topic."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from wattnet.producer._errors import BrokerUnreachableError, TopicCreationError
from wattnet.producer._logging import librdkafka_logger

_UNREACHABLE = frozenset(
    {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}
)


def create_topic(
    bootstrap_servers: str,
    topic: str = "wattnet.metrics",
    *,
    partitions: int = 12,
    replication_factor: int = 1,
    timeout_s: float = 30.0,
) -> bool:
    """Make `topic`; True when it was made, False when it was there (then it stays as it is).

    Raises BrokerUnreachableError when no broker answers within `timeout_s`, TopicCreationError when they refuse.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers}, logger=librdkafka_logger)
    new = NewTopic(topic, num_partitions=partitions, replication_factor=replication_factor)
    try:
        admin.create_topics([new], request_timeout=timeout_s, operation_timeout=timeout_s)[topic].result(timeout_s + 5)
    except KafkaException as exc:
        error: KafkaError = exc.args[0]
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        if error.code() in _UNREACHABLE:
            raise BrokerUnreachableError(
                f"no broker at {bootstrap_servers} answered within {timeout_s:g} s: is Kafka up, is the address right?"
            ) from exc
        raise TopicCreationError(
            f"topic {topic!r} ({partitions} partitions, replication factor {replication_factor}) was refused by "
            f"{bootstrap_servers}: {error.str()}"
        ) from exc
    return True
