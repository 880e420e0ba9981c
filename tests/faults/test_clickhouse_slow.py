"""ClickHouse takes its time: the consumer stays in its group, holds still, loses nothing, and ends when asked to."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from road import QUICK_GROUP, until

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def test_partitions_are_paused_while_buffers_are_full(road: Road, proxy: ClickHouseProxy) -> None:
    """Bounded memory, whatever the backlog; and it stays in its group for longer than max.poll.interval.ms."""
    road.send(20_000)
    options = {**json.loads(QUICK_GROUP), "max.poll.interval.ms": 1_500}
    settings = {"KAFKA_OPTIONS": json.dumps(options), "WATTNET_MAX_BUFFER_BYTES": "3000000"}
    gates = [proxy.hold_next_insert("request") for _ in range(3)]
    with road.consumer(**proxy.env, **settings, WATTNET_MAX_BATCH_ROWS="1000") as consumer:
        assert gates[0].reached.wait(60)
        until(lambda: "partitions paused" in consumer.logged(), "the partitions are paused")
        paused = time.monotonic()
        until(lambda: time.monotonic() - paused > 2 * 1.5, "ClickHouse is slower than the group's patience")
        for gate in gates:
            gate.open()
        until(lambda: road.released() == 20_000, "all of it is released")
        assert "partitions resumed" in consumer.logged()
        assert consumer.metric("wattnet_consumer_rebalances_total") == 1, "it stayed in its group"
    road.assert_exact(20_000)


def test_a_stop_while_an_insert_hangs_ends_in_time_and_says_so(road: Road, proxy: ClickHouseProxy) -> None:
    """Exit code 69: not drained. What was claimed is repeated by the next one."""
    road.send(2_000)
    gates = [proxy.hold_next_insert("request") for _ in range(road.partitions)]
    consumer = road.start_consumer(**proxy.env, WATTNET_DRAIN_TIMEOUT_S="1")
    assert gates[0].reached.wait(60), consumer.logged()
    assert consumer.terminate(20) == 69
    assert "not drained in time" in consumer.logged()
    for gate in gates:
        gate.drop()
    with road.consumer():
        until(lambda: road.released() == 2_000, "all of it is released")
    road.assert_exact(2_000)
