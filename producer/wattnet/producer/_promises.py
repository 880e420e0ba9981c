"""Futures of single metrics: they resolve when the brokers have answered, and nobody has to call anything for it."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from wattnet.producer._delivery import Delivery
from wattnet.producer._logging import logger

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from wattnet.producer._client import KafkaClient, OnDelivery
    from wattnet.producer._deliveries import Deliveries
    from wattnet.producer._errors import ProducerError

# How long one call waits inside librdkafka.
_SLICE_S = 0.1


class Promises:
    """The futures of one client that reports arrivals. While some are open, a thread of its own polls the client.

    It does not refer to the producer: the thread would keep a forgotten one alive.
    """

    def __init__(self, kafka: KafkaClient, deliveries: Deliveries) -> None:
        self._kafka = kafka
        self._deliveries = deliveries
        self._open: set[Future[Delivery]] = set()
        self._decided: deque[tuple[Future[Delivery], Delivery | ProducerError]] = deque()
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="wattnet-deliveries", daemon=True)
        self._thread.start()

    def new(self, key: bytes, value: bytes) -> tuple[Future[Delivery], OnDelivery]:
        """A future of this record, and the callback that decides it."""
        future: Future[Delivery] = Future()
        future.set_running_or_notify_cancel()  # a record in the queue is on its way: nobody can cancel it

        def decide(error: KafkaError | None, message: Message) -> None:
            # Inside librdkafka's callback; whoever waits for the future may call the producer, so it is told outside.
            self._decided.append((future, self._deliveries.promised(error, key, value, message)))

        with self._lock:
            self._open.add(future)
            self._wanted.set()
        return future, decide

    def forget(self, future: Future[Delivery]) -> None:
        """Its record was not taken."""
        with self._lock:
            self._open.discard(future)

    def settle(self) -> None:
        """Resolve what was decided."""
        while True:
            try:
                future, outcome = self._decided.popleft()
            except IndexError:  # all of them, or another thread took the last one
                return
            self.forget(future)
            if isinstance(outcome, Delivery):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

    def end(self, error: ProducerError) -> None:
        """The client takes and delivers nothing more: what is still open fails with `error`."""
        with self._lock:
            self._ended = True
            self._wanted.set()
        if threading.current_thread() is not self._thread:  # a future's own callback may close the producer
            self._thread.join()
        self.settle()
        with self._lock:
            left, self._open = self._open, set()
        for future in left:
            if not future.done():
                future.set_exception(error)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if self._ended:
                return
            try:
                self._kafka.poll(_SLICE_S)
            except Exception:  # noqa: BLE001  a callback's error has to end no other future's wait
                logger.exception("while deliveries were awaited")
            self.settle()
            with self._lock:
                if not self._open and not self._ended:
                    self._wanted.clear()
