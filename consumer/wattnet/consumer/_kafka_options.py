"""The one place that maps settings to librdkafka's keys."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from wattnet.consumer._errors import ConfigurationError
from wattnet.producer.kafka_log import KafkaLog
from wattnet.schemas.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wattnet.consumer._settings import KafkaSettings

# Of all clients of this process: they talk to the same brokers.
kafka_log = KafkaLog(
    Outage("Kafka is away", "Kafka is back", logging.getLogger(__name__)),
    logging.getLogger("wattnet.consumer.librdkafka"),
)

# The claims, not librdkafka, decide what is committed; and nothing may jump over offsets that Kafka no longer has.
FIXED_OPTIONS: dict[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    # Where transactions end a partition no message comes any more that would say how far it was read.
    "enable.partition.eof": True,
}
DEFAULT_OPTIONS: dict[str, Any] = {
    "client.id": "wattnet-consumer",
    # librdkafka reads ahead by whole fetches, and what it holds is up to thirty times what came over the wire: with its
    # defaults a backlog of twelve partitions takes 600 MB (measured), with these 60.
    "queued.max.messages.kbytes": 8 * 1024,
    "queued.min.messages": 10_000,
    "max.partition.fetch.bytes": 256 * 1024,
    # It looks again after so long when these bounds were reached; the default of a second halves the rate.
    "fetch.queue.backoff.ms": 20,
    "topic.metadata.refresh.interval.ms": 30_000,
    "fetch.error.backoff.ms": 100,
}
# Of the classic group protocol only: with group.protocol=consumer (KIP-848) the broker has these, and librdkafka
# refuses them. A member learns of a rebalance by its heartbeat: with the default of 3 s joining takes as long.
CLASSIC_OPTIONS: dict[str, Any] = {
    "partition.assignment.strategy": "cooperative-sticky",
    "heartbeat.interval.ms": 500,
    "session.timeout.ms": 15_000,
}


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """librdkafka's keys: defaults, then the operator's, then what exactness rests on.

    Raises ConfigurationError when the operator's contradict the latter.
    """
    for key, value in FIXED_OPTIONS.items():
        theirs = settings.options.get(key, value)
        if str(theirs).lower() != str(value).lower():
            raise ConfigurationError(
                f"KAFKA_OPTIONS sets {key}={theirs!r}, but exactly-once rests on {value!r}: remove it"
            )
    group: dict[str, Any] = {"group.protocol": settings.group_protocol}
    if settings.group_instance_id is not None:
        group["group.instance.id"] = settings.group_instance_id
    return {
        **DEFAULT_OPTIONS,
        **({} if is_next_generation({**group, **settings.options}) else CLASSIC_OPTIONS),
        **group,
        **settings.connection_options(),
        **settings.options,
        **FIXED_OPTIONS,
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.group_id,
    }


def is_next_generation(options: Mapping[str, Any]) -> bool:
    """Whether the group is one of KIP-848's."""
    return str(options.get("group.protocol", "classic")).lower() == "consumer"


@contextmanager
def refused_options() -> Iterator[None]:
    """What librdkafka says of its options, as a ConfigurationError."""
    try:
        yield
    except KafkaException as exc:
        raise ConfigurationError(
            f"librdkafka refuses the Kafka settings: {exc.args[0].str()}: "
            "correct KAFKA_OPTIONS, KAFKA_SASL_* or KAFKA_SSL_*"
        ).caused_by(exc) from None
