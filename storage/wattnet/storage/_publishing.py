"""Into the topic, and back when the brokers have acknowledged it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from wattnet.producer import DeliveryError, NotDeliveredError, ProducerError
from wattnet.producer.columns import send_columns
from wattnet.storage._errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wattnet.producer import Producer
    from wattnet.schemas import Metric as SharedMetric
    from wattnet.storage._columns import Columns
    from wattnet.storage.models import Metric


class TopicWriter:
    """Threads may share it; one call at a time waits for its own metrics.

    connect  makes the producer, which tells its argument of every metric that did not reach the topic
    """

    def __init__(self, connect: Callable[[Callable[[ProducerError], object]], Producer]) -> None:
        self._connect = connect
        self._producer: Producer | None = None
        self._told: list[ProducerError] = []
        self._writing = threading.Lock()

    def write(self, columns: Columns, metrics: Sequence[Metric]) -> list[Failure]:
        """Return when each row is acknowledged or given up (librdkafka's delivery.timeout.ms, two minutes), with those.

        `metrics` is the list that the rows are of.
        """
        if not len(columns.place):
            return []
        with self._writing:
            reasons = self._send(columns)
        positions = columns.position.tolist()
        return [Failure(positions[row], metrics[positions[row]], reason) for row, reason in sorted(reasons.items())]

    def close(self) -> None:
        """Raises DeliveryError when something is given up."""
        with self._writing:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _send(self, columns: Columns) -> dict[int, str]:
        """Why rows did not reach the topic, by their number."""
        self._told.clear()
        try:
            producer = self._producer = self._producer or self._connect(self._told.append)
        except ProducerError as exc:
            return _all(columns, exc)
        refusal: ProducerError | None = None
        try:
            send_columns(
                producer,
                columns.series,
                place=columns.place,
                value=columns.value,
                timestamp_us=columns.timestamp_us,
            )
        except ProducerError as exc:  # some were taken, and nobody says which
            refusal = exc
        try:
            producer.flush(None)
        except DeliveryError as exc:
            if exc.queued:  # fatal for this producer, and nobody says which of them arrived
                self._producer, refusal = None, exc
        if refusal is not None:
            return _all(columns, refusal)
        failed = [error for error in self._told if isinstance(error, NotDeliveredError)]
        return _whose(failed, columns) if failed else {}


def _all(columns: Columns, error: ProducerError) -> dict[int, str]:
    return dict.fromkeys(range(len(columns.place)), str(error))


def _whose(failed: Sequence[NotDeliveredError], columns: Columns) -> dict[int, str]:
    """The reasons by the rows' numbers. What tells two rows of one call not apart says the same twice."""
    said = [_said(one) for one in columns.series]
    numbers: dict[object, deque[int]] = defaultdict(deque)
    rows = zip(columns.place.tolist(), columns.timestamp_us.tolist(), columns.value.tolist(), strict=True)
    for number, (place, timestamp_us, value) in enumerate(rows):
        numbers[said[place], timestamp_us, value].append(number)
    reasons: dict[int, str] = {}
    for error in failed:
        metric = error.metric
        if same := numbers[_said(metric), metric.timestamp_us, metric.value]:
            reasons[same.popleft()] = error.reason
    return reasons


def _said(metric: SharedMetric) -> tuple[object, ...]:
    """The series and quality."""
    return metric.series_key, metric.valid, metric.zone_status, metric.data_state, *metric.attributes.items()
