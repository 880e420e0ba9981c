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
    from road import ConsumerProcess, Road

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


def test_materialized_views_that_throw_one_after_the_other(road: Road) -> None:
    """The tables before it have the range already: the repeat under its token heals the others, and doubles nothing."""
    ahead: list[set[str]] = []
    with road.consumer() as consumer:
        # Each table once, and again while chance has it that none was ahead of another.
        while len(ahead) < len(TABLES) or (not any(ahead) and len(ahead) < 15 * len(TABLES)):
            ahead.append(view_throws(road, consumer, TABLES[len(ahead) % len(TABLES)], len(ahead)))
    assert any(ahead), "some tables had ranges that others had not"
    road.assert_exact(500 * len(ahead))


def view_throws(road: Road, consumer: ConsumerProcess, table: str, turn: int) -> set[str]:
    """Break the view that fills the table, send 500, heal it; returns which tables had them before."""
    before = {one: road.one(f"SELECT count() FROM {one}") for one in TABLES}
    # Of each row, for a constant condition would throw before anything is stored.
    with condition_in(road, table, f"throwIf(rand() < 4294967296, 'broken {table}') = 0"):
        road.send(500, first=turn * 500)

        def stored_elsewhere() -> set[str]:
            return {one for one in TABLES if road.one(f"SELECT count() FROM {one}") > before[one]}

        # Which tables an attempt reaches before the view throws is ClickHouse's business: look at several attempts.
        until(lambda: consumer.logged().count(f"broken {table}") >= (1 if stored_elsewhere() else 6), "the view threw")
        ahead = stored_elsewhere()
    assert table not in ahead
    until(lambda: road.released() == turn * 500 + 500, "all of it is released")
    return ahead
