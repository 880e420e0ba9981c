"""The queue of encoded records: a client of Kafka, what happens when it is full, how it is drained and exchanged."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from wattnet.producer import _lifecycle
from wattnet.producer._client import librdkafka
from wattnet.producer._clock import knowledge_now_us
from wattnet.producer._config import librdkafka_config, text
from wattnet.producer._deliveries import Deliveries
from wattnet.producer._errors import (
    DeliveryError,
    FlushTimeoutError,
    ProducerConfigError,
    ProducerError,
    QueueFullError,
    SendError,
)
from wattnet.producer._exchange import Gate, left_behind
from wattnet.producer._framing import framing, header
from wattnet.producer._logging import kafka_log
from wattnet.producer._promises import Promises
from wattnet.producer._spool_identity import header_or_last_one
from wattnet.schemas import MetricEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wattnet.producer._client import KafkaClient, OnDelivery
    from wattnet.producer._delivery import Delivery
    from wattnet.producer._spool import Spool
    from wattnet.producer._spool_client import SpoolClient

# Serving what librdkafka has to report costs 0.4 us even when there is nothing: too much for every send.
_SERVE_EVERY_US = 20_000
# How long one call waits inside librdkafka, where Ctrl-C is not seen.
SLICE_S = 0.1
# How long the first flush waits for a broker. A wrong address should not take its whole time.
REACH_S = 8.0


@dataclass(frozen=True, slots=True)
class FlushResult:
    """Everything that was taken has reached the topic.

    dropped  metrics that were not taken since the last flush, because the queue was full (on_full="drop"), or that the
             spool gave up for newer ones (on_full="drop_oldest")
    spooled  after close: metrics that wait in the spool for the next producer on it
    """

    dropped: int
    spooled: int = 0


class RecordQueue(ABC):
    """Where a producer puts its encoded records, keys and values; the arguments are the producer's.

    Producer is built on it, and is what programs see.

    Raises ProducerConfigError, SchemaRegistryError, SpoolError.
    """

    _always_reports = False

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        topic: str = "wattnet.metrics",
        schema_registry_url: str | None = None,
        on_full: Literal["block", "raise", "drop"] = "block",
        on_error: Callable[[ProducerError], object] | None = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        queue_max_messages: int = 100_000,
        options: Mapping[str, Any] | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._kafka: KafkaClient | None = None
        if on_full not in ("block", "raise", "drop"):
            raise ProducerConfigError(f"on_full is {on_full!r}: give 'block', 'raise' or 'drop'")
        topic = text(topic, "topic", "wattnet.metrics")
        config = librdkafka_config(
            bootstrap_servers, queue_max_messages=queue_max_messages, options=options, spooled=spool is not None
        )
        if spool is not None:
            if on_full != "block":
                raise ProducerConfigError(f"on_full is {on_full!r}: with a spool give it to the Spool")
            on_full = "block" if spool.on_full == "block" else "raise"
        if spool is None:
            frame_header = header(topic, schema_registry_url)
        else:
            frame_header = header_or_last_one(spool.path, topic, schema_registry_url)
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._on_full = on_full
        self._queue_max_messages = queue_max_messages
        self._deliveries = Deliveries(
            topic, bootstrap_servers, header_bytes=len(frame_header), on_error=on_error, on_delivery=on_delivery
        )
        config["on_delivery"] = self._deliveries.decided
        if self._always_reports or self._deliveries.wants_arrivals:
            config["delivery.report.only.error"] = False
        self._log = kafka_log(bootstrap_servers)
        config["error_cb"] = partial(self._deliveries.broker_error, self._log)
        self._spool = spool
        self._place = "the queue" if spool is None else f"the spool at {spool.path}"
        self._framing, self._header = framing(schema_registry_url), frame_header
        self._spool_client: SpoolClient | None = None
        kafka = self._connect(config)
        self._kafka = kafka
        self._config = config
        self._reports_arrivals = not (isinstance(kafka, KafkaProducer) and config["delivery.report.only.error"])
        self._promises: Promises | None = None
        self._exchanging = threading.RLock()
        self._exchanged = False
        self._produce: Callable[..., None] = kafka.produce
        self._serve_at_us = self._serve_next_us = 0
        self._taken = self._spooled()  # an earlier process may have left something there
        self._encoder = MetricEncoder(frame_header)
        self._encode = self._encoder.encode
        _lifecycle.opened(self)

    @abstractmethod
    def close(self, timeout_s: float | None = 60.0) -> FlushResult:
        """Called at exit when nobody did."""

    def _connect(self, config: dict[str, Any]) -> KafkaClient:
        """The client that delivers."""
        if self._spool is None:
            return librdkafka(config, self._log)
        # Imported here: it locks files, which not every system does in the same way.
        from wattnet.producer._spool_client import SpoolClient

        # In their place stand the spool's own reports, one a record.
        on_delivery, only_errors = config.pop("on_delivery"), config["delivery.report.only.error"]
        config["delivery.report.only.error"] = False
        self._spool_client = SpoolClient(
            self._spool,
            topic=self._topic,
            framing=self._framing,
            header=self._header,
            connect=lambda: librdkafka(config, self._log),
            on_delivery=on_delivery,
            reports_arrivals=not only_errors,
            on_trouble=self._deliveries.given_up_for_now,
            on_lost=self._deliveries.dropped_oldest,
        )
        return self._spool_client

    def _take(self, key: bytes, value: bytes, on_delivery: OnDelivery | None, *, patient: bool) -> bool:
        """One encoded record into the queue; returns whether it was taken (`on_full`). Raises as `send` does.

        Not `patient`, it raises BufferError where on_full='block' would wait.
        """
        produce = self._produce
        try:
            produce(self._topic, value, key, on_delivery=on_delivery)
        except (BufferError, KafkaException) as exc:
            return self._produce_otherwise(key, value, exc, on_delivery, patient=patient)
        self._taken += 1
        self._serve_between(knowledge_now_us(), produce)
        return True

    def _begin_to_promise(self) -> Promises:
        """What keeps futures; with a client that reports arrivals, which librdkafka cannot be told later."""
        with self._exchanging:
            if self._promises is None:
                kafka = self._kafka
                if kafka is None:
                    self._produce(self._topic, b"", b"")  # it raises: closed, or forked
                    raise AssertionError
                if not self._reports_arrivals:
                    kafka = self._exchange(kafka)
                self._promises = Promises(kafka, self._deliveries)
            return self._promises

    def _exchange(self, old: KafkaClient) -> KafkaClient:
        """Put a client that reports arrivals in place of `old`, once that has delivered everything.

        Meanwhile other threads' sends wait, and so each series keeps its order.
        """
        new = self._connect({**self._config, "delivery.report.only.error": False})
        gate = self._produce = Gate(old.produce)
        try:
            self._drain(old, None)
            if self._kafka is not old:  # on_error closed it
                _lifecycle.refuse_closed()
            self._kafka, gate.behind = new, new.produce
            self._reports_arrivals = self._exchanged = True
            self._serve_at_us = 0  # from now on every send looks whether it was overtaken, and has used the old client
        finally:
            if self._kafka is not None:
                self._produce = gate.behind
            else:
                gate.behind = self._produce
            gate.open()
        return new

    def _produce_otherwise(
        self,
        key: bytes,
        value: bytes,
        refusal: BufferError | KafkaException,
        on_delivery: OnDelivery | None = None,
        *,
        patient: bool = True,
    ) -> bool:
        """What `on_full` says, or the refusal in words; returns whether the record was taken."""
        wait_s = 0.0  # first serve only: what was delivered counts as queued until its report is served
        while isinstance(refusal, BufferError):
            self._serve(wait_s)
            wait_s = SLICE_S
            produce = self._produce
            try:
                produce(self._topic, value, key, on_delivery=on_delivery)
            except (BufferError, KafkaException) as exc:
                refusal = exc
            else:
                self._taken += 1
                self._serve_between(0, produce)
                return True
            if not isinstance(refusal, BufferError):
                break
            if self._on_full != "block":
                self._when_full(key)
                return False
            if not patient:
                raise refusal
        error: KafkaError = refusal.args[0]
        raise SendError(f"a metric of {key.decode()} was not taken: {self._deliveries.reason(error)}").caused_by(
            refusal
        ) from None

    def _when_full(self, key: bytes) -> None:
        if self._on_full == "drop":
            self._deliveries.dropped(key.decode())
            self._deliveries.tell()
            return
        seen = self._deliveries.last_broker_error
        if self._spool is None:
            bound, other_choices = (
                f"{self._queue_max_messages} metrics",
                "raise queue_max_messages, or use on_full='block'",
            )
        else:
            bound, other_choices = f"{self._spool.max_bytes} bytes", "raise max_bytes, or use 'block' or 'drop_oldest'"
        raise QueueFullError(
            f"{self._place} is full ({bound}), and a metric of {key.decode()} was not taken: "
            f"send again later, {other_choices}" + (f". The last error of a broker: {seen}" if seen else "")
        )

    def _queued(self) -> int:
        """How many metrics are on their way, and what else the client has to tell."""
        return self._spooled() or (0 if self._kafka is None else len(self._kafka))

    def _spooled(self) -> int:
        return 0 if self._spool_client is None else self._spool_client.waiting

    def _serve_between(self, now_us: int, produce: Callable[..., None]) -> None:
        """After a record was taken by `produce`: serve what is due."""
        if produce is not self._produce and (old := left_behind(produce)) is not None:
            self._drain(old, None)  # it was on its way into the old client when that was exchanged
        if now_us < self._serve_next_us:
            return
        self._serve_next_us = now_us + _SERVE_EVERY_US
        if not self._exchanged:
            self._serve_at_us = self._serve_next_us
        self._serve(0)

    def _serve(self, timeout_s: float) -> None:
        kafka = self._kafka
        if kafka is None:
            return
        kafka.poll(timeout_s)
        if self._promises is not None:
            self._promises.settle()
        if self._deliveries.pending:
            self._deliveries.tell()

    def _drain(self, kafka: KafkaClient, timeout_s: float | None, *, reach_s: float | None = None) -> int:
        """How many metrics are still in the queue when it is empty or the time is over.

        reach_s  the time is over after so long, too, when no broker was ever reached
        """
        began = time.monotonic()
        deadline = None if timeout_s is None else began + timeout_s
        while True:
            left_s = SLICE_S if deadline is None else min(SLICE_S, deadline - time.monotonic())
            try:
                kafka.flush(max(left_s, 0))
            except KafkaException as exc:  # a fatal error: librdkafka tries nothing any more
                raise DeliveryError(
                    f"what is in the queue cannot be delivered to {self._topic!r} at {self._bootstrap_servers}: "
                    f"{exc.args[0].str()}. Its user needs Write on the topic in Kafka; then make a new producer",
                    failed=0,
                    queued=len(kafka),
                    dropped=0,
                ).caused_by(exc) from None
            if self._promises is not None:
                self._promises.settle()
            self._deliveries.tell()
            queued = len(kafka)  # on_error may have sent something again
            if not queued or left_s <= 0:
                return queued
            if reach_s is not None and time.monotonic() - began > reach_s and self._never_reached(queued):
                return queued

    def _never_reached(self, queued: int) -> bool:
        """Whether Kafka is away and has acknowledged nothing so far: its address may be wrong."""
        return self._spool is None and self._log.outage.lasts and queued >= self._taken - self._deliveries.all_failed

    def _result(self, queued: int, timeout_s: float | None, what_now: str, *, spooled: int = 0) -> FlushResult:
        failures = self._deliveries.take()
        problems = []
        if queued:
            seen = self._deliveries.last_broker_error
            problems.append(
                f"{queued} metrics are still in {self._place} after {timeout_s:.3g} s, "
                f"on their way to {self._topic!r} at {self._bootstrap_servers}. {what_now}. "
                + (f"The last error of a broker: {seen}" if seen else "No broker reported an error: it may be slow")
            )
        if failures.failed:
            problems.append(
                f"{failures.failed} metrics were not delivered, the first one because {failures.first_reason}"
            )
        if failures.callback_error is not None:
            problems.append(f"on_error or on_delivery itself raised {failures.callback_error!r}")
        if not problems:
            return FlushResult(dropped=failures.dropped, spooled=spooled)
        kind = FlushTimeoutError if queued else DeliveryError
        raise kind("; ".join(problems), failed=failures.failed, queued=queued, dropped=failures.dropped).caused_by(
            failures.callback_error
        ) from None

    def _leave_to_parent(self) -> None:
        """In a forked child: the queue and its threads are the parent's."""
        if self._spool_client is not None:
            self._spool_client.leave_to_parent()
        if self._kafka is not None:
            _lifecycle.never_destroy(self._kafka)
        self._promises = None  # its thread did not come along
        self._exchanging = threading.RLock()  # another thread may have held it in the parent
        self._produce = _lifecycle.refuse_forked
        self._kafka = None
