"""A token leaves ClickHouse's window before its range is repeated: said aloud, and every reader still sees one copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from road import Road, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_proxy import ClickHouseProxy

    from wattnet.local import LocalStack

TABLES = ("metrics", "series", "ledger", "dead_letters")


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """Two partitions: one stalls, the other pushes its token out."""
    road = Road(wattnet_stack, tmp_path, partitions=2)
    yield road
    road.close()


def test_a_stall_longer_than_the_window(road: Road, proxy: ClickHouseProxy) -> None:
    """Stored, but the answer is lost, and by the time of the repeat the window has forgotten the token."""
    for table in TABLES:
        road.client.command(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 1")
        road.client.command(f"SYSTEM STOP MERGES {table}")
    road.send(1_000)
    gates = [proxy.hold_next_insert("response", f"{road.topic_id()}:0:") for _ in range(2)]
    with road.consumer(**proxy.env) as consumer:
        for turn, gate in enumerate(gates):  # the driver sends once more by itself
            assert gate.reached.wait(60), consumer.logged()
            push_out(road, first=1_000 + turn * 200)
            gate.drop()
        until(lambda: consumer.metric("wattnet_consumer_doubled_ranges_total") > 0, "the alert")
        assert "is stored twice: its token had left ClickHouse's window" in consumer.logged()
    sent = sum(one.offset for one in road.committed())
    assert road.one("SELECT count() - uniqExact(`partition`, `offset`) FROM metrics") > 0, "the fault took place"
    assert not road.verdict().ok, "verify says it"
    assert road.one("SELECT count() FROM metrics FINAL") == sent
    assert road.one("SELECT count() FROM current_metrics") == sent
    assert road.one("SELECT sum(messages) FROM ledger FINAL") == sent
    for table in TABLES:
        road.client.command(f"SYSTEM START MERGES {table}")
        road.client.command(f"OPTIMIZE TABLE {table} FINAL")
    road.assert_exact(sent)


def push_out(road: Road, *, first: int) -> None:
    """Have a range of the other partition stored, whose token takes the only place."""
    stored = "SELECT sum(messages) FROM ledger WHERE `partition` = 1"
    before = road.one(stored)
    road.send(200, first=first)
    until(lambda: road.one(stored) > before, "the other partition's range is stored")
