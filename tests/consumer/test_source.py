"""How librdkafka is brought to fetch at once, and what it knows without asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from road import Road, until

from wattnet.consumer import KafkaSettings
from wattnet.consumer._source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Behind:
    """A client whose answers wait behind a fetch that waits for messages."""

    asked: list[tuple[int, float]] = field(default_factory=list)

    def resume(self, places: list[TopicPartition]) -> None:
        self.resumed = [one.partition for one in places]

    def get_watermark_offsets(self, place: TopicPartition, *, timeout: float) -> None:
        self.asked.append((place.partition, timeout))
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def test_every_partition_is_woken_and_no_answer_is_waited_for() -> None:
    """Each may be on a broker of its own, and the thread that asks has to poll."""
    source = KafkaSource(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    behind = Behind()
    real, source._consumer = source._consumer, behind  # type: ignore[assignment]
    source.resume([0, 1, 2])
    real.close()
    assert behind.resumed == [0, 1, 2]
    assert [partition for partition, _ in behind.asked] == [0, 1, 2]
    assert sum(timeout for _, timeout in behind.asked) < 0.1


@dataclass
class Reader:
    """Reads all that it is assigned."""

    source: KafkaSource

    def assigned(self, partitions: Sequence[int]) -> None:
        self.source.resume(partitions)

    def revoked(self, partitions: Sequence[int]) -> None: ...

    def lost(self, partitions: Sequence[int]) -> None: ...


def test_where_a_partition_ends_is_known_once_it_was_fetched(road: Road) -> None:
    producer = road.raw_producer()
    for _ in range(3):
        producer.produce(road.topic, b"x", partition=0)
    producer.flush()
    source = KafkaSource(road.settings.kafka)
    assert not any(source.ends_at(number, 0) for number in range(road.partitions)), "nothing was fetched yet"
    source.subscribe(Reader(source))
    read = 0

    def all_is_read() -> bool:
        nonlocal read
        read += len(source.poll(100, 0.1))
        return read == 3

    try:
        until(all_is_read, "all is read")
        assert [source.ends_at(0, offset) for offset in (2, 3, 4)] == [False, True, False]
        assert not source.ends_at(99, 0), "nor of what nobody knows"
    finally:
        source.close()
