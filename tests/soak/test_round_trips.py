"""Whatever a producer takes comes back as it was: sent, consumed, read, and compared bit for bit."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hostile import metrics
from hypothesis import HealthCheck, Phase, given, settings

from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from road import Road
    from scale import Scale

    from wattnet.producer import Producer
    from wattnet.schemas import Metric

# Each comparison reads all that its names have: at many metrics few comparisons, for they grow.
SMALL_BATCH, LARGE_BATCH = 300, 3_000
KNOWN_FROM = datetime(2025, 3, 1, tzinfo=timezone.utc)
EVER = {"start": "1970-01-01T00:00:00Z", "end": "2065-01-01T00:00:00Z"}


def test_hostile_metrics_come_back_bit_for_bit(road: Road, scale: Scale) -> None:
    """Every revision with its labels, quality and attributes; 300 of them in `make test`, 100,000 in `make soak`."""
    count = scale(SMALL_BATCH, 100_000)
    batch = min(count, LARGE_BATCH)
    with (
        road.consumer(),
        road.producer() as producer,
        Client(road.stack.clickhouse_url, database=road.name) as client,
    ):
        trips = RoundTrips(road, producer, client)

        # In batches, for Hypothesis remembers all that it has drawn: 100,000 at once take twice as long each.
        @settings(
            max_examples=batch,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(metrics())
        def send_some(metric: Metric) -> None:
            trips.send(metric)

        while trips.sent < count:
            send_some()
            trips.compare()
            scale.tell(f"{trips.sent:,} metrics came back as they were")


@dataclass
class RoundTrips:
    """Metrics on their way, by the time that tells their revisions apart: equal ones are sent, and read, as two."""

    road: Road
    producer: Producer
    client: Client
    sent: int = 0
    under_way: dict[datetime, Metric] = field(default_factory=dict)

    def send(self, metric: Metric) -> None:
        self.sent += 1
        known = KNOWN_FROM + timedelta(microseconds=self.sent)
        self.producer.send(metric, knowledge_time=known)
        self.under_way[known] = metric

    def compare(self) -> None:
        """Wait until all are stored, read them, and see that each is there once and as it was."""
        self.producer.flush()
        self.road.wait_stored(self.sent)
        read: dict[datetime | None, Sequence[object]] = {}
        for name in {metric.name for metric in self.under_way.values()}:
            for metric in self.client.metrics(name, **EVER).history().with_attributes().iter_rows():
                if metric.knowledge_time in self.under_way:
                    assert metric.knowledge_time not in read, "no revision is read twice"
                    read[metric.knowledge_time] = content(metric)
        assert read == {known: content(metric) for known, metric in self.under_way.items()}
        self.under_way.clear()


def content(metric: Metric) -> Sequence[object]:
    """All that a metric says; the value by its bits, for -0.0 equals 0.0."""
    value = None if metric.value is None else struct.pack("<d", metric.value)
    quality = (metric.valid, metric.zone_status, metric.data_state)
    return (metric.name, value, metric.timestamp, dict(metric.labels), *quality, dict(metric.attributes))
