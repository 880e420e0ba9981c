"""The usual Python consumer, to compare with: decode each record, insert rows, commit after the insert.

At least once, no dead letters, no proof. Run as a program: bootstrap servers, topic, group, ClickHouse URL, database,
number of messages.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import clickhouse_connect
import fastavro
from confluent_kafka import Consumer, Message

from wattnet.schemas import METRIC_SCHEMA_JSON

BATCH_ROWS = 50_000
PREFIX_BYTES = 5
COLUMNS = (
    "topic", "partition", "offset", "kafka_time", "name", "value", "timestamp", "labels", "knowledge_time", "valid",
    "zone_status", "data_state", "attributes",
)  # fmt: skip


def main(bootstrap_servers: str, topic: str, group: str, clickhouse_url: str, database: str, messages: int) -> None:
    """Consume so many messages, then end."""
    schema = fastavro.parse_schema(json.loads(METRIC_SCHEMA_JSON))
    client = clickhouse_connect.get_client(dsn=clickhouse_url, database=database)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    rows: list[tuple[Any, ...]] = []
    stored = 0
    while stored < messages:
        rows += [_row(message, schema) for message in consumer.consume(10_000, timeout=1.0)]
        if len(rows) >= BATCH_ROWS or stored + len(rows) >= messages:
            client.insert("metrics_ingest", rows, column_names=COLUMNS)
            consumer.commit(asynchronous=False)
            stored += len(rows)
            rows = []
    consumer.close()


def _row(message: Message, schema: Any) -> tuple[Any, ...]:
    record: Any = fastavro.schemaless_reader(io.BytesIO((message.value() or b"")[PREFIX_BYTES:]), schema, None)
    return (
        message.topic(), message.partition(), message.offset(), message.timestamp()[1], record["name"],
        record["value"], record["timestamp"], record["labels"], record["knowledge_time"], record["valid"],
        record["zone_status"], record["data_state"], record["attributes"],
    )  # fmt: skip


if __name__ == "__main__":
    servers, topic, group, url, database, messages = sys.argv[1:]
    main(servers, topic, group, url, database, int(messages))
