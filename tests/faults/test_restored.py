"""ClickHouse comes back as an older copy of its folder: a loud stop that says what to do, and then a clean replay."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from road import until

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
