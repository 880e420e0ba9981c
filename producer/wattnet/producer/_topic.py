"""Make the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from wattnet.producer._errors import BrokerUnreachableError, ProducerConfigError, TopicCreationError
from wattnet.producer._logging import kafka_log
from wattnet.producer.kafka_log import reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNREACHABLE = frozenset(
    {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}
)
# Nobody answers these later either: the other side was heard, and it said no.
_NOT_LET_IN = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED})
_BROKERS_DEFAULT = -1
_SLICE_S = 0.1


def create_topic(
    bootstrap_servers: str,
    topic: str = "wattnet.metrics",
    *,
    partitions: int = 12,
    replication_factor: int | None = None,
    timeout_s: float = 30.0,
    options: Mapping[str, Any] | None = None,
) -> bool:
    """Make `topic`; True when it was made, False when it was there (then it stays as it is).

    replication_factor  None leaves it to the brokers (`default.replication.factor`)
    options             librdkafka's keys, for a cluster that wants more than its address: security.protocol, sasl.*, …

    Raises BrokerUnreachableError when no broker answers within `timeout_s`, TopicCreationError when they refuse,
    ProducerConfigError for options that librdkafka does not take.
    """
    refusals: list[KafkaError] = []
    seen = ""

    def keep(error: KafkaError) -> None:
        nonlocal seen
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # the one before it says why
            seen = f": {reason(error.str())}"
        if error.code() in _NOT_LET_IN:
            refusals.append(error)

    config = {**(options or {}), "bootstrap.servers": bootstrap_servers, "error_cb": keep}
    try:
        admin = AdminClient(config, logger=kafka_log(bootstrap_servers))
    except KafkaException as exc:
        raise ProducerConfigError(f"librdkafka refuses the options: {exc.args[0].str()}").caused_by(exc) from None
    factor = _BROKERS_DEFAULT if replication_factor is None else replication_factor
    new = NewTopic(topic, num_partitions=partitions, replication_factor=factor)
    answer = admin.create_topics([new], request_timeout=timeout_s, operation_timeout=timeout_s)[topic]
    try:
        while not (answer.done() or refusals):
            admin.poll(_SLICE_S)
        if refusals and not answer.done():
            raise TopicCreationError(
                f"{bootstrap_servers} lets nobody in with these security options: {refusals[0].str()}: "
                "correct the user, the password or the certificates"
            )
        answer.result()
    except KafkaException as exc:
        error: KafkaError = exc.args[0]
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        if error.code() in _UNREACHABLE:
            raise BrokerUnreachableError(
                f"no broker at {bootstrap_servers} answered within {timeout_s:g} s{seen}: is Kafka up, "
                "is the address right?"
            ).caused_by(exc) from None
        replicas = "the brokers' replication factor" if factor == _BROKERS_DEFAULT else f"replication factor {factor}"
        raise TopicCreationError(
            f"topic {topic!r} ({partitions} partitions, {replicas}) was refused by {bootstrap_servers}: {error.str()}"
        ).caused_by(exc) from None
    return True
