"""wait_visible: it returns when ClickHouse has it, not before, and says why when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from road import load

from wattnet.producer import FlushTimeoutError, MemoryProducer, Producer, VisibilityTimeoutError

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def test_what_was_waited_for_is_read_and_nothing_is_before_the_insert(road: Road, proxy: ClickHouseProxy) -> None:
    with road.producer() as producer:
        producer.send_many(load(f"Z{n}", 0, float(n)) for n in range(20))
        producer.flush(30)
        with pytest.raises(VisibilityTimeoutError, match=r"no members: start `wattnet consume`") as alone:
            producer.wait_visible(1, group_id=road.group)
        assert alone.value.members == 0
        assert sum(alone.value.behind.values()) == 20, "how far each partition has to go"
        gate = proxy.hold_next_insert("response")
        with road.consumer(**proxy.env):
            assert gate.reached.wait(60)
            # A partition is claimed and stored, and the answer is held: nobody knows that it is stored.
            with pytest.raises(VisibilityTimeoutError, match=r"not there yet, by offset: .*has 1 member, ") as held:
                producer.wait_visible(1, group_id=road.group)
            assert held.value.behind
            gate.open()
            producer.wait_visible(60, group_id=road.group)
            assert road.one("SELECT count() FROM metrics") == 20
            for hour in range(1, 4):  # again and again, now that all partitions have commits
                producer.send(load("Z0", hour, float(hour)))
                producer.wait_visible(60, group_id=road.group)
                assert road.one("SELECT count() FROM metrics") == 20 + hour
            producer.wait_visible(60, group_id=road.group)  # nothing new


def test_commits_of_a_topic_that_was_deleted_say_nothing(road: Road) -> None:
    with road.producer() as producer:
        producer.send(load("ES", 0, 1.0))
        producer.flush(30)
        for partition in range(road.partitions):
            road.commit(partition, 100, '{"wattnet":1,"topic_id":"gone","next":100,"messages":0,"start":0}')
        with pytest.raises(VisibilityTimeoutError) as caught:
            producer.wait_visible(1, group_id=road.group)
        assert list(caught.value.behind.values()) == [1]
        for partition in range(road.partitions):  # as the Kafka engine does, and an operator's reset
            road.commit(partition, 100)
        producer.wait_visible(30, group_id=road.group)


def test_nothing_was_sent_so_nothing_is_waited_for() -> None:
    with Producer("127.0.0.1:1") as producer:
        producer.wait_visible(0.1)


def test_what_does_not_reach_the_topic_is_the_flushs_error() -> None:
    producer = Producer("127.0.0.1:1")
    producer.send(load("ES", 0, 1.0))
    with pytest.raises(FlushTimeoutError):
        producer.wait_visible(0.2)
    with pytest.raises(FlushTimeoutError):
        producer.close(0.1)


def test_in_memory_all_is_visible() -> None:
    with MemoryProducer() as producer:
        producer.send(load("ES", 0, 1.0))
        producer.wait_visible()
