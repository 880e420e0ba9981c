"""The seam between the producer and Kafka: what it asks of a client, and the client that it usually has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from wattnet.producer._errors import ProducerConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Message

    from wattnet.producer.kafka_log import KafkaLog

    OnDelivery: TypeAlias = Callable[[KafkaError | None, Message], None]
    """A delivery report: None for what arrived."""


class KafkaClient(Protocol):
    """confluent_kafka.Producer, or what acts like it: MemoryProducer and the spool put their own here."""

    def produce(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        *,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Take one record. Raises BufferError when there is no room, KafkaException when it is refused."""

    def produce_batch(self, topic: str, messages: list[dict[str, Any]]) -> int:
        """Take records, dicts of value and key, in order; returns how many.

        One that is refused has the KafkaError as its '_error' afterwards; behind one without room so have all others.
        """

    def poll(self, timeout: float) -> int:
        """Call the callbacks of what was decided, waiting up to `timeout` seconds for the first."""

    def flush(self, timeout: float) -> int:
        """Wait until everything is decided, `timeout` seconds at most, calling the callbacks."""

    def purge(self) -> None:
        """Give up everything that is not decided."""

    def __len__(self) -> int:
        """How many records are not decided, or are and their callbacks not called."""


class LoggedProducer(KafkaProducer):
    """librdkafka's client, whose log ends an outage when Kafka is back."""

    _log: KafkaLog

    def poll(self, timeout: float = -1) -> int:
        """See KafkaClient."""
        served = super().poll(timeout)
        self._log.look(self)
        return served

    def flush(self, timeout: float = -1) -> int:
        """See KafkaClient."""
        left = super().flush(timeout)
        self._log.look(self)
        return left


def librdkafka(config: dict[str, Any], log: KafkaLog) -> KafkaProducer:
    """librdkafka's client. Raises ProducerConfigError for options that it refuses."""
    try:
        client = LoggedProducer(config, logger=log)
    except KafkaException as exc:
        raise ProducerConfigError(f"librdkafka refuses the options: {exc.args[0].str()}").caused_by(exc) from None
    client._log = log
    return client


def produce_one_by_one(client: KafkaClient, topic: str, messages: list[dict[str, Any]]) -> int:
    """produce_batch, for a client that takes one record at a time."""
    taken = 0
    full: KafkaError | None = None
    for message in messages:
        error = full
        if full is None:
            try:
                client.produce(topic, message["value"], message["key"])
            except BufferError:
                error = full = KafkaError(KafkaError._QUEUE_FULL)
            except KafkaException as exc:
                error = exc.args[0]
        if error is None:
            taken += 1
        else:
            message["_error"] = error
    return taken
