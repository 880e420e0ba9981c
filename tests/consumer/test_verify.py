"""`verify` sees whatever is missing or there twice, and is not fooled by what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from road import Road, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_proxy import ClickHouseProxy

    from wattnet.local import LocalStack

MESSAGES = 3_000
TABLES = ("metrics", "ledger", "dead_letters")


@pytest.fixture(scope="module")
def pristine(wattnet_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """Some ranges, and one dead letter in each partition; copies of the tables to mend them by."""
    road = Road(wattnet_stack, tmp_path_factory.mktemp("verify"))
    road.send(MESSAGES)
    raw = road.raw_producer()
    for partition in range(road.partitions):
        raw.produce(road.topic, b"no metric", partition=partition)
    raw.flush()
    total = MESSAGES + road.partitions
    with road.consumer(WATTNET_MAX_BATCH_ROWS="400"):
        until(lambda: road.released() == total, "all of it is released")
    road.assert_exact(total, refused=road.partitions)
    for table in TABLES:
        change(road, f"CREATE TABLE {table}_copy AS {table}")
        change(road, f"INSERT INTO {table}_copy SELECT * FROM {table}")
    yield road
    road.close()


@pytest.fixture
def stored(pristine: Road) -> Road:
    """The same tables for each test, as they were before the last one damaged them."""
    for table in TABLES:
        change(pristine, f"TRUNCATE TABLE {table}")
        change(pristine, f"INSERT INTO {table} SELECT * FROM {table}_copy SETTINGS insert_deduplicate = 0")
    assert pristine.verdict().ok
    return pristine


def kinds(road: Road) -> list[tuple[str, int]]:
    """Kind and partition of each problem."""
    verdict = road.verdict()
    assert not verdict.ok
    assert "NOT exact" in str(verdict)
    return [(problem.kind, problem.partition) for problem in verdict.problems]


def change(road: Road, sql: str) -> None:
    """Damage the tables, at once."""
    road.client.command(sql, settings={"mutations_sync": 2})


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_deleted_ledger_row_is_a_gap(stored: Road, place: str) -> None:
    claims = stored.sql("SELECT claim_first, claim_next FROM ledger WHERE `partition` = 1 ORDER BY claim_first")
    first, next_ = claims[{"first": 0, "middle": len(claims) // 2, "last": -1}[place]]
    change(stored, f"ALTER TABLE ledger DELETE WHERE `partition` = 1 AND claim_first = {first}")
    (problem,) = [one for one in stored.verdict().problems if one.kind == "gap"]
    assert (problem.partition, problem.first, problem.next) == (1, first, next_)


def test_a_range_stored_twice_is_a_double(stored: Road) -> None:
    change(stored, "INSERT INTO ledger SELECT * FROM ledger WHERE `partition` = 2 AND claim_first = 0")
    assert ("double", 2) in kinds(stored)


def test_overlapping_claims_are_a_double(stored: Road) -> None:
    change(
        stored,
        "INSERT INTO ledger SELECT * REPLACE (claim_first + 1 AS claim_first, first_offset + 1 AS first_offset, "
        "messages - 1 AS messages, claim_messages - 1 AS claim_messages) "
        "FROM (SELECT * FROM ledger WHERE `partition` = 0 AND claim_first = 0)",
    )
    assert ("double", 0) in kinds(stored)


def test_rows_of_metrics_that_are_there_twice_are_a_double(stored: Road) -> None:
    """The ledger is right, the rows are not: their offsets are named."""
    change(stored, "SYSTEM STOP MERGES metrics")
    change(stored, "INSERT INTO metrics SELECT * FROM metrics WHERE `partition` = 1 AND `offset` BETWEEN 10 AND 20")
    (problem,) = stored.verdict().problems
    assert (problem.kind, problem.partition, problem.first, problem.next) == ("double", 1, 10, 21)


def test_a_part_that_is_missing_is_incomplete(stored: Road) -> None:
    """The dead letter's part of a claim is gone from the ledger."""
    change(stored, "ALTER TABLE ledger DELETE WHERE `partition` = 0 AND refused > 0")
    assert {kind for kind, partition in kinds(stored) if partition == 0} & {"incomplete", "gap"}


def test_a_dropped_dead_letter_is_named(stored: Road) -> None:
    change(stored, "ALTER TABLE dead_letters DELETE WHERE `partition` = 2")
    assert kinds(stored) == [("dead_letters", 2)]


def test_a_topic_that_nobody_consumed_is_in_flight(road: Road) -> None:
    road.send(100)
    verdict = road.verdict()
    assert verdict.ok
    assert (verdict.stored, verdict.in_flight) == (0, 100)
    assert "100 in flight; no consumer is running" in str(verdict)


def test_it_judges_rightly_while_a_range_is_under_way(road: Road, proxy: ClickHouseProxy) -> None:
    road.send(MESSAGES)
    gate = proxy.hold_next_insert("request")
    with road.consumer(**proxy.env):
        assert gate.reached.wait(60)
        verdict = road.verdict()
        gate.open()
        until(lambda: road.released() == MESSAGES, "all of it is released")
    assert verdict.ok, verdict.problems
    assert verdict.in_flight > 0, "a claimed range was held at the time"
    road.assert_exact(MESSAGES)


def test_the_verdict_as_json_names_everything(stored: Road) -> None:
    change(stored, "ALTER TABLE dead_letters DELETE WHERE `partition` = 2")
    told = stored.verdict().to_dict()
    assert told["ok"] is False
    assert (told["stored"], told["refused"]) == (MESSAGES + 3, 3)
    assert told["problems"][0]["kind"] == "dead_letters"
    assert {one["partition"] for one in told["partitions"]} == {0, 1, 2}
