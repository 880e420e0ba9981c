"""Lengths that exceed their messages, a few a second: they cost ClickHouse no memory and other partitions no time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hostile import wire
from peak_memory import MIB, PeakMemory
from road import load, until

from wattnet.schemas import METRIC_FINGERPRINT, MetricEncoder, single_object_header
from wattnet.schemas.avro import encode_long

if TYPE_CHECKING:
    from road import Road
    from scale import Scale

HOSTILE_PER_S = 5
HEALTHY_PER_S = 500
LATEST_S = 5.0
HEADER = single_object_header(METRIC_FINGERPRINT)
SOUND = wire(labels={"zone": "ES"}, data_state="state", attributes={"long_name": "Spain"})
HOSTILE = [
    SOUND.replace(encode_long(len(text)) + text, encode_long(length) + encode_long(len(text)) + text)
    for text in (b"zone_load", b"zone", b"ES", b"complete", b"state", b"long_name", b"Spain")
    for length in (2**31 - 1, 2**29)
]


def test_hostile_lengths_cost_clickhouse_nothing(road: Road, scale: Scale) -> None:
    """Two partitions get healthy metrics all the time; every one gets hostile messages after the first half."""
    seconds = scale(4, 300)
    clickhouse = PeakMemory(road.stack.clickhouse.pid)
    encoder, producer = MetricEncoder(HEADER), road.raw_producer()
    healthy = hostile = 0
    late_s: list[float] = []
    with road.consumer(WATTNET_BREAKER_SHARE="1", WATTNET_LOG_LEVEL="info") as consumer:
        began_s = time.monotonic()
        for second in range(2 * seconds):
            if second == seconds:
                road.wait_stored(healthy)
                before_bytes = clickhouse.restart()
            for _ in range(HEALTHY_PER_S):
                value = encoder.encode(load(f"Z{healthy % 50}", healthy // 50, 1.0), time.time_ns() // 1000)[1]
                producer.produce(road.topic, value, partition=healthy % 2)
                healthy += 1
            for _ in range(HOSTILE_PER_S if second >= seconds else 0):
                producer.produce(road.topic, HOSTILE[hostile % len(HOSTILE)], partition=hostile % 3)
                hostile += 1
            producer.flush()
            sent_s = time.monotonic()
            road.wait_stored(healthy + hostile, timeout_s=LATEST_S)
            late_s.append(time.monotonic() - sent_s)
            time.sleep(max(began_s + second + 1 - time.monotonic(), 0))
        grown_bytes = clickhouse.peak_bytes() - before_bytes
        scale.tell(
            f"{hostile:,} hostile among {healthy:,} healthy: ClickHouse's peak grew by {grown_bytes / MIB:.0f} MiB"
        )
        scale.tell(
            f"stored after {max(late_s[:seconds]):.2f} s at the latest before, {max(late_s[seconds:]):.2f} s then"
        )
        until(lambda: road.released() == healthy + hostile, "all of it is released")
        assert "has too much to do" not in consumer.logged()
        assert consumer.metric("wattnet_consumer_insert_retries_total") == 0
    assert grown_bytes < 64 * MIB
    road.assert_exact(healthy + hostile, refused=hostile)
    assert road.sql("SELECT DISTINCT reason FROM dead_letters") == [("cannot be decoded",)]
