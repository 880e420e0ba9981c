"""Two feeders at once, and the Kafka engine's own faults: values stay right, and `verify` says what is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from road import load, until

from wattnet.consumer import BatchSettings, kafka_engine_off, kafka_engine_on, kafka_engine_status
from wattnet.consumer._engine_table import SELECT, EngineTable
from wattnet.producer import create_topic

if TYPE_CHECKING:
    from road import Road

    from wattnet.consumer import Settings

MESSAGES = 600


@pytest.fixture
def road(registry_road: Road) -> Road:
    return registry_road


def quick(road: Road) -> Settings:
    """The road's settings, with short blocks."""
    return road.settings.model_copy(update={"batch": BatchSettings(flush_interval_s=0.2)})


def engine_by_hand(road: Road) -> None:
    """Somebody makes the engine's table and a view without asking."""
    EngineTable(road.client).create(quick(road), group_id=f"{road.group}-by-hand", consumers=1)
    road.client.command(f"CREATE MATERIALIZED VIEW by_hand TO metrics_ingest AS {SELECT}")


def test_values_stay_right_and_verify_reports_the_doubles(road: Road) -> None:
    """Revisions too: of two, both feeders store both, and the later one is current."""
    road.send(MESSAGES)
    with road.producer() as producer:
        for hour in range(5):
            producer.send(load("Z01", hour, -1.0))
    total = MESSAGES + 5
    with road.consumer():
        engine_by_hand(road)
        road.wait_stored(2 * total)
        until(lambda: road.released() == total, "all of it is released")
    for feeder in ("=", "!="):
        rows = f"SELECT sum(messages) FROM ledger WHERE topic_id {feeder} ''"
        assert road.one(rows) == total, "each of the two stored everything"
    until(lambda: road.one("SELECT uniqExact(`partition`, `offset`) FROM metrics FINAL") == total, "the rows are there")
    # Every value is there once, and is the newest one.
    assert road.sql("SELECT count(), uniqExact(series_id, timestamp) FROM current_metrics") == [(MESSAGES, MESSAGES)]
    assert road.one("SELECT count() FROM current_metrics WHERE value = -1") == 5
    assert road.one("SELECT sum(value) FROM current_metrics WHERE value >= 0") == sum(
        number for number in range(MESSAGES) if (number % 30, number // 30) not in {(1, hour) for hour in range(5)}
    )
    road.client.command("OPTIMIZE TABLE metrics FINAL")  # the rows collapse; that they came twice stays known
    verdict = road.verdict()
    assert not verdict.ok
    ends = {one.partition: one.high for one in verdict.partitions}
    assert {(one.kind, one.partition, one.first, one.next) for one in verdict.problems} == {
        ("double", partition, 0, high) for partition, high in ends.items()
    }
    assert all(f"stored {ends[one.partition]} of them as well" in one.detail for one in verdict.problems)


def test_an_engine_that_reads_again_is_a_double(road: Road) -> None:
    """At least once: its group's offsets go back, as when ClickHouse dies between its insert and its commit."""
    road.send(MESSAGES)
    kafka_engine_on(quick(road), consumers=1)
    road.wait_stored(MESSAGES)
    until(lambda: kafka_engine_status(road.settings).lag == 0, "it has committed")
    assert road.verdict().ok
    EngineTable(road.client).stop()
    group, road.group = road.group, f"{road.group}-kafka-engine"
    road.reset_offsets(10)
    road.group = group
    EngineTable(road.client).create(quick(road), group_id=f"{group}-kafka-engine", consumers=1)
    again = MESSAGES - 10 * road.partitions
    road.wait_stored(MESSAGES + again)
    verdict = road.verdict()
    assert sorted((one.kind, one.partition, one.first) for one in verdict.problems) == [
        ("double", partition, 10) for partition in range(road.partitions)
    ]
    until(lambda: road.one("SELECT count() FROM current_metrics") == MESSAGES, "the values are there once")


def test_a_clickhouse_that_dies_under_the_engine_loses_nothing(road: Road) -> None:
    """Killed, and back: the engine reads on from its commit, and the consumers from where it ended."""
    road.send(MESSAGES)
    kafka_engine_on(quick(road), consumers=1)
    road.wait_stored(MESSAGES)
    road.stack.clickhouse.kill()
    road.send(MESSAGES, first=MESSAGES)
    road.stack.clickhouse.start()
    road.wait_stored(2 * MESSAGES)
    assert kafka_engine_off(quick(road)).state == "off"
    road.send(MESSAGES, first=2 * MESSAGES)
    with road.consumer():
        until(lambda: road.one("SELECT sum(messages) FROM ledger WHERE topic_id != ''") >= MESSAGES, "all is stored")
    assert road.one("SELECT uniqExact(`partition`, `offset`) FROM metrics FINAL") == 3 * MESSAGES
    assert road.one("SELECT count() FROM current_metrics") == 3 * MESSAGES
    verdict = road.verdict()
    assert (verdict.untraced, verdict.in_flight) == (0, 0)
    assert {one.kind for one in verdict.problems} <= {"double"}, "what it stored again it is allowed to"


def test_a_view_that_throws_under_the_engine_is_said_and_loses_nothing(road: Road) -> None:
    kafka_engine_on(quick(road), consumers=1)
    road.client.command("RENAME TABLE metrics TO metrics_away")
    road.send(MESSAGES)
    until(lambda: any("metrics" in one for one in kafka_engine_status(road.settings).problems), "status says it")
    assert kafka_engine_status(road.settings).lag == MESSAGES, "nothing was committed"
    road.client.command("RENAME TABLE metrics_away TO metrics")
    until(lambda: road.one("SELECT count() FROM current_metrics") == MESSAGES, "all of it is stored")
    until(lambda: kafka_engine_status(road.settings).problems == (), "it has committed, and the error is history")
    kafka_engine_off(quick(road))
    assert {one.kind for one in road.verdict().problems} <= {"double"}, "what it stored again it is allowed to"


def test_messages_of_an_older_topic_of_that_name_are_no_doubles(road: Road) -> None:
    """The engine's rows have no topic id: those from before the topic was made again are not today's."""
    road.send(MESSAGES)
    kafka_engine_on(quick(road), consumers=1)
    road.wait_stored(MESSAGES)
    kafka_engine_off(quick(road))
    assert road.verdict().by_engine == MESSAGES
    road.admin.delete_topics([road.topic])[road.topic].result(30)
    create_topic(road.stack.bootstrap_servers, road.topic, partitions=road.partitions)
    road.send(MESSAGES)
    with road.consumer():
        until(lambda: road.released() == MESSAGES, "all of it is released")
    verdict = road.verdict()
    assert verdict.ok, [str(problem) for problem in verdict.problems]
    assert (verdict.stored, verdict.by_engine) == (MESSAGES, MESSAGES)
