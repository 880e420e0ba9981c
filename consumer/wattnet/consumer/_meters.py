"""What the consumer measures, declared once: Prometheus metrics, each with its meaning."""

from __future__ import annotations

import platform
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

import confluent_kafka
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What a consumer does with its time. Writers run beside the loop, so the seconds add up to more than one a second.
PHASES = ("poll", "frame", "insert", "dlq", "backpressure")
ROWS = (1, 10, 100, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
LATENCY_SECONDS = (0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400)


class Meters:
    """The meters of one consumer, in a registry of its own. Threads may share it."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Info("wattnet_build", "Versions that run here.", registry=registry).info(
            {
                "version": version("wattnet-storage"),
                "python": platform.python_version(),
                "librdkafka": confluent_kafka.libversion()[0],
            }
        )
        self._records = Counter(
            "wattnet_consumer_records",
            "Messages accounted for, by what became of them: stored, or refused (a dead letter).",
            ["topic", "result"],
            registry=registry,
        )
        self._refused = Counter(
            "wattnet_consumer_dlq_records",
            "Messages that became dead letters, by reason.",
            ["reason"],
            registry=registry,
        )
        self.rebalances = Counter(
            "wattnet_consumer_rebalances", "Partitions were assigned, revoked or lost.", registry=registry
        )
        self.insert_retries = Counter(
            "wattnet_consumer_insert_retries",
            "Inserts (or questions to the schema registry) tried again for a reason that may pass.",
            registry=registry,
        )
        self.repeats = Counter(
            "wattnet_consumer_repeated_ranges",
            "Claimed ranges that were repeated after an assignment, to be dropped by ClickHouse where they are stored.",
            registry=registry,
        )
        self.doubled_ranges = Counter(
            "wattnet_consumer_doubled_ranges",
            "Ranges that ClickHouse took twice, their tokens having left its window; the views show one copy.",
            registry=registry,
        )
        self.batch_rows = Histogram(
            "wattnet_consumer_batch_rows", "Messages in a range.", buckets=ROWS, registry=registry
        )
        self.batch_flush_seconds = Histogram(
            "wattnet_consumer_batch_flush_seconds",
            "From a range's accepted claim until all of it was acknowledged.",
            buckets=SECONDS,
            registry=registry,
        )
        self.latency_seconds = Histogram(
            "wattnet_consumer_end_to_end_latency_seconds",
            "From the send time of a range's oldest message until the range was stored.",
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._lag = Gauge(
            "wattnet_consumer_lag_records",
            "Offsets that Kafka holds and that are not yet accounted for, of the partitions assigned here.",
            ["topic", "partition"],
            registry=registry,
        )
        self.assigned_partitions = Gauge(
            "wattnet_consumer_assigned_partitions", "Partitions assigned to this consumer.", registry=registry
        )
        self.buffer_bytes = Gauge(
            "wattnet_consumer_buffer_bytes",
            "Memory of messages that are read but not yet accounted for.",
            registry=registry,
        )
        self.range_rows_limit = Gauge(
            "wattnet_consumer_range_rows_limit",
            "The most messages that a range may hold now; lower than the setting while ClickHouse is short of memory.",
            registry=registry,
        )
        self.breaker_open = Gauge(
            "wattnet_consumer_breaker_open",
            "Partitions that stand still because too many of their messages were refused.",
            registry=registry,
        )
        self.last_insert_timestamp_seconds = Gauge(
            "wattnet_consumer_last_insert_timestamp_seconds",
            "When a range was stored last, in Unix time; 0 before the first one.",
            registry=registry,
        )
        self._seconds = Counter(
            "wattnet_consumer_seconds",
            "Time spent, by phase: poll (Kafka), frame (bytes for ClickHouse), insert (ClickHouse, with retries), "
            "dlq (finding and storing bad records), backpressure (the loop waits for ClickHouse).",
            ["phase"],
            registry=registry,
        )
        for phase in PHASES:
            self._seconds.labels(phase)

    @contextmanager
    def spent(self, phase: str) -> Iterator[None]:
        """Count the time inside as spent in `phase`."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds.labels(phase).inc(time.monotonic() - began)

    def stored(self, *, messages: int, refusals: Mapping[str, int], oldest_sent: float, now: float) -> None:
        """Count a range that is accounted for; times in Unix seconds."""
        refused = sum(refusals.values())
        self._records.labels(self._topic, "stored").inc(messages - refused)
        self._records.labels(self._topic, "refused").inc(refused)
        for reason, count in refusals.items():
            self._refused.labels(reason).inc(count)
        self.batch_rows.observe(messages)
        self.latency_seconds.observe(max(now - oldest_sent, 0))
        self.last_insert_timestamp_seconds.set(now)

    def lag(self, partition: int, offsets: int) -> None:
        """Set a partition's lag."""
        self._lag.labels(self._topic, str(partition)).set(offsets)

    def not_mine(self, partition: int) -> None:
        """Drop the lag of a partition that was taken away: whoever has it now reports it."""
        with suppress(KeyError):  # it was not here long enough to have one
            self._lag.remove(self._topic, str(partition))
