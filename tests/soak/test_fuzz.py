"""Messages that are wrong in every way never stop the consumer: each is a row, or a dead letter with a reason."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from mutants import fuzzed
from road import until

if TYPE_CHECKING:
    from road import Road
    from scale import Scale

ROUND = 100_000


def test_fuzzed_messages_are_rows_or_dead_letters(road: Road, scale: Scale) -> None:
    messages = scale(20_000, 1_000_000)
    seed = random.randrange(2**32)
    scale.tell(f"{messages:,} fuzzed messages, seed {seed}")
    healthy = send(road, seed, messages)
    began_s = time.monotonic()
    with road.consumer(WATTNET_BREAKER_SHARE="1", WATTNET_LOG_LEVEL="info") as consumer:
        while (stored := int(road.one("SELECT sum(messages) FROM ledger"))) < messages:
            assert consumer.process.poll() is None, consumer.logged()
            assert time.monotonic() - began_s < 60 + messages / 200, f"{stored:,} of {messages:,} after so long"
            scale.tell(f"{stored:,} stored")
            time.sleep(0.2 if messages < ROUND else 5)
        until(lambda: road.released() == messages, "all of it is released")
    took_s = time.monotonic() - began_s
    refused = int(road.one("SELECT count() FROM dead_letters"))
    scale.tell(f"{messages:,} in {took_s:.1f} s: {refused:,} dead letters, {messages / took_s:,.0f} messages/s")
    for reason, count in road.sql("SELECT reason, count() FROM dead_letters GROUP BY reason ORDER BY count() DESC"):
        scale.tell(f"{count:10,} {reason}")
    assert messages / 10 < refused < messages, "most were broken"
    road.assert_exact(messages, refused)
    assert road.one("SELECT count() FROM dead_letters WHERE reason IN ('', 'refused by ClickHouse')") == 0, (
        "what ClickHouse refuses is known beforehand: no range is halved"
    )
    letters = set(road.sql("SELECT `partition`, `offset` FROM dead_letters"))
    assert not healthy & letters, "what was left as it was is a row"


def send(road: Road, seed: int, messages: int) -> set[tuple[int, int]]:
    """Publish them, in turn to every partition; returns where the healthy ones stand."""
    healthy = set()
    producer = road.raw_producer()
    for number, one in enumerate(fuzzed(seed, messages)):
        offset, partition = divmod(number, road.partitions)
        if one.healthy:
            healthy.add((partition, offset))
        while True:
            try:
                producer.produce(road.topic, one.value, one.key, partition=partition, headers=one.headers)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0
    return healthy
