"""Into the topic, and back when the brokers have acknowledged it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from wattnet.producer import DeliveryError, NotDeliveredError, Producer, ProducerError, SendError
from wattnet.schemas import Metric as SharedMetric
from wattnet.storage._errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wattnet.storage._columns import Columns
    from wattnet.storage.models import Metric

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


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
        with self._writing:
            rows = list(_shared(columns))
            reasons = self._send(rows)
        positions = columns.position.tolist()
        return [Failure(positions[row], metrics[positions[row]], reason) for row, reason in sorted(reasons.items())]

    def close(self) -> None:
        """Raises DeliveryError when something is given up."""
        with self._writing:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _send(self, rows: Sequence[SharedMetric]) -> dict[int, str]:
        """Why rows did not reach the topic, by their number."""
        reasons: dict[int, str] = {}
        self._told.clear()
        taken = 0
        try:
            producer = self._producer = self._producer or self._connect(self._told.append)
            send = producer.send
            for taken, row in enumerate(rows):
                try:
                    send(row)
                except SendError as exc:  # noqa: PERF203  costs nothing where none is raised
                    reasons[taken] = str(exc)
            taken = len(rows)
        except ProducerError as exc:  # no more of them is taken
            reasons |= dict.fromkeys(range(taken, len(rows)), str(exc))
        if self._producer is not None and taken:
            reasons |= self._flush(self._producer, rows[:taken])
        return reasons

    def _flush(self, producer: Producer, rows: Sequence[SharedMetric]) -> dict[int, str]:
        """Why rows that were taken did not reach the topic."""
        reasons: dict[int, str] = {}
        try:
            producer.flush(None)
        except DeliveryError as exc:
            if exc.queued:  # fatal for this producer, and nobody says which of them arrived
                self._producer = None
                return dict.fromkeys(range(len(rows)), str(exc))
        if failed := [error for error in self._told if isinstance(error, NotDeliveredError)]:
            numbers: dict[object, deque[int]] = defaultdict(deque)
            for number, row in enumerate(rows):
                numbers[_told_by(row)].append(number)
            for error in failed:
                if same := numbers[_told_by(error.metric)]:
                    reasons[same.popleft()] = error.reason
        return reasons


def _shared(columns: Columns) -> Iterator[SharedMetric]:
    series = columns.series
    for place, value, timestamp_us in zip(
        columns.place.tolist(), columns.value.tolist(), columns.timestamp_us.tolist(), strict=True
    ):
        one = series[place]
        yield SharedMetric.from_stored(
            one.name,
            value,
            EPOCH + timedelta(microseconds=timestamp_us),
            one.labels,
            knowledge_time=None,
            valid=one.valid,
            zone_status=one.zone_status,
            data_state=one.data_state,
            attributes=one.attributes,
        )


def _told_by(metric: SharedMetric) -> tuple[object, ...]:
    """What tells the metrics of one call apart; those that it does not are the same twice."""
    return metric.series_key, metric.timestamp_us, metric.value, metric.valid, metric.zone_status
