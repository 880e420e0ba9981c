"""ClickHouse answers with errors that pass: the consumer backs off, holds its memory, and loses and doubles nothing."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from road import until
from views import condition_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from clickhouse_proxy import ClickHouseProxy
    from road import Road

TABLES = ("metrics", "series", "ledger")


@contextmanager
def too_many_parts(road: Road, _: ClickHouseProxy) -> Iterator[None]:
    """ClickHouse's own refusal: nothing is merged, and the limit is a part."""
    road.client.command("SYSTEM STOP MERGES metrics")
    road.client.command("ALTER TABLE metrics MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1")
    yield
    road.client.command("ALTER TABLE metrics RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
    road.client.command("SYSTEM START MERGES metrics")


@contextmanager
def disk_full(road: Road, _: ClickHouseProxy) -> Iterator[None]:
    """ClickHouse's own refusal: it is to keep more bytes free than any disk has."""
    road.client.command(
        "ALTER TABLE metrics MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000000"
    )
    yield
    road.client.command("ALTER TABLE metrics RESET SETTING min_free_disk_bytes_to_perform_insert")


@contextmanager
def read_only(_: Road, proxy: ClickHouseProxy) -> Iterator[None]:
    """The proxy's answer: chDB has no table that can be made read-only while it runs."""
    with proxy.refusing(242, "TABLE_IS_READ_ONLY"):
        yield


@pytest.mark.parametrize(
    ("fault", "code"),
    [(too_many_parts, 252), (disk_full, 243), (read_only, 242)],
    ids=["too many parts", "disk full", "read-only"],
)
def test_a_table_that_takes_nothing_for_a_while(
    road: Road,
    proxy: ClickHouseProxy,
    fault: Callable[[Road, ClickHouseProxy], AbstractContextManager[None]],
    code: int,
) -> None:
    """Tried again until it heals."""
    road.send(1_000)
    with road.consumer(**proxy.env, WATTNET_MAX_BUFFER_BYTES="2000000") as consumer:
        until(lambda: road.released() == 1_000, "the first part is stored")
        with fault(road, proxy):
            road.send(5_000, first=1_000)
            until(lambda: "attempt 1" in consumer.logged(), "it was refused")
            began, memory = time.monotonic(), consumer.resident_bytes()
            until(lambda: "attempt 5" in consumer.logged(), "it was refused again and again")
            assert time.monotonic() - began > 1, "with growing pauses"
            assert consumer.resident_bytes() < memory + 20e6, "memory is flat"
            assert f"Code: {code}" in consumer.logged(), "for the reason that was made"
            assert road.released() <= 1_000, "nothing is committed as stored"
        until(lambda: road.released() == 6_000, "all of it is released")
    road.assert_exact(6_000)


@pytest.mark.parametrize("table", TABLES)
def test_a_materialized_view_that_throws_when_the_other_tables_have_the_range(
    road: Road, proxy: ClickHouseProxy, table: str
) -> None:
    """The repeat under its token fills the table that lacks the range, and doubles nothing in those that have it."""
    others = [other for other in TABLES if other != table]
    with road.consumer(**proxy.env) as consumer:
        with condition_in(road, table, "false"):
            gate = proxy.hold_next_insert("response")
            road.send(500, zones=1)  # one series, so one partition: every range waits for the one that is held
            assert gate.reached.wait(60), consumer.logged()
            assert all(road.one(f"SELECT count() FROM {other}") for other in others), "the other tables have the range"
        # The row's number, for a constant condition would throw before the insert begins.
        with condition_in(road, table, f"throwIf(rowNumberInBlock() >= 0, 'broken {table}') = 0"):
            gate.drop()
            until(lambda: f"broken {table}" in consumer.logged(), "the view threw")
            assert road.one(f"SELECT count() FROM {table}") == 0
            assert road.released() == 0
        until(lambda: road.released() == 500, "all of it is stored")
    road.assert_exact(500)
