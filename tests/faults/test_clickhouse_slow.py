"""ClickHouse takes its time: the consumer stays in its group, holds still, loses nothing, and ends when asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from road import until

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def test_partitions_are_paused_while_buffers_are_full(road: Road, proxy: ClickHouseProxy) -> None:
    """Bounded memory, whatever the backlog: reading goes on when there is room."""
    road.send(20_000)
    gates = [proxy.hold_next_insert("request") for _ in range(3)]
    with road.consumer(**proxy.env, WATTNET_MAX_BUFFER_BYTES="3000000", WATTNET_MAX_BATCH_ROWS="1000") as consumer:
        assert gates[0].reached.wait(60)
        until(lambda: "partitions paused" in consumer.logged(), "the partitions are paused")
        for gate in gates:
            gate.open()
        until(lambda: road.released() == 20_000, "all of it is released")
        assert "partitions resumed" in consumer.logged()
        assert "lost" not in consumer.logged(), "it stayed in its group"
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


def test_sigterm_under_load_drains_and_loses_nothing(road: Road) -> None:
    """Stopped and started again and again while messages arrive."""
    settings = {"WATTNET_MAX_BATCH_ROWS": "500"}
    for turn in range(3):
        road.send(3_000, first=turn * 3_000)
        with road.consumer(**settings):
            road.wait_stored(turn * 3_000 + 500)
    with road.consumer(**settings):
        until(lambda: road.released() == 9_000, "all of it is released")
    road.assert_exact(9_000)
