"""Delivery reports of a client that is not librdkafka's: they wait until poll or flush serves them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from wattnet.producer._client import OnDelivery


class Reports:
    """Any thread may add, and any may serve; each report is called once.

    on_delivery  for records that bring no callback of their own: called when they fail, and with `arrivals` when they
                 arrive, too
    """

    def __init__(self, on_delivery: OnDelivery, *, arrivals: bool) -> None:
        self._on_delivery = on_delivery
        self._arrivals = arrivals
        self._waiting: deque[tuple[OnDelivery, KafkaError | None, Message]] = deque()

    def add(self, own: OnDelivery | None, error: KafkaError | None, message: Message) -> None:
        """Of a record that was decided; `own` is the callback that it brought."""
        report = own or (self._on_delivery if error or self._arrivals else None)
        if report is not None:
            self._waiting.append((report, error, message))

    def serve(self) -> int:
        """Call all that wait; returns how many."""
        served = 0
        while True:
            try:
                report, error, message = self._waiting.popleft()
            except IndexError:  # all of them, or another thread served the last one
                return served
            report(error, message)
            served += 1

    def __len__(self) -> int:
        return len(self._waiting)
