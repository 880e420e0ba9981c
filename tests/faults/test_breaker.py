"""Only poison: the breaker stops the partition, says why, and goes on by itself or by command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from command import Command
from road import until

if TYPE_CHECKING:
    from road import ConsumerProcess, Road

GARBAGE = b"\x00\x00\x00\x00\x00 this is no metric"


def poison(road: Road, count: int) -> None:
    """Messages that nobody can read."""
    raw = road.raw_producer()
    for number in range(count):
        raw.produce(road.topic, GARBAGE + str(number).encode(), partition=0)
    raw.flush()


def opened(consumer: ConsumerProcess) -> list[str]:
    """What the log says about breakers that opened."""
    lines = [json.loads(line) for line in consumer.logged().splitlines() if "stands still" in line]
    return [line["event"] for line in lines if line["level"] == "error"]


def test_only_poison_stops_the_partition_and_readiness_says_why(road: Road) -> None:
    """Nothing is committed past what is stored; the other partitions go on; by command one window more passes."""
    poison(road, 5_000)
    with road.consumer(WATTNET_MAX_BATCH_ROWS="1500", WATTNET_BREAKER_PAUSE_S="3600") as consumer:
        until(lambda: opened(consumer), "the breaker opened")
        stored = road.one("SELECT sum(messages) FROM ledger")
        assert 1_000 <= stored <= 1_500, "the fault took place, and one range went through"
        until(lambda: road.released() == stored, "all that is stored is released")
        status, answer = consumer.http("/readyz")
        assert status == 503
        assert "partition 0 stands still" in answer
        assert "unknown schema id" in answer
        assert consumer.metric("wattnet_consumer_breaker_open") == 1
        assert consumer.metric("wattnet_consumer_dlq_records_total", reason="unknown schema id") == stored
        assert consumer.http("/livez")[0] == 200

        road.send(600)
        others = road.one("SELECT sum(messages) FROM ledger WHERE `partition` = 0") == stored
        until(lambda: consumer.metric("wattnet_consumer_records_total", result="stored") > 0, "the others go on")
        assert others
        assert road.one("SELECT sum(messages) FROM ledger WHERE `partition` = 0") == stored

        closed = Command(road.folder)("close-breakers", consumer.url)
        assert (closed.returncode, closed.stdout) == (0, "partitions that stood still go on, on trial\n")
        until(lambda: len(opened(consumer)) == 2, "it was tried again, and opened again")
        trial = road.one("SELECT sum(messages) FROM ledger WHERE `partition` = 0")
        assert stored < trial <= stored + 1_000
    verdict = road.verdict()
    assert verdict.ok, verdict.problems
    assert verdict.in_flight > 0, "what was not tried is still in Kafka"


def test_it_goes_on_by_itself_when_good_messages_come(road: Road) -> None:
    poison(road, 3_000)
    road.send(3_000)
    with road.consumer(WATTNET_MAX_BATCH_ROWS="1000", WATTNET_BREAKER_PAUSE_S="0.3") as consumer:
        until(lambda: opened(consumer), "the breaker opened")
        road.wait_stored(6_000)
        until(lambda: consumer.ready, "it is ready again")
        assert "on trial" in consumer.logged()
    road.assert_exact(6_000, refused=3_000)


def test_a_share_of_one_switches_it_off(road: Road) -> None:
    poison(road, 3_000)
    with road.consumer(WATTNET_MAX_BATCH_ROWS="1000", WATTNET_BREAKER_SHARE="1") as consumer:
        road.wait_stored(3_000)
        assert opened(consumer) == []
    road.assert_exact(3_000, refused=3_000)
