"""A backlog for every contender: 2 M metrics of 3,600 series in 12 partitions, Confluent framing, on real Kafka."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from wattnet.producer import create_topic
from wattnet.schemas import METRIC_SCHEMA_JSON, Metric, MetricEncoder, confluent_header

ZONES = 60
PRODUCTION_TYPES = 60
SERIES = ZONES * PRODUCTION_TYPES
PARTITIONS = 12
FIRST_HOUR = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Backlog:
    """A topic full of metrics, all distinct revisions."""

    topic: str
    messages: int
    schema_registry_url: str
    bootstrap_servers: str


def metrics_of_hour(hour: int, values: random.Random) -> list[Metric]:
    """One value of each of the 3,600 series."""
    timestamp = FIRST_HOUR + timedelta(hours=hour)
    return [
        Metric(
            "zone_generation",
            round(values.uniform(0, 20_000), 1),
            timestamp,
            {
                "zone": f"Z{zone:02d}",
                "production_type": f"source-{source:02d}",
                "unit": "MW",
                "datasource": "benchmark",
                "data_state": "final",
            },
        )
        for zone in range(ZONES)
        for source in range(PRODUCTION_TYPES)
    ]


def fill(bootstrap_servers: str, schema_registry_url: str, messages: int) -> Backlog:
    """Make the topic and publish the metrics."""
    topic = "benchmark.backlog"
    create_topic(bootstrap_servers, topic, partitions=PARTITIONS)
    registry = SchemaRegistryClient({"url": schema_registry_url})
    schema_id = registry.register_schema(f"{topic}-value", Schema(METRIC_SCHEMA_JSON, "AVRO"))
    encoder = MetricEncoder(confluent_header(schema_id))
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    values = random.Random(2024)
    known_us = time.time_ns() // 1000
    for number in range(messages):
        hour, series = divmod(number, SERIES)
        if series == 0:
            metrics = metrics_of_hour(hour, values)
        key, value = encoder.encode(metrics[series], known_us + number)
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1_000 == 0:
            producer.poll(0)
    producer.flush()
    return Backlog(topic, messages, schema_registry_url, bootstrap_servers)
