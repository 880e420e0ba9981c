"""The topic that the settings name, found to be there before anything is read."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wattnet.cli._failures import EXIT_CONFIGURATION, EXIT_UNAVAILABLE, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattnet.consumer import KafkaSettings
    from wattnet.producer import Producer, ProducerError

TIMEOUT_S = 10.0


@contextmanager
def open_producer() -> Iterator[tuple[Producer, str, list[ProducerError]]]:
    """A producer, the group that stores what it sends, and the first thing that it could not deliver.

    Raises BadSettingsError, what `require_topic` raises, and at the end DeliveryError.
    """
    from wattnet.cli._settings import read_one
    from wattnet.consumer import KafkaSettings

    settings = read_one(KafkaSettings)
    require_topic(settings)
    failed: list[ProducerError] = []

    def keep(error: ProducerError) -> None:
        if not failed:
            failed.append(error)

    with producer_for(settings, on_error=keep) as producer:
        yield producer, settings.group_id, failed


def producer_for(settings: KafkaSettings, *, on_error: Callable[[ProducerError], object] | None = None) -> Producer:
    """A producer of the topic, as the user and with the registry that the settings say."""
    from wattnet.producer import Producer
    from wattnet.producer.security import producer_arguments

    return Producer(**producer_arguments(settings), on_error=on_error)


def require_topic(settings: KafkaSettings) -> None:
    """Raise ConsumerError when no broker answers or lets this user in, CommandError when there is no topic."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from wattnet.consumer import require_access

    require_access(settings)
    try:
        # With a logger, or librdkafka writes to standard error itself.
        admin = AdminClient(settings.connection_options(), logger=logging.getLogger("wattnet.cli"))
        known = admin.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as exc:
        raise CommandError(
            f"Kafka at {settings.bootstrap_servers} does not list its topics: {exc.args[0].str()}",
            exit_code=EXIT_UNAVAILABLE,
        ).caused_by(exc) from None
    if settings.topic not in known:
        raise CommandError(
            f"there is no topic {settings.topic!r}: make it with `wattnet init`, or set KAFKA_TOPIC",
            exit_code=EXIT_CONFIGURATION,
        )
