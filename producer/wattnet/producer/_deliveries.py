"""What became of the metrics that were taken: failures are counted, kept for flush and handed to on_error."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from wattnet.producer._errors import NotDeliveredError, ProducerError, QueueFullError
from wattnet.producer._logging import logger
from wattnet.producer._reasons import GIVEN_UP, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Message


@dataclass(frozen=True, slots=True)
class Failures:
    """What went wrong since the last flush."""

    failed: int
    first_reason: str
    dropped: int
    callback_error: BaseException | None
    """What on_error raised first."""


class Deliveries:
    """Collects failures inside librdkafka's callbacks, and tells on_error of them outside.

    Outside, so that on_error may call the producer, and so that what it raises is not lost in C code. Nothing here
    refers to the producer: librdkafka holds the callbacks, and the two would keep each other alive.
    """

    def __init__(
        self,
        topic: str,
        bootstrap_servers: str,
        *,
        header_bytes: int,
        on_error: Callable[[ProducerError], object] | None,
    ) -> None:
        self.last_broker_error: str | None = None
        self.pending: deque[ProducerError] = deque()
        """Failures that on_error has not been told of."""
        self._topic = topic
        self._bootstrap_servers = bootstrap_servers
        self._header_bytes = header_bytes
        self._on_error = on_error
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._failed = 0
        self._first_reason = ""
        self._dropped = 0
        self._callback_error: BaseException | None = None

    def failed(self, error: KafkaError, message: Message) -> None:
        """librdkafka's delivery report; it comes for failures only."""
        why = self.reason(error)
        if error.code() not in GIVEN_UP:  # close counts those as queued
            with self._lock:
                self._failed += 1
                self._first_reason = self._first_reason or why
        if self._on_error is not None:
            self.pending.append(
                NotDeliveredError(
                    why,
                    series_key=(message.key() or b"").decode(),
                    value=message.value() or b"",
                    header_bytes=self._header_bytes,
                )
            )

    def dropped(self, series_key: str) -> None:
        """A metric was not taken, because the queue is full and the caller prefers that."""
        with self._lock:
            self._dropped += 1
            first = self._dropped == 1
        if first:
            logger.warning("the queue is full: metrics are dropped from now on, the first one of %s", series_key)
        if self._on_error is not None:
            self.pending.append(QueueFullError(f"the queue is full: a metric of {series_key} was dropped"))

    def dropped_oldest(self, count: int) -> None:
        """Metrics that a spool held were given up, to make room for newer ones or because its files are damaged."""
        with self._lock:
            self._dropped += count
        logger.warning("the spool gave up its %d oldest metrics", count)
        if self._on_error is not None:
            self.pending.append(QueueFullError(f"the spool is full: its {count} oldest metrics were dropped"))

    def broker_error(self, error: KafkaError) -> None:
        """librdkafka's report on its connections; it goes on trying by itself."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # the one before it says why
            self.last_broker_error = error.str()
        logger.warning("%s", error.str())

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
        """Hand every pending failure to on_error, one at a time. What it raises is logged and raised by the next flush.

        A call while another one is under way (from on_error itself, or from another thread) leaves it to that one.
        """
        if not self._telling.acquire(blocking=False):
            return
        try:
            while self.pending:
                self._tell_one(self.pending.popleft())
        finally:
            self._telling.release()

    def _tell_one(self, failure: ProducerError) -> None:
        if self._on_error is None:
            return
        try:
            self._on_error(failure)
        except Exception as exc:  # noqa: BLE001  it is the user's code, and flush raises what it raised
            logger.exception("on_error raised while it was told: %s", failure)
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
