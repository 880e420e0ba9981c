"""A topic deleted and made again: same name, same offsets, other data. All of the new data is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from road import load, until

from wattnet.producer import create_topic

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def make_again(road: Road, *, partitions: int | None = None) -> None:
    """Delete the topic and create it under the same name, with as many partitions or others."""
    before, road.partitions = road.topic_id(), partitions or road.partitions
    road.admin.delete_topics([road.topic])[road.topic].result(30)
    until(lambda: road.topic not in road.admin.list_topics(timeout=5).topics, "the topic is gone")
    assert create_topic(road.stack.bootstrap_servers, road.topic, partitions=road.partitions)
    until(lambda: road.topic in road.admin.list_topics(timeout=5).topics, "the broker shows what the controller made")
    assert road.topic_id() != before, "the fault took place"


def test_made_again_while_no_consumer_runs(road: Road) -> None:
    """The old commits are void, the old tokens do not match: the same offsets are not taken for a repeat."""
    for turn in range(2):
        with road.producer() as producer:
            for hour in range(3_000):
                producer.send(load("RA", turn * 3_000 + hour, float(hour)))
        with road.consumer(WATTNET_FLUSH_INTERVAL_S="1"):
            until(
                lambda: road.one(f"SELECT sum(messages) FROM ledger WHERE topic_id = '{road.topic_id()}'") == 3_000,
                "all of today's topic is stored",
            )
            until(lambda: road.released() == 3_000, "all of it is released")
        if turn == 0:
            make_again(road)
    ranges = road.sql("SELECT `partition`, claim_first, claim_next, uniqExact(topic_id) FROM ledger GROUP BY ALL")
    assert ranges == [(ranges[0][0], 0, 3_000, 2)], "the same range, of two topics"
    assert road.sql("SELECT count(), uniqExact(timestamp) FROM metrics") == [(6_000, 6_000)]
    verdict = road.verdict()
    assert verdict.ok, verdict.problems
    assert verdict.stored == 6_000


def test_made_again_under_a_running_consumer(road: Road) -> None:
    """Noticed within seconds, also when the new topic has more messages than the old one had."""
    road.send(1_000)
    with road.consumer():
        road.wait_stored(1_000)
        make_again(road)
        with road.producer() as producer:
            for hour in range(5_000):
                producer.send(load("RN", hour, float(hour)))
        until(
            lambda: road.one(f"SELECT sum(messages) FROM ledger WHERE topic_id = '{road.topic_id()}'") == 5_000,
            "all of the new topic is stored",
        )
    assert road.sql("SELECT count(), uniqExact(`partition`, `offset`) FROM metrics WHERE zone = 'RN'") == [
        (5_000, 5_000)
    ]
    verdict = road.verdict()
    assert verdict.ok, verdict.problems


def test_made_again_with_other_partitions_while_an_insert_of_the_old_one_is_on_the_way(
    road: Road, proxy: ClickHouseProxy
) -> None:
    """The late insert stays the old topic's; the partitions of the new one are read from their beginning."""
    road.send(1_000)
    old = road.topic_id()
    gate = proxy.hold_next_insert("request")
    with road.consumer(**proxy.env) as consumer:
        assert gate.reached.wait(60), consumer.logged()
        make_again(road, partitions=5)
        road.send(2_000, first=1_000)
        until(lambda: f"(id {road.topic_id()})" in consumer.logged(), "it reads the new one")
        assert road.one(f"SELECT sum(messages) FROM ledger WHERE topic_id = '{old}'") < 1_000
        gate.open()
        until(lambda: road.released() == 2_000, "all of the new topic is released")
    assert road.sql("SELECT count(), uniqExact(topic_id, `partition`, `offset`) FROM metrics") == [(3_000, 3_000)]
    assert road.one(f"SELECT uniqExact(`partition`) FROM ledger WHERE topic_id = '{road.topic_id()}'") > 3
    verdict = road.verdict()
    assert verdict.ok, verdict.problems
    assert (verdict.stored, verdict.in_flight) == (3_000, 0)
