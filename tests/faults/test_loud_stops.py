"""Where going on could lose or double something, the consumer stops, says why, and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clickhouse_proxy import Refusal
from road import until

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def test_a_clickhouse_that_lost_data_stops_it_and_a_replay_is_clean(road: Road) -> None:
    """Tables older than the commits, as after a restore: exit code 70; reset to the ledger's end, all is stored."""
    road.send(2_000)
    with road.consumer():
        until(lambda: road.released() == 2_000, "all of it is released")
    for table in ("metrics", "series", "ledger"):
        road.client.command(f"TRUNCATE TABLE {table}")
    road.send(100, first=2_000)
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 70
    assert "ClickHouse lost data" in consumer.logged()
    assert "reset the group's offset" in consumer.logged()
    assert road.one("SELECT count() FROM metrics") == 0, "nothing was skipped silently"
    road.reset_offsets(0)
    with road.consumer():
        until(lambda: road.released() == 2_100, "all of it is released")
    road.assert_exact(2_100)


def test_without_a_topic_or_tables_it_says_what_to_run(road: Road) -> None:
    consumer = road.start_consumer(KAFKA_TOPIC="no-such-topic")
    assert consumer.process.wait(60) == 78
    assert "wattnet init" in consumer.logged()
    consumer = road.start_consumer(CLICKHOUSE_DATABASE="no_such_database")
    assert consumer.process.wait(60) == 78
    assert "wattnet migrate up" in consumer.logged()


@pytest.mark.parametrize(
    ("code", "name", "answered"),
    [(241, "MEMORY_LIMIT_EXCEEDED", 0), (252, "TOO_MANY_PARTS", 1), (241, "MEMORY_LIMIT_EXCEEDED", 5)],
)
def test_a_clickhouse_in_trouble_at_the_start_is_waited_for(
    road: Road, proxy: ClickHouseProxy, code: int, name: str, answered: int
) -> None:
    """Whatever it answered before: a supervisor does not start again what ended with 78."""
    road.send(100)
    refusal, sound = Refusal(code, name), iter(range(answered))
    with proxy.ruled(lambda statement: refusal if next(sound, None) is None else statement):
        consumer = road.start_consumer(**proxy.env)
        until(lambda: "not started yet" in consumer.logged() or consumer.process.poll() is not None, "it waits")
        assert consumer.process.poll() is None, consumer.logged()
        assert name in consumer.logged()
        assert refusal.count > 0
    until(lambda: road.released() == 100, "it starts when the trouble is over")
    assert consumer.terminate() == 0, consumer.logged()
    road.assert_exact(100)


def test_it_ends_at_once_although_another_insert_hangs(road: Road, proxy: ClickHouseProxy) -> None:
    """What cannot heal stops it; a writer that waits for ClickHouse does not hold the process."""
    gate = proxy.hold_next_insert("request")
    road.send(3_000)
    consumer = road.start_consumer(**proxy.env, WATTNET_FLUSH_INTERVAL_S="1")
    until(gate.reached.is_set, "an insert hangs")
    # One that meets the renaming is acknowledged, and no view writes it: the next consumer says that data was lost.
    until(
        lambda: sum('"messages":0' in (one.metadata or "") for one in road.committed()) == 2, "the others are released"
    )
    road.client.command("RENAME TABLE metrics_ingest TO elsewhere")
    road.send(3_000, first=3_000)
    assert consumer.process.wait(30) == 78
    assert not gate.decided.is_set(), "it still hung when the process ended"
    assert "ClickHouse refuses every insert" in consumer.logged()
    gate.open()
    road.client.command("RENAME TABLE elsewhere TO metrics_ingest")
    with road.consumer():
        road.wait_stored(6_000)
    road.assert_exact(6_000)


def test_tables_that_would_not_recognize_a_repeat_are_refused(road: Road) -> None:
    """Consuming would work, and would not be exact: it is refused at the start, with the remedy."""
    road.client.command("ALTER TABLE metrics MODIFY SETTING non_replicated_deduplication_window = 0")
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 78
    assert "non_replicated_deduplication_window" in consumer.logged()
    assert all(one.offset < 0 for one in road.committed()), "nothing was claimed"
