"""How fast metrics are sent: our producer, the bare client, and the client's own Avro serializer.

    python -m benchmarks.send

All three deliver the same 200-byte records of 3,600 series to a fresh topic of 12 partitions on the same broker, with
the same librdkafka configuration, idempotent and acknowledged by all. The time is that of the loop and the flush:

    ours             Producer.send(metric) for each metric: encodes, sets knowledge_time; its series were met before
    produce          confluent-kafka's documented loop, poll(0) and produce(…, on_delivery=…) for each message,
                     with keys and values that were encoded beforehand: what no producer in Python can reach
    avro_serializer  the same loop with AvroSerializer(record) as value; records are dicts made beforehand, keys ready

They take turns for five rounds; the result is each one's median.
"""

from __future__ import annotations

import gc
import statistics
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer as KafkaProducer
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from wattnet.producer import Producer, create_topic

# The one private import: a copy of the configuration would drift, and then unlike things would be compared.
from wattnet.producer._config import librdkafka_config
from wattnet.schemas import (
    METRIC_FINGERPRINT,
    METRIC_SCHEMA_JSON,
    Metric,
    MetricEncoder,
    MetricType,
    single_object_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

SERIES = 3_600
ROUNDS = 5
# AvroSerializer is slow: a fifth of the messages gives its rate.
SLOW_SHARE = 5
QUEUE = 100_000


def measure(bootstrap_servers: str, *, messages: int = 300_000) -> dict[str, float]:
    """Messages per second, delivered: `{"ours": …, "produce": …, "avro_serializer": …}`.

    `messages` is how many each sends in a round, avro_serializer a fifth of that.
    """
    metrics = make_metrics(messages)
    ready = make_ready(metrics)
    records = [make_record(metric) for metric in metrics[: len(metrics) // SLOW_SHARE]]
    contestants: dict[str, Callable[[str], float]] = {
        "ours": lambda topic: run_ours(bootstrap_servers, topic, metrics),
        "produce": lambda topic: run_produce(bootstrap_servers, topic, ready),
        "avro_serializer": lambda topic: run_avro_serializer(bootstrap_servers, topic, records, ready),
    }
    return by_turns(bootstrap_servers, contestants)


def by_turns(bootstrap_servers: str, contestants: Mapping[str, Callable[[str], float]]) -> dict[str, float]:
    """Each one's median of ROUNDS rounds, in each of which all run, one after the other, into a fresh topic."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.freeze()  # or the collector walks the prepared data of all in the time of one
    try:
        for _ in range(ROUNDS):
            for name, run in contestants.items():
                rates[name].append(on_fresh_topic(bootstrap_servers, run))
    finally:
        gc.unfreeze()
    return {name: statistics.median(of_rounds) for name, of_rounds in rates.items()}


def make_metrics(count: int) -> list[Metric]:
    """Hourly generation of 3,600 series, hour by hour, as a module computes it."""
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    labels = [
        {
            "zone": f"Z{series % 60:02d}",
            "production_type": f"type_{series // 60:02d}",
            "unit": "MW",
            "datasource": "entsoe",
            "data_state": "final",
        }
        for series in range(SERIES)
    ]
    return [
        Metric(MetricType.ZONE_GENERATION, n * 0.25, start + timedelta(hours=n // SERIES), labels[n % SERIES])
        for n in range(count)
    ]


def make_ready(metrics: Sequence[Metric]) -> list[tuple[bytes, bytes]]:
    encoder = MetricEncoder(single_object_header(METRIC_FINGERPRINT))
    now_us = time.time_ns() // 1000
    return [encoder.encode(metric, now_us + n) for n, metric in enumerate(metrics)]


def make_record(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "value": metric.value,
        "timestamp": metric.timestamp,
        "labels": dict(metric.labels),
        "knowledge_time": metric.timestamp,
        "valid": metric.valid,
        "zone_status": metric.zone_status,
        "data_state": metric.data_state,
        "attributes": dict(metric.attributes),
    }


def on_fresh_topic(bootstrap_servers: str, run: Callable[[str], float]) -> float:
    topic = f"benchmark-{uuid.uuid4().hex}"
    create_topic(bootstrap_servers, topic)
    try:
        return run(topic)
    finally:
        admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        admin.delete_topics([topic])[topic].result(30)


def run_ours(bootstrap_servers: str, topic: str, metrics: Sequence[Metric]) -> float:
    with Producer(bootstrap_servers, topic=topic) as producer:
        producer.send_many(metrics[:SERIES])
        producer.flush()  # connected, and every series has been met once
        started = time.perf_counter()
        for metric in metrics:
            producer.send(metric)
        producer.flush()
        return len(metrics) / (time.perf_counter() - started)


def run_produce(bootstrap_servers: str, topic: str, ready: Sequence[tuple[bytes, bytes]]) -> float:
    return run_loop(bare_producer(bootstrap_servers, topic, ready), topic, ready, len(ready))


def run_avro_serializer(
    bootstrap_servers: str, topic: str, records: Sequence[dict[str, Any]], ready: Sequence[tuple[bytes, bytes]]
) -> float:
    registry = SchemaRegistryClient.new_client({"url": f"mock://{topic}"})  # in the process: no time is spent on it
    serialize = AvroSerializer(registry, METRIC_SCHEMA_JSON)
    context = SerializationContext(topic, MessageField.VALUE)
    serialize(records[0], context)  # registers the schema
    values = (serialize(record, context) for record in records)
    messages = zip((key for key, _ in ready), values, strict=False)
    return run_loop(bare_producer(bootstrap_servers, topic, ready), topic, messages, len(records))


def run_loop(producer: KafkaProducer, topic: str, messages: Iterable[tuple[bytes, bytes]], count: int) -> float:
    """confluent-kafka's documented loop over `count` keys and values: messages per second."""
    started = time.perf_counter()
    for key, value in messages:
        producer.poll(0)
        while True:
            try:
                producer.produce(topic, value, key, on_delivery=failed)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0
    return count / (time.perf_counter() - started)


def bare_producer(bootstrap_servers: str, topic: str, ready: Sequence[tuple[bytes, bytes]]) -> KafkaProducer:
    """confluent-kafka's producer as ours configures it, connected."""
    producer = KafkaProducer(librdkafka_config(bootstrap_servers, queue_max_messages=QUEUE, options=None))
    key, value = ready[0]
    producer.produce(topic, value, key)
    assert producer.flush(60) == 0
    return producer


def failed(error: object, message: object) -> None:
    """Called for failed deliveries only, as ours is (delivery.report.only.error)."""
    raise RuntimeError(f"not delivered: {error} {message}")


def main() -> None:
    from wattnet.local import LocalStack

    with LocalStack() as stack:
        rates = measure(stack.bootstrap_servers)
    for name, rate in rates.items():
        print(f"{name:16} {rate:10,.0f} messages/s   ours is {rates['ours'] / rate:5.2f} times as fast")


if __name__ == "__main__":
    main()
