"""ClickHouse comes back as an older copy of its folder: a loud stop that says what to do, and then a clean replay."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import clickhouse_connect
import pytest
from road import until

from wattnet.clickhouse import DatabaseMissingError, connect, migrate_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from road import Road


def folder_of(road: Road) -> Path:
    """Where ClickHouse keeps its data."""
    return road.stack.data_dir / "clickhouse"


@contextmanager
def clickhouse_stopped(road: Road) -> Iterator[Path]:
    """Its folder, while nobody is in it; in the end it runs again, for the tests that come next too."""
    road.stack.clickhouse.kill()
    try:
        yield folder_of(road)
    finally:
        road.stack.clickhouse.start()


@pytest.fixture
def copy(road: Road, tmp_path: Path) -> Path:
    """A copy of ClickHouse's folder that was made when 2,000 messages were stored; 2,000 more came after it."""
    road.send(2_000)
    with road.consumer(WATTNET_MAX_BATCH_ROWS="300"):
        until(lambda: road.released() == 2_000, "the first part is stored")
    with clickhouse_stopped(road) as folder:
        shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    road.send(2_000, first=2_000)
    return tmp_path / "copy"


def restore(road: Road, copy: Path) -> None:
    with clickhouse_stopped(road) as folder:
        shutil.rmtree(folder)
        shutil.copytree(copy, folder, symlinks=True)


def follow_the_advice(road: Road, log: str) -> None:
    """Reset the group's offsets as the last words of a consumer say."""
    advice = {int(partition): int(offset) for partition, offset in re.findall(r"\[(\d+)\]: .*? to (\d+)\b", log)}
    assert set(advice) == set(range(road.partitions)), log
    road.reset_offsets_of(advice)


def test_restored_while_no_consumer_runs(road: Road, copy: Path) -> None:
    with road.consumer():
        until(lambda: road.released() == 4_000, "all of it is released")
    restore(road, copy)
    assert road.one("SELECT sum(messages) FROM ledger") == 2_000, "the fault took place"
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 70
    assert "ClickHouse lost data" in consumer.logged()
    assert road.one("SELECT count() FROM metrics") == 2_000, "nothing was stored behind the hole"
    follow_the_advice(road, consumer.logged())
    with road.consumer():
        until(lambda: road.released() == 4_000, "all of it is released")
    road.assert_exact(4_000)


def test_restored_under_a_running_consumer(road: Road, copy: Path) -> None:
    """It is noticed before anything is stored behind the hole, also by a consumer that saw no error in between."""
    with road.consumer() as consumer:
        until(lambda: road.released() == 4_000, "all of it is released")
        restore(road, copy)
        road.send(1_000, first=4_000)
        assert consumer.process.wait(60) == 70
    assert "ClickHouse lost data" in consumer.logged()
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 70, "started again, it says so of all partitions"
    assert road.one("SELECT count() FROM metrics") == 2_000, "nothing was stored behind the hole"
    follow_the_advice(road, consumer.logged())
    with road.consumer():
        until(lambda: road.released() == 5_000, "all of it is released")
    road.assert_exact(5_000)


def test_a_backup_is_all_that_is_left(road: Road, tmp_path: Path) -> None:
    """The folder is lost. A back-up is restored, and what came after it is read from the topic once more."""
    road.send(1_000)
    with road.consumer(WATTNET_MAX_BATCH_ROWS="300"):
        until(lambda: road.released() == 1_000, "the first part is stored")
    road.client.command(f"BACKUP DATABASE {road.name} TO File('{road.name}')")
    road.send(1_000, first=1_000)
    with road.consumer():
        until(lambda: road.released() == 2_000, "all of it is released")
    lost = tmp_path / "lost"
    with clickhouse_stopped(road) as folder:
        folder.rename(lost)
    try:
        with pytest.raises(DatabaseMissingError):
            connect(road.clickhouse)
        with clickhouse_connect.get_client(dsn=road.stack.clickhouse_url) as client:
            client.command(f"RESTORE DATABASE {road.name} FROM File('{road.name}')")
        consumer = road.start_consumer()
        assert consumer.process.wait(60) == 70
        follow_the_advice(road, consumer.logged())
        with road.consumer() as consumer:
            until(lambda: road.released() == 2_000, "all of it is released")
            # A back-up has no tokens, and the newest range is always repeated.
            assert "is stored twice" in consumer.logged()
        for table in ("metrics", "ledger", "dead_letters"):
            road.client.command(f"OPTIMIZE TABLE {table} FINAL")
        road.assert_exact(2_000)
    finally:
        with clickhouse_stopped(road) as folder:
            shutil.rmtree(folder)
            lost.rename(folder)


def test_everything_anew_from_the_topic(road: Road) -> None:
    """Another group reads it into another database: the same rows."""
    road.send(1_000)
    with road.consumer():
        until(lambda: road.released() == 1_000, "all of it is released")
    anew = f"{road.name}_anew"
    migrate_up(road.clickhouse.model_copy(update={"database": anew}))
    with road.consumer(CLICKHOUSE_DATABASE=anew, KAFKA_GROUP_ID=anew, WATTNET_MAX_BATCH_ROWS="70"):
        until(lambda: road.one(f"SELECT sum(messages) FROM {anew}.ledger") == 1_000, "all of it is stored")
    for table in ("metrics", "newest", "series", "label_values"):
        columns = "* EXCEPT stored_at" if table in {"metrics", "newest"} else "*"
        rows = f"SELECT {columns} FROM {{}} FINAL ORDER BY ALL"
        assert road.sql(rows.format(f"{anew}.{table}")) == road.sql(rows.format(table)), table
    road.client.command(f"DROP DATABASE {anew}")
