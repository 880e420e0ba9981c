"""Commits deleted, rewound, moved ahead, or of messages that are gone: on from the ledger, or a loud stop."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition
from road import Road, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wattnet.local import LocalStack


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """One partition, so that offsets are numbers of messages."""
    road = Road(wattnet_stack, tmp_path, partitions=1)
    yield road
    road.close()


def store(road: Road, count: int) -> None:
    """Send, and let a consumer store and release it."""
    road.send(count)
    with road.consumer(WATTNET_MAX_BATCH_ROWS="300", WATTNET_MIN_BATCH_ROWS="300"):
        until(lambda: road.released() == count, "all of it is released")


def expire_messages(road: Road, before: int) -> None:
    """What retention does, at once."""
    place = TopicPartition(road.topic, 0, before)
    (deleted,) = road.admin.delete_records([place]).values()
    assert deleted.result(30).low_watermark == before, "the fault took place"


def test_offsets_deleted_or_rewound_by_an_operator_double_nothing(road: Road) -> None:
    """The ledger's own ranges are repeated under their tokens, then it goes on."""
    store(road, 1_000)
    road.delete_offsets()
    assert all(one.offset < 0 for one in road.committed()), "the commits are gone"
    road.send(100, first=1_000)
    with road.consumer() as consumer:
        until(lambda: road.released() == 1_100, "all of it is released")
    assert "(1 ranges to repeat" in consumer.logged(), "the newest range, which may have been stored in part"
    road.reset_offsets(150)
    road.send(100, first=1_100)
    with road.consumer() as consumer:
        until(lambda: road.released() == 1_200, "all of it is released")
    assert "(5 ranges to repeat" in consumer.logged(), "all since the one that the rewind went into"
    road.assert_exact(1_200)


def test_offsets_moved_ahead_by_an_operator_stop_it(road: Road) -> None:
    """Nothing is skipped: exit code 70, and where to go back to: the newest stored range."""
    store(road, 500)
    road.send(500, first=500)
    road.reset_offsets(800)
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 70
    assert "moved the group's offsets ahead" in consumer.logged()
    assert "reset the group's offset of this partition to 300" in consumer.logged()
    assert road.one("SELECT sum(messages) FROM ledger") == 500
    road.reset_offsets(300)
    with road.consumer():
        until(lambda: road.released() == 1_000, "all of it is released")
    road.assert_exact(1_000)


def test_messages_that_expired_before_they_were_read_stop_it(road: Road) -> None:
    """Exit code 70; after the reset that it names it goes on, and `verify` keeps showing the gap."""
    store(road, 500)
    road.send(500, first=500)
    expire_messages(road, 800)
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 70
    assert "messages from 500 to 800 are not stored and Kafka no longer holds them" in consumer.logged()
    assert "reset the group's offset of this partition to 800" in consumer.logged()
    road.reset_offsets(800)
    with road.consumer():
        until(lambda: road.released() == 1_000, "what is left is released")
    assert road.sql("SELECT count(), uniqExact(`offset`) FROM metrics") == [(700, 700)]
    assert [str(problem) for problem in road.verdict().problems] == [
        "gap: partition 0 [500, 800): nothing of it is in the ledger"
    ]


def test_messages_that_expire_under_a_running_consumer_stop_it(road: Road) -> None:
    """It was paused for a while, kept its session, and what it would have read next is gone."""
    store(road, 500)
    # A fetch that waits at the broker may still bring the first batch, but one of ten messages, and no second one.
    consumer = road.start_consumer(KAFKA_OPTIONS='{"max.partition.fetch.bytes": 1000}')
    try:
        until(lambda: "goes on at 500" in consumer.logged(), "it reads")
        os.kill(consumer.process.pid, signal.SIGSTOP)
        road.send(500, first=500, options={"batch.num.messages": 10})
        expire_messages(road, 800)
        os.kill(consumer.process.pid, signal.SIGCONT)
        assert consumer.process.wait(60) == 70, consumer.logged()
    finally:
        consumer.kill()
    assert "Kafka does not hold offset" in consumer.logged()
    assert road.one("SELECT max(last_offset) FROM ledger") < 520, "nothing was skipped silently"
