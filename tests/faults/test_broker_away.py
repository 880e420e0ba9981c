"""The broker is killed, or stands still: the consumer neither hangs nor gives up, and goes on where it was."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from road import Road, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_proxy import ClickHouseProxy

    from wattnet.local import LocalStack


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """One partition on a broker that stands again when the test is over."""
    road = Road(wattnet_stack, tmp_path, partitions=1)
    yield road
    if wattnet_stack.kafka.running:
        wattnet_stack.kafka.resume()
    wattnet_stack.kafka.start()
    road.close()


def test_killed_between_a_claim_and_its_release_and_started_again(road: Road, proxy: ClickHouseProxy) -> None:
    """The claimed range is stored while there is no broker; the same process goes on when there is one again."""
    road.send(2_000)
    gate = proxy.hold_next_insert("request")
    with road.consumer(**proxy.env, WATTNET_MAX_BATCH_ROWS="500") as consumer:
        assert gate.reached.wait(60), consumer.logged()
        road.stack.kafka.kill()
        gate.open()
        road.wait_stored(500)
        assert road.one("SELECT sum(messages) FROM ledger") == 500, "without a broker nothing more is claimed"
        until(lambda: consumer.logged().count("Connection refused") > 5, "librdkafka fails again and again")
        away = [line for line in consumer.warnings() if line.startswith("Kafka is away: 127.0.0.1:")]
        assert len(away) == 1, "which is one line"
        assert len(consumer.warnings()) < 5, "and the others do not repeat themselves either"
        road.stack.kafka.start()
        until(lambda: "Kafka is back after" in " ".join(consumer.warnings()), "the log says when it is back", 120)
        road.send(1_000, first=2_000)
        until(lambda: road.released() == 3_000, "all of it is released")
    road.assert_exact(3_000)


def test_standing_still_at_a_commit(road: Road, proxy: ClickHouseProxy) -> None:
    """The commit is given up after seconds, where librdkafka would wait without end; then all goes on."""
    road.send(500)
    gate = proxy.hold_next_insert("response")
    with road.consumer(**proxy.env) as consumer:
        assert gate.reached.wait(60), consumer.logged()
        road.stack.kafka.pause()
        gate.open()
        until(lambda: "Kafka has not answered those of partitions [0]" in consumer.logged(), "the commit is given up")
        assert road.one("SELECT sum(messages) FROM ledger") == 500, "the insert does not need the broker"
        assert (consumer.http("/readyz")[0], consumer.http("/livez")[0]) == (503, 200)
        road.stack.kafka.resume()
        road.send(500, first=500)
        until(lambda: road.released() == 1_000, "all of it is released")
        until(lambda: consumer.http("/readyz")[0] == 200, "it is ready again")
    road.assert_exact(1_000)


def test_asked_to_stop_while_the_broker_stands_still(road: Road, proxy: ClickHouseProxy) -> None:
    """The process ends by itself all the same; whether its last commit arrives later does not matter."""
    road.send(500)
    gate = proxy.hold_next_insert("response")
    consumer = road.start_consumer(**proxy.env, WATTNET_DRAIN_TIMEOUT_S="1")
    try:
        assert gate.reached.wait(60), consumer.logged()
        road.stack.kafka.pause()
        gate.open()
        begun = time.monotonic()
        assert consumer.terminate() in {0, 69}, consumer.logged()
        assert time.monotonic() - begun < 30
        assert "Kafka is silent" in consumer.logged()
    finally:
        consumer.kill()
    road.stack.kafka.resume()
    with road.consumer():
        until(lambda: road.released() == 500, "all of it is released")
    road.assert_exact(500)
