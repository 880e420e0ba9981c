"""How librdkafka is brought to fetch at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from wattnet.consumer import KafkaSettings
from wattnet.consumer._source import KafkaSource


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
