"""A topic deleted and made again: same name, same offsets, other data. All of the new data is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka.admin import NewTopic
from road import load, until

if TYPE_CHECKING:
    from road import Road


def make_again(road: Road) -> None:
    """Delete the topic and create it under the same name."""
    before = road.topic_id()
    road.admin.delete_topics([road.topic])[road.topic].result(30)
    until(lambda: road.topic not in road.admin.list_topics(timeout=5).topics, "the topic is gone")
    road.admin.create_topics([NewTopic(road.topic, road.partitions, 1)])[road.topic].result(30)
    until(lambda: road.topic in road.admin.list_topics(timeout=5).topics, "the topic is there again")
    assert road.topic_id() != before, "the fault took place"


def test_made_again_while_no_consumer_runs(road: Road) -> None:
    """The old commits are void, the old tokens do not match: nothing is taken for a repeat."""
    for zone in ("R1", "R2"):
        with road.producer() as producer:
            for hour in range(3_000):
                producer.send(load(zone, hour, float(hour)))
        with road.consumer(WATTNET_MAX_BATCH_ROWS="3000"):
            until(
                lambda: road.one(f"SELECT sum(messages) FROM ledger WHERE topic_id = '{road.topic_id()}'") == 3_000,
                "all of today's topic is stored",
            )
        if zone == "R1":
            make_again(road)
    assert road.sql(
        "SELECT zone, count(), uniqExact(`partition`, `offset`) FROM metrics GROUP BY zone ORDER BY zone"
    ) == [
        ("R1", 3_000, 3_000),
        ("R2", 3_000, 3_000),
    ]
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
