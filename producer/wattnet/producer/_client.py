"""The seam between the producer and Kafka: what it asks of a client, and the client that it usually has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from confluent_kafka import KafkaException
from confluent_kafka import Producer as KafkaProducer

from wattnet.producer._errors import ProducerConfigError
from wattnet.producer._logging import librdkafka_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message

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

    def poll(self, timeout: float) -> int:
        """Call the callbacks of what was decided, waiting up to `timeout` seconds for the first."""

    def flush(self, timeout: float) -> int:
        """Wait until everything is decided, `timeout` seconds at most, calling the callbacks."""

    def purge(self) -> None:
        """Give up everything that is not decided."""

    def __len__(self) -> int:
        """How many records are not decided, or are and their callbacks not called."""


def librdkafka(config: dict[str, Any]) -> KafkaProducer:
    """librdkafka's client. Raises ProducerConfigError for options that it refuses."""
    try:
        return KafkaProducer(config, logger=librdkafka_logger)
    except KafkaException as exc:
        raise ProducerConfigError(f"librdkafka refuses the options: {exc.args[0].str()}") from exc
