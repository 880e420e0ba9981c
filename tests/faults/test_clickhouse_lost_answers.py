"""Inserts whose end the consumer does not learn: it sends the same bytes again under the same token, one copy stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from road import until
from views import condition_in, inserting

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def test_answers_that_get_lost_after_the_server_stored(road: Road, proxy: ClickHouseProxy) -> None:
    """Lost twice: once for the driver, which sends by itself again, and once for the consumer's own retry."""
    road.send(3_000)
    gates = [proxy.hold_next_insert("response", f"{road.topic_id()}:0:") for _ in range(2)]
    with road.consumer(**proxy.env) as consumer:
        for gate in gates:
            assert gate.reached.wait(60), consumer.logged()
            assert road.one("SELECT sum(messages) FROM ledger WHERE `partition` = 0") > 0, "the server had stored it"
            gate.drop()
        until(lambda: road.released() == 3_000, "all of it is released")
        assert "did not acknowledge an insert" in consumer.logged() or "did not take an insert" in consumer.logged()
    assert proxy.inserts >= road.partitions + 2
    road.assert_exact(3_000)


def test_a_client_that_times_out_while_the_insert_still_runs(road: Road, proxy: ClickHouseProxy) -> None:
    """Two inserts of one range at once in ClickHouse, and the table has one copy."""
    road.send(3_000)
    with road.consumer(**proxy.env, WATTNET_INSERT_TIMEOUT_S="1") as consumer:
        with condition_in(road, "metrics", "sleep(2.5) = 0"):
            until(lambda: "attempt 1" in consumer.logged(), "the client gave up waiting")
            assert inserting(road), "the insert still runs"
        until(lambda: road.released() == 3_000, "all of it is released")
    assert proxy.inserts > road.partitions, "it was sent again"
    road.assert_exact(3_000)
