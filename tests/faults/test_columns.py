"""Columns come and go while a consumer runs: values stay in their columns, or it stops; never are they mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from road import load, until

if TYPE_CHECKING:
    from road import Road

ROWS = """
    SELECT count() FROM metrics
    WHERE name = 'zone_load' AND zone = 'CC' AND value = dateDiff('hour', toDateTime('2025-03-01', 'UTC'), timestamp)
      AND NOT retracted AND valid AND zone_status = 'complete'
"""


def send(road: Road, first: int, count: int) -> None:
    """Values that say their hour, with a data_state and an attribute."""
    with road.producer() as producer:
        for hour in range(first, first + count):
            producer.send(load("CC", hour, float(hour), data_state="early"))


def test_columns_added_and_dropped_live(road: Road) -> None:
    """New ones get their defaults, wherever they stand; a dropped one is left out; all others hold what was sent."""
    with road.consumer() as consumer:
        send(road, 0, 500)
        until(lambda: road.released() == 500, "stored before")
        road.client.command("ALTER TABLE metrics_ingest ADD COLUMN mood String DEFAULT 'fine' FIRST")
        road.client.command("ALTER TABLE metrics ADD COLUMN note String DEFAULT 'none' FIRST")
        road.client.command("ALTER TABLE metrics ADD COLUMN factor Float64 DEFAULT 1.5 AFTER timestamp")
        send(road, 500, 500)
        until(lambda: road.released() == 1_000, "stored with the new columns")
        road.client.command("ALTER TABLE metrics DROP COLUMN data_state")
        send(road, 1_000, 500)
        until(lambda: road.released() == 1_500, "stored without the dropped column")
        assert consumer.process.poll() is None
    assert road.one(ROWS) == 1_500, "every value in its column"
    assert road.sql("SELECT DISTINCT note, factor FROM metrics") == [("none", 1.5)]
    assert road.sql("DESCRIBE TABLE metrics_ingest")[0][0] == "mood", "the fault took place"
    road.assert_exact(1_500)


def test_a_column_that_the_views_read_cannot_be_dropped(road: Road) -> None:
    """ClickHouse itself refuses: it would have to be done on purpose, view first."""
    for column in ("value", "data_state", "claim_first"):
        with pytest.raises(DatabaseError, match=r"ILLEGAL_COLUMN|ALTER_OF_COLUMN_IS_FORBIDDEN"):
            road.client.command(f"ALTER TABLE metrics_ingest DROP COLUMN {column}")


def test_a_table_that_is_taken_away_stops_it(road: Road) -> None:
    """Exit code 78, with what to run; nothing is skipped, and all is there once the table is back."""
    with road.consumer() as consumer:
        send(road, 0, 500)
        until(lambda: road.released() == 500, "stored before")
        road.client.command("RENAME TABLE metrics TO metrics_elsewhere")
        send(road, 500, 500)
        assert consumer.process.wait(60) == 78
    assert "wattnet migrate status" in consumer.logged()
    assert road.released() <= 500, "nothing is committed as stored"
    road.client.command("RENAME TABLE metrics_elsewhere TO metrics")
    with road.consumer():
        until(lambda: road.released() == 1_000, "all of it is released")
    road.assert_exact(1_000)
