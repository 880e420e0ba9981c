"""How soon a metric that is sent is visible in ClickHouse, at 1,000 metrics a second.

    python -m benchmarks.freshness

The moment of sending is the metric's knowledge_time, which Producer.send sets. Visible is a metric when a query has
returned its offset or a later one of its partition: the poll's own time is counted, too. For each flush interval of
the consumer, with otherwise default settings.
"""

from __future__ import annotations

import time
import uuid
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import quantiles
from threading import Thread
from typing import TYPE_CHECKING

from benchmarks.ours import start_consumer, stop
from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up
from wattnet.producer import Producer, create_topic
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client

    from wattnet.local import LocalStack

RATE_PER_S = 1_000
SECONDS = 60
WARM_UP_SECONDS = 5
FLUSH_INTERVALS_S = (2.0, 0.5)
SERIES = 3_600
PARTITIONS = 12
POLL_INTERVAL_S = 0.05
TIMEOUT_S = 120.0
# What is promised: the 99th percentile is at most so many intervals, and so much on top.
TARGET_INTERVALS, TARGET_MORE_S = 1.5, 0.1


@dataclass(frozen=True, slots=True)
class Freshness:
    """From send to visible, over all metrics of the run but those of the warm-up."""

    flush_interval_s: float
    messages: int
    p50_s: float
    p99_s: float
    max_s: float
    target_p99_s: float


def measure(stack: LocalStack, *, told: Callable[[str], None], seconds: int = SECONDS) -> list[Freshness]:
    """One run for each flush interval."""
    found = []
    for interval_s in FLUSH_INTERVALS_S:
        found.append(_run(stack, interval_s, seconds))
        told(f"flush interval {interval_s} s: p99 {found[-1].p99_s:.3f} s, target {found[-1].target_p99_s:.3f} s")
    return found


def _run(stack: LocalStack, interval_s: float, seconds: int) -> Freshness:
    name = f"bench_{uuid.uuid4().hex[:8]}"
    settings = ClickHouseSettings.from_url(stack.clickhouse_url, database=name)
    create_topic(stack.bootstrap_servers, name, partitions=PARTITIONS)
    migrate_up(settings)
    client = connect(settings)
    consumer = start_consumer(stack, name, name, WATTNET_FLUSH_INTERVAL_S=str(interval_s))
    try:
        _publish(stack.bootstrap_servers, name, WARM_UP_SECONDS * RATE_PER_S)
        seen = _Seen(client)
        seen.poll_until(WARM_UP_SECONDS * RATE_PER_S)
        messages = seconds * RATE_PER_S
        began = datetime.now(timezone.utc)
        publishing = Thread(target=_publish, args=(stack.bootstrap_servers, name, messages), daemon=True)
        publishing.start()
        seen.poll_until(WARM_UP_SECONDS * RATE_PER_S + messages)
        publishing.join()
        latencies = seen.latencies(began)
    finally:
        stop([consumer])
        client.command(f"DROP DATABASE {name}")
        client.close()
    percentiles = quantiles(latencies, n=100)
    target = TARGET_INTERVALS * interval_s + TARGET_MORE_S
    return Freshness(interval_s, len(latencies), percentiles[49], percentiles[98], max(latencies), target)


def _publish(bootstrap_servers: str, topic: str, messages: int) -> None:
    """Evenly, so many a second."""
    now = datetime.now(timezone.utc)
    with Producer(bootstrap_servers, topic=topic) as producer:
        began_s = time.perf_counter()
        for number in range(messages):
            time.sleep(max(0.0, began_s + number / RATE_PER_S - time.perf_counter()))
            step, series = divmod(number, SERIES)
            labels = {"zone": f"Z{series:04d}", "unit": "MW", "datasource": "benchmark", "data_state": "final"}
            producer.send(Metric("zone_load", float(number), now + timedelta(seconds=step), labels))


class _Seen:
    """When which offsets were visible."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._polls: dict[int, tuple[list[int], list[float]]] = {}  # by partition: its greatest offsets, and when

    def poll_until(self, messages: int) -> None:
        """Ask again and again, until so many are there."""
        deadline = time.perf_counter() + SECONDS + TIMEOUT_S
        stored = 0
        while stored < messages:
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{stored:,} of {messages:,} metrics were visible in time")
            rows = self._client.query(
                "SELECT `partition`, max(`offset`), count() FROM metrics GROUP BY `partition`"
            ).result_rows
            now = time.time()
            stored = sum(count for _, _, count in rows)
            for partition, offset, _ in rows:
                offsets, moments = self._polls.setdefault(partition, ([], []))
                if not offsets or offset > offsets[-1]:
                    offsets.append(offset)
                    moments.append(now)
            time.sleep(POLL_INTERVAL_S)

    def latencies(self, since: datetime) -> list[float]:
        """Seconds from send to visible, of each metric that was sent since then."""
        rows = self._client.query(
            "SELECT `partition`, `offset`, toUnixTimestamp64Micro(knowledge_time) AS sent_us FROM metrics "
            "WHERE sent_us >= {since:Int64}",
            parameters={"since": int(since.timestamp() * 1e6)},
        ).result_rows
        return [self._visible(partition, offset) - sent_us / 1e6 for partition, offset, sent_us in rows]

    def _visible(self, partition: int, offset: int) -> float:
        offsets, moments = self._polls[partition]
        return moments[bisect_left(offsets, offset)]


def main(seconds: int = SECONDS) -> None:
    from wattnet.local import LocalStack

    with LocalStack() as stack:
        for result in measure(stack, told=print, seconds=seconds):
            print(result)


if __name__ == "__main__":
    main()
