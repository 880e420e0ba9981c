"""What became of the metrics: failures are counted, kept for flush and handed to on_error, arrivals to on_delivery."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from wattnet.producer._delivery import Delivery
from wattnet.producer._errors import NotDeliveredError, ProducerError, QueueFullError
from wattnet.producer._logging import logger
from wattnet.producer._reasons import GIVEN_UP, reason
from wattnet.producer.kafka_log import reason as broker_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Message

    from wattnet.producer.kafka_log import KafkaLog


@dataclass(frozen=True, slots=True)
class Failures:
    """What went wrong since the last flush."""

    failed: int
    first_reason: str
    dropped: int
    callback_error: BaseException | None
    """What on_error or on_delivery raised first."""


class Deliveries:
    """Collects what was decided inside librdkafka's callbacks, and tells on_error and on_delivery of it outside.

    Outside, so that they may call the producer, and so that what they raise is not lost in C code. Nothing here refers
    to the producer: librdkafka holds the callbacks, and the two would keep each other alive.
    """

    def __init__(
        self,
        topic: str,
        bootstrap_servers: str,
        *,
        header_bytes: int,
        on_error: Callable[[ProducerError], object] | None,
        on_delivery: Callable[[Delivery], object] | None,
    ) -> None:
        self.last_broker_error: str | None = None
        self.pending: deque[ProducerError | Delivery] = deque()
        """What on_error and on_delivery have not been told of."""
        self.all_failed = 0
        """How many were given up since the beginning."""
        self.all_dropped = 0
        """How many were not taken, or given up by the spool, since the beginning."""
        self.all_lost = 0
        """How many of those the spool had taken."""
        self._topic = topic
        self._bootstrap_servers = bootstrap_servers
        self._header_bytes = header_bytes
        self._on_error = on_error
        self._on_delivery = on_delivery
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._failed = 0
        self._first_reason = ""
        self._dropped = 0
        self._callback_error: BaseException | None = None

    @property
    def wants_arrivals(self) -> bool:
        """Whether somebody listens to reports of what arrived; else they are not asked for, because they cost."""
        return self._on_delivery is not None

    def decided(self, error: KafkaError | None, message: Message) -> None:
        """librdkafka's delivery report. Of what arrived it comes only where `wants_arrivals`."""
        if error is None:
            if self._on_delivery is not None:
                self.pending.append(self.delivery(message.key(), message.value(), message))
            return
        given_up = error.code() in GIVEN_UP
        why = self.reason(error)
        with self._lock:
            self.all_failed += 1
            if not given_up:  # close counts those as queued
                self._failed += 1
                self._first_reason = self._first_reason or why
        if self._on_error is not None:
            self.pending.append(self.failure(why, message.key(), message.value()))

    def promised(
        self, error: KafkaError | None, key: bytes, value: bytes, message: Message
    ) -> Delivery | NotDeliveredError:
        """The same of a record that has a future: flush leaves its failure to that."""
        outcome: Delivery | NotDeliveredError
        if error is None:
            outcome = self.delivery(key, value, message)
            listens = self._on_delivery is not None
        else:
            outcome = self.failure(self.reason(error), key, value)
            listens = self._on_error is not None
            if error.code() != KafkaError._QUEUE_FULL:  # a spool dropped it, and it is counted there
                with self._lock:
                    self.all_failed += 1
        if listens:
            self.pending.append(outcome)
        return outcome

    def delivery(self, key: bytes | None, value: bytes | None, message: Message) -> Delivery:
        """A record's arrival, in words."""
        partition, offset = message.partition(), message.offset()
        return Delivery(
            series_key=(key or b"").decode(),
            topic=self._topic,
            partition=-1 if partition is None else partition,
            offset=-1 if offset is None else offset,
            value=value or b"",
            header_bytes=self._header_bytes,
        )

    def failure(self, why: str, key: bytes | None, value: bytes | None) -> NotDeliveredError:
        """A record's failure, in words."""
        return NotDeliveredError(
            why, series_key=(key or b"").decode(), value=value or b"", header_bytes=self._header_bytes
        )

    def dropped(self, series_key: str) -> None:
        """A metric was not taken, because the queue is full and the caller prefers that."""
        with self._lock:
            self.all_dropped += 1
            self._dropped += 1
            first = self._dropped == 1
        if first:
            logger.warning("the queue is full: metrics are dropped from now on, the first one of %s", series_key)
        if self._on_error is not None:
            self.pending.append(QueueFullError(f"the queue is full: a metric of {series_key} was dropped"))

    def dropped_oldest(self, count: int) -> None:
        """Metrics that a spool held were given up, to make room for newer ones or because its files are damaged."""
        with self._lock:
            self.all_dropped += count
            self.all_lost += count
            self._dropped += count
        logger.warning("the spool gave up its %d oldest metrics", count)
        if self._on_error is not None:
            self.pending.append(QueueFullError(f"the spool is full: its {count} oldest metrics were dropped"))

    def broker_error(self, log: KafkaLog, error: KafkaError) -> None:
        """librdkafka's report on its connections; it goes on trying by itself."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # the one before it says why
            self.last_broker_error = broker_reason(error.str())
        log.error(error)

    def given_up_for_now(self, error: KafkaError) -> None:
        """librdkafka gave records up that the spool sends again later."""
        if error.code() != KafkaError._MSG_TIMED_OUT:  # what a broker said last says more
            self.last_broker_error = self.reason(error)
        logger.warning("the spool sends again later: %s", self.reason(error))

    def reason(self, error: KafkaError) -> str:
        return reason(
            error,
            topic=self._topic,
            bootstrap_servers=self._bootstrap_servers,
            last_broker_error=self.last_broker_error,
        )

    def tell(self) -> None:
        """Hand what is pending to on_error and on_delivery, one at a time.

        What they raise is logged, and the first of it raised by the next flush. A call while another one is under way
        (from on_error itself, or from another thread) leaves it to that one.
        """
        if not self._telling.acquire(blocking=False):
            return
        try:
            while self.pending:
                self._tell_one(self.pending.popleft())
        finally:
            self._telling.release()

    def _tell_one(self, news: ProducerError | Delivery) -> None:
        try:
            if isinstance(news, Delivery):
                if self._on_delivery is not None:
                    self._on_delivery(news)
            elif self._on_error is not None:
                self._on_error(news)
        except Exception as exc:  # noqa: BLE001  it is the user's code, and flush raises what it raised
            name = "on_delivery" if isinstance(news, Delivery) else "on_error"
            logger.exception("%s raised while it was told: %s", name, news)
            with self._lock:
                self._callback_error = self._callback_error or exc

    def take(self) -> Failures:
        """The failures since the last call."""
        with self._lock:
            taken = Failures(self._failed, self._first_reason, self._dropped, self._callback_error)
            self._failed = self._dropped = 0
            self._first_reason = ""
            self._callback_error = None
        return taken
