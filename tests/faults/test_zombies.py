"""A consumer that stood still past its session wakes up: its partitions are somebody else's, it commits nothing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from road import QUICK_GROUP, Road, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_proxy import ClickHouseProxy

    from wattnet.local import LocalStack

PROTOCOLS = [
    pytest.param({"KAFKA_OPTIONS": QUICK_GROUP}, id="classic"),
    pytest.param({"KAFKA_GROUP_PROTOCOL": "consumer", "KAFKA_OPTIONS": "{}"}, id="KIP-848"),
]


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """One partition: who has it is the only one that may commit."""
    road = Road(wattnet_stack, tmp_path, partitions=1)
    yield road
    road.close()


@pytest.mark.parametrize("group", PROTOCOLS)
def test_it_wakes_up_with_messages_that_it_had_not_claimed(road: Road, group: dict[str, str]) -> None:
    """Its next act would be the claim, which is overdue by then."""
    road.send(500)
    zombie = road.start_consumer(**group, WATTNET_FLUSH_INTERVAL_S="5")
    try:
        until(lambda: zombie.metric("wattnet_consumer_buffer_bytes") > 0, "messages are buffered")
        os.kill(zombie.process.pid, signal.SIGSTOP)
        assert all(one.offset < 0 for one in road.committed()), "nothing is claimed yet"
        road.send(300, first=500)  # so that the other one cuts other ranges, and a late one would be stored twice
        with road.consumer(**group):
            until(lambda: road.released() == 800, "the other one has stored all of it")
            os.kill(zombie.process.pid, signal.SIGCONT)
            until(lambda: "lost: partitions [0]" in zombie.logged(), "it learns that it lost them")
            until(lambda: len(road.members()) == 2, "it is a member again, whose commits the broker would take")
            road.send(200, first=800)
            until(lambda: road.released() == 1_000, "the other one goes on")
            assert zombie.metric("wattnet_consumer_records_total") == 0
        assert zombie.terminate() == 0, zombie.logged()
    finally:
        zombie.kill()
    road.assert_exact(1_000)


def test_it_wakes_up_while_its_insert_is_on_the_way(road: Road, proxy: ClickHouseProxy) -> None:
    """The other one has repeated the claimed range by then: what arrives late comes under the same token."""
    road.send(500)
    gate = proxy.hold_next_insert("request")
    zombie = road.start_consumer(**proxy.env)
    try:
        assert gate.reached.wait(60), zombie.logged()
        os.kill(zombie.process.pid, signal.SIGSTOP)
        road.send(300, first=500)
        with road.consumer() as other:
            until(lambda: road.released() == 800, "the other one has stored all of it")
            assert "(1 ranges to repeat" in other.logged()
            gate.open()
            os.kill(zombie.process.pid, signal.SIGCONT)
            until(lambda: "insert response code: 200" in zombie.logged(), "its insert reached ClickHouse")
            until(lambda: "lost: partitions [0]" in zombie.logged(), "it learns that it lost them")
            assert road.released() == 800
        assert zombie.terminate() == 0, zombie.logged()
    finally:
        gate.open()
        zombie.kill()
    road.assert_exact(800)
