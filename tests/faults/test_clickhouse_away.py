"""ClickHouse dies: nothing is lost or doubled, memory stays flat, and the consumer ends when it is asked to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from road import until
from views import condition_in, inserting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_proxy import ClickHouseProxy
    from road import Road


@contextmanager
def clickhouse_killed(road: Road) -> Iterator[None]:
    """kill -9; at the end it is back, for the tests that come next too."""
    road.stack.clickhouse.kill()
    try:
        yield
    finally:
        road.stack.clickhouse.start()


@pytest.mark.parametrize("table", ["metrics", "ledger"])
def test_killed_in_the_midst_of_an_insert(road: Road, table: str) -> None:
    """Some tables have the range and this one has not: the repeat brings it there, and nowhere twice."""
    road.send(3_000)
    with road.consumer() as consumer:
        with condition_in(road, table, "sleep(3) = 0"):
            until(lambda: inserting(road), "an insert is under way")
            until(lambda: road.one("SELECT count() FROM series") > 0, "it has reached the first tables")
            assert road.one(f"SELECT count() FROM {table}") == 0, "and not this one"
            with clickhouse_killed(road):
                until(lambda: "attempt 2" in consumer.logged(), "it tries again")
                assert consumer.process.poll() is None
                assert not consumer.ready, "traffic should not be counted on it"
        until(lambda: road.released() == 3_000, "all of it is released")
        until(lambda: consumer.ready, "it is ready again")
    road.assert_exact(3_000)


def test_a_clickhouse_that_is_down_for_good(road: Road, proxy: ClickHouseProxy) -> None:
    """Memory is flat once the buffers are full; SIGTERM ends it with 69 in time; no commit is ahead of the tables."""
    road.send(1_000)
    consumer = road.start_consumer(
        **proxy.env, WATTNET_MAX_BUFFER_BYTES="2000000", WATTNET_MAX_BATCH_ROWS="500", WATTNET_DRAIN_TIMEOUT_S="1"
    )
    try:
        until(lambda: road.released() == 1_000, "the first part is stored")
        with proxy.away():
            road.send(10_000, first=1_000)
            until(lambda: "partitions paused" in consumer.logged(), "the buffers are full")
            full = consumer.resident_bytes()
            attempts, sent = proxy.turned_away, 11_000
            while proxy.turned_away < attempts + 10:
                road.send(5_000, first=sent)
                sent += 5_000
            assert consumer.resident_bytes() < full + 20e6, "memory is flat while the backlog grows"
            assert not consumer.ready
            begun = [line for line in consumer.warnings() if line.startswith("metrics cannot be stored: ")]
            assert len(begun) == 1, "ten refused inserts are one line, and then one a minute"
            assert consumer.http("/livez")[0] == 200, "nobody should restart it"
            stored = road.one("SELECT sum(messages) FROM ledger")
            assert consumer.terminate(20) == 69, consumer.logged()
    finally:
        consumer.kill()
    assert stored == 1_000
    assert sum(one.offset for one in road.committed() if one.offset > 0) == stored, "nothing is committed ahead of it"
    with road.consumer():
        until(lambda: road.released() == sent, "all of it is released")
    road.assert_exact(sent)


def test_a_clickhouse_that_is_down_at_the_start(road: Road, proxy: ClickHouseProxy) -> None:
    """It is waited for, but a stop is obeyed meanwhile."""
    with proxy.away():
        consumer = road.start_consumer(**proxy.env)
        try:
            until(lambda: proxy.turned_away >= 3, "it tries again")
            assert consumer.process.poll() is None
            assert not consumer.ready
            assert consumer.terminate(15) == 69
            assert "no ClickHouse answers" in consumer.logged()
        finally:
            consumer.kill()


def test_a_clickhouse_that_hangs_while_partitions_are_assigned(road: Road) -> None:
    """Asked for the ledger it does not answer: the consumer still serves its group, and ends when it is asked to."""
    road.send(1_000)
    consumer = road.start_consumer()
    try:
        until(lambda: "reading" in consumer.logged(), "it is about to join")
        road.stack.clickhouse.pause()
        until(lambda: "assigned: partitions" in consumer.logged(), "it has partitions")
        assert consumer.terminate(30) == 0, "nothing was read"
    finally:
        road.stack.clickhouse.resume()
        consumer.kill()
    assert road.one("SELECT count() FROM ledger") == 0
    with road.consumer():
        until(lambda: road.released() == 1_000, "all of it is released")
    road.assert_exact(1_000)
