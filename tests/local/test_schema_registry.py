"""The stack with a schema registry, and ClickHouse's own Kafka engine on all three."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING

import clickhouse_connect
import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

if TYPE_CHECKING:
    from wattnet.local import LocalStack

FIELDS: list[object] = [{"name": "name", "type": "string"}, {"name": "value", "type": ["null", "double"]}]


def avro(fields: list[object]) -> Schema:
    return Schema(json.dumps({"type": "record", "name": "m", "fields": fields}), "AVRO")


def test_schemas_must_stay_readable_and_survive_a_kill(registry_stack: LocalStack) -> None:
    assert registry_stack.schema_registry is not None
    assert registry_stack.env["SCHEMA_REGISTRY_URL"] == registry_stack.schema_registry_url
    registry = SchemaRegistryClient({"url": registry_stack.schema_registry_url})
    assert registry.get_compatibility() == "BACKWARD"
    number = registry.register_schema("kept-value", avro(FIELDS))
    with pytest.raises(SchemaRegistryError, match="409"):
        registry.register_schema("kept-value", avro([*FIELDS, {"name": "more", "type": "string"}]))
    registry_stack.schema_registry.kill()
    registry_stack.schema_registry.start()
    again = SchemaRegistryClient({"url": registry_stack.schema_registry_url})
    assert again.get_latest_version("kept-value").schema_id == number
    assert again.register_schema("kept-value", avro([*FIELDS, {"name": "more", "type": "string", "default": ""}])) > 0


def test_the_kafka_engine_reads_the_topic(registry_stack: LocalStack) -> None:
    registry = SchemaRegistryClient({"url": registry_stack.schema_registry_url})
    number = registry.register_schema("engine-value", avro(FIELDS))
    schema = fastavro.parse_schema(json.loads(avro(FIELDS).schema_str or ""))
    producer = Producer({"bootstrap.servers": registry_stack.bootstrap_servers})
    for value in range(1000):
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, {"name": "zone_load", "value": value / 7})
        producer.produce("wattnet.metrics", b"\x00" + number.to_bytes(4, "big") + body.getvalue())
    producer.produce("wattnet.metrics", b"\x00 garbage")
    assert producer.flush(20) == 0
    client = clickhouse_connect.get_client(dsn=registry_stack.clickhouse_url, autogenerate_session_id=False)
    client.command("CREATE TABLE stored (name String, value Nullable(Float64), error String) ENGINE = Memory")
    client.command(
        f"""CREATE TABLE engine (name String, value Nullable(Float64)) ENGINE = Kafka SETTINGS
            kafka_broker_list = '{registry_stack.bootstrap_servers}', kafka_topic_list = 'wattnet.metrics',
            kafka_group_name = 'engine', kafka_format = 'AvroConfluent', kafka_handle_error_mode = 'stream',
            format_avro_schema_registry_url = '{registry_stack.schema_registry_url}'"""
    )
    client.command("CREATE MATERIALIZED VIEW pump TO stored AS SELECT name, value, _error AS error FROM engine")
    deadline = time.monotonic() + 60
    while (rows := client.command("SELECT count() FROM stored")) != 1001:
        assert time.monotonic() < deadline, f"{rows} rows"
        time.sleep(0.2)
    assert client.query("SELECT count(), sum(value) FROM stored WHERE error = ''").result_rows == [
        (1000, pytest.approx(sum(range(1000)) / 7))
    ]
    started = time.monotonic()
    registry_stack.clickhouse.stop()
    assert time.monotonic() - started < 3, "a running engine does not hold the stop up"
    registry_stack.clickhouse.start()
