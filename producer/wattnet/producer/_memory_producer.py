"""MemoryProducer: for the tests of programs that publish metrics. No Kafka, no waiting."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaError, Message

from wattnet.producer import _lifecycle
from wattnet.producer._client import produce_one_by_one
from wattnet.producer._producer import Producer
from wattnet.producer._reports import Reports
from wattnet.schemas import METRIC_FINGERPRINT, Metric, decode_metric, single_object_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from wattnet.producer._client import KafkaClient, OnDelivery
    from wattnet.producer._delivery import Delivery
    from wattnet.producer._errors import ProducerError

_HEADER_BYTES = len(single_object_header(METRIC_FINGERPRINT))


class MemoryProducer(Producer):
    """A Producer whose topic is a list: give it to code that wants a Producer, and look at what it sent.

        producer = MemoryProducer()
        publish_prices(producer)
        assert producer.sent[0].value == 41.5

    It is the Producer itself, with its rules, errors and callbacks; only Kafka's client is replaced. What is sent is in
    `sent` at once; `flush` and `close` find it delivered.

    fail_with  while it is a string, what is sent does not arrive, and that is the reason: `on_error` and the next
               `flush` or `close` report it as they would if Kafka had refused it. May be set at any time
    full       while it is True the queue has no room, and `on_full` decides. May be set at any time

    The other arguments are the Producer's.
    """

    def __init__(
        self,
        *,
        topic: str = "wattnet.metrics",
        on_full: Literal["block", "raise", "drop"] = "block",
        on_error: Callable[[ProducerError], object] | None = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        fail_with: str | None = None,
        full: bool = False,
    ) -> None:
        self._memory = _MemoryKafka(fail_with=fail_with, full=full)
        super().__init__("memory", topic=topic, on_full=on_full, on_error=on_error, on_delivery=on_delivery)
        _lifecycle.closed(self)  # nothing has to be saved at exit, and a fork has the list too

    @property
    def sent(self) -> list[Metric]:
        """What arrived, in order, each with the knowledge_time that it was sent with."""
        return [decode_metric(value[_HEADER_BYTES:]) for value in self._memory.arrived]

    @property
    def fail_with(self) -> str | None:
        return self._memory.fail_with

    @fail_with.setter
    def fail_with(self, reason: str | None) -> None:
        self._memory.fail_with = reason

    @property
    def full(self) -> bool:
        return self._memory.full

    @full.setter
    def full(self, full: bool) -> None:
        self._memory.full = full

    def wait_visible(self, timeout_s: float | None = 60.0, *, group_id: str = "wattnet-consumer") -> None:  # noqa: ARG002  nobody consumes
        """What was sent is where everybody can see it at once; raises what `flush` raises."""
        self.flush(timeout_s)

    def __del__(self) -> None:
        """Nothing is lost with it."""

    def __repr__(self) -> str:
        return f"MemoryProducer(topic={self._topic!r})"

    def _connect(self, config: dict[str, Any]) -> KafkaClient:
        self._memory.reports = Reports(config["on_delivery"], arrivals=not config["delivery.report.only.error"])
        return self._memory


class _MemoryKafka:
    """Acts like librdkafka's client with a topic of one partition; callbacks are called by poll and flush only."""

    def __init__(self, *, fail_with: str | None, full: bool) -> None:
        self.fail_with = fail_with
        self.full = full
        self.arrived: list[bytes] = []
        self.reports = Reports(lambda *_: None, arrivals=False)
        self._lock = threading.Lock()

    def produce(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        *,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        if self.full:
            raise BufferError("Local: Queue full")
        with self._lock:
            error = None if self.fail_with is None else KafkaError(KafkaError._FAIL, self.fail_with)
            message = Message(topic, 0, len(self.arrived), key, value, error=error)
            if error is None:
                self.arrived.append(value)
            self.reports.add(on_delivery, error, message)

    def produce_batch(self, topic: str, messages: list[dict[str, Any]]) -> int:
        return produce_one_by_one(self, topic, messages)

    def poll(self, timeout: float) -> int:
        if self.full and not self.reports:
            time.sleep(timeout)  # as one waits for a broker, until another thread says that there is room
        return self.reports.serve()

    def flush(self, timeout: float) -> int:  # noqa: ARG002  nothing takes time
        self.reports.serve()
        return len(self.reports)

    def purge(self) -> None:
        """There is never anything undecided."""

    def __len__(self) -> int:
        return len(self.reports)
