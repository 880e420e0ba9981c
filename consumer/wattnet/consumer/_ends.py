"""Where partitions end, asked for in the background: lag is shown, nothing waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # its stubs forget it

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from confluent_kafka.admin import AdminClient

ASK_INTERVAL_S = 2.0
REQUEST_TIMEOUT_S = 10.0


class Ends:
    """The newest known ends of a topic's partitions; some seconds old, or older while the broker is away."""

    def __init__(self, admin: AdminClient, topic: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._admin = admin
        self._topic = topic
        self._clock = clock
        self._asked_at = float("-inf")
        self._asked: dict[int, Future[Any]] = {}
        self._known: dict[int, int] = {}

    def of(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """What is known of these by now. Never blocks."""
        wanted = list(partitions)
        for number, answer in list(self._asked.items()):
            if answer.done():
                del self._asked[number]
                try:
                    self._known[number] = answer.result().offset
                except KafkaException:
                    self._known.pop(number, None)
        if wanted and not self._asked and self._clock() - self._asked_at >= ASK_INTERVAL_S:
            self._asked_at = self._clock()
            latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # so are its types
            places = {TopicPartition(self._topic, number): latest for number in wanted}
            answers = self._admin.list_offsets(places, request_timeout=REQUEST_TIMEOUT_S)
            self._asked = {place.partition: answer for place, answer in answers.items()}
        return {number: self._known[number] for number in wanted if number in self._known}
