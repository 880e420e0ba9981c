"""A topic as it is: what tests read back from Kafka without a consumer of ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Message, TopicPartition

from wattnet.schemas import METRIC_FINGERPRINT, Metric, decode_metric, single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = single_object_header(METRIC_FINGERPRINT)


def messages(bootstrap_servers: str, topic: str, count: int | None, timeout_s: float = 20) -> list[Message]:
    """All messages of a topic, `count` of them unless that is None; those of a partition in its order."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        # Before fetching starts: on one connection an answer waits behind a fetch that waits for data.
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions]
        assert count is None or sum(ends) == count
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: list[Message] = []
        deadline = time.monotonic() + timeout_s
        while len(found) < sum(ends):
            assert time.monotonic() < deadline
            for message in consumer.consume(10_000, timeout=0.2):
                assert message.error() is None
                found.append(message)
        return found
    finally:
        consumer.close()


def decoded(found: Iterable[Message]) -> list[Metric]:
    """The metrics in messages without a registry's framing."""
    return [decode_metric(bytes(message.value() or b"")[len(HEADER) :]) for message in found]
