"""Messages in Confluent framing, with a real schema registry: known, unknown, interleaved, and the registry away."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from road import Road, load, until

from wattnet.schemas import METRIC_FINGERPRINT, METRIC_SCHEMA_JSON, confluent_header, single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wattnet.local import LocalStack


@pytest.fixture
def road(registry_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """A road through the registry."""
    road = Road(registry_stack, tmp_path, partitions=1)
    yield road
    road.close()


def register(road: Road, subject: str, schema: dict[str, Any]) -> int:
    """Put a schema into the registry; returns its id."""
    registry = SchemaRegistryClient({"url": road.stack.env["SCHEMA_REGISTRY_URL"]})
    return int(registry.register_schema(subject, Schema(json.dumps(schema), "AVRO")))


def encoded(schema: dict[str, Any], hour: int, **fields: Any) -> bytes:
    """A record of an hour, by fastavro."""
    metric = load("RG", hour, float(hour))
    record = {
        "name": metric.name,
        "value": metric.value,
        "timestamp": metric.timestamp,
        "labels": dict(metric.labels),
        "knowledge_time": time.time_ns() // 1000,
        **fields,
    }
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)
    return stream.getvalue()


def test_the_producer_registers_its_schema_and_the_consumer_finds_it(road: Road) -> None:
    with road.producer(schema_registry_url=road.stack.env["SCHEMA_REGISTRY_URL"]) as producer:
        for hour in range(500):
            producer.send(load("RG", hour, float(hour)))
    with road.consumer():
        road.wait_stored(500)
    road.assert_exact(500)


def test_old_and_new_producers_run_side_by_side(road: Road) -> None:
    """Interleaved: a schema without the fields that have defaults, one with a new field, and the other framing."""
    today = json.loads(METRIC_SCHEMA_JSON)
    old = {**today, "fields": today["fields"][:5]}
    new = {**today, "fields": [*today["fields"], {"name": "mood", "type": "string", "default": ""}]}
    ids = register(road, f"{road.topic}-old", old), register(road, f"{road.topic}-new", new)
    raw = road.raw_producer()
    fields = {"valid": True, "attributes": {}}
    for hour in range(0, 1_500, 3):
        raw.produce(road.topic, confluent_header(ids[0]) + encoded(old, hour), partition=0)
        body = encoded(new, hour + 1, **fields, zone_status="preview", data_state="d", mood="fine")
        raw.produce(road.topic, confluent_header(ids[1]) + body, partition=0)
        body = encoded(today, hour + 2, **fields, zone_status="missing", data_state="e")
        raw.produce(road.topic, single_object_header(METRIC_FINGERPRINT) + body, partition=0)
    raw.flush()
    with road.consumer():
        road.wait_stored(1_500)
    road.assert_exact(1_500)
    rows = road.sql(
        "SELECT zone_status, data_state, count(), sum(value) FROM metrics GROUP BY ALL ORDER BY zone_status"
    )
    # Every third hour from 0, 1 and 2 on: 3 times 0 + 1 + ... + 499, and 500 times where they begin.
    assert rows == [
        ("missing", "e", 500, 374_250.0 + 1_000),
        ("preview", "d", 500, 374_250.0 + 500),
        ("complete", "", 500, 374_250.0),
    ]


def test_ids_that_the_registry_does_not_know_become_dead_letters(road: Road) -> None:
    """Unknown, or a schema that is no metric's."""
    other = {"type": "record", "name": "Other", "fields": [{"name": "topic", "type": "string"}]}
    known = register(road, f"{road.topic}-value", json.loads(METRIC_SCHEMA_JSON))
    foreign = register(road, f"{road.topic}-other", other)
    fields = {"valid": True, "zone_status": "complete", "data_state": "", "attributes": {}}
    raw = road.raw_producer()
    raw.produce(road.topic, confluent_header(999_999) + b"anything", partition=0)
    raw.produce(road.topic, confluent_header(foreign) + b"\x02a", partition=0)
    raw.produce(road.topic, confluent_header(known) + encoded(json.loads(METRIC_SCHEMA_JSON), 0, **fields), partition=0)
    raw.flush()
    with road.consumer():
        road.wait_stored(3)
    road.assert_exact(3, refused=2)
    assert road.sql("SELECT `offset`, reason FROM dead_letters ORDER BY `offset`") == [
        (0, "unknown schema id"),
        (1, "not a metric's schema"),
    ]


def test_a_registry_that_is_down_is_waited_for(road: Road) -> None:
    """Its silence is not an unknown id: nothing becomes a dead letter, all is stored when it is back."""
    with road.producer(schema_registry_url=road.stack.env["SCHEMA_REGISTRY_URL"]) as producer:
        for hour in range(500):
            producer.send(load("RG", hour, float(hour)))
    registry = road.stack.schema_registry
    assert registry is not None
    registry.kill()
    with road.consumer() as consumer:
        until(lambda: "schema registry cannot be reached" in consumer.logged(), "it asked in vain")
        assert road.sql("SELECT count() FROM ledger") == [(0,)]
        assert consumer.process.poll() is None
        registry.start()
        road.wait_stored(500)
    road.assert_exact(500)


def test_known_schemas_work_while_the_registry_is_down(road: Road) -> None:
    """What was asked once is remembered: those go on; a range with an id that is new waits, and no more than it."""
    today = json.loads(METRIC_SCHEMA_JSON)
    known = register(road, f"{road.topic}-known", today)
    new = register(road, f"{road.topic}-new", {**today, "doc": "the same under another id"})
    fields = {"valid": True, "zone_status": "complete", "data_state": "", "attributes": {}}
    raw = road.raw_producer()

    def publish(schema_id: int, hours: range) -> None:
        for hour in hours:
            raw.produce(road.topic, confluent_header(schema_id) + encoded(today, hour, **fields), partition=0)
        raw.flush()

    registry = road.stack.schema_registry
    assert registry is not None
    with road.consumer() as consumer:
        publish(known, range(100))
        road.wait_stored(100)
        registry.kill()
        try:
            publish(known, range(100, 300))
            road.wait_stored(300)
            assert "schema registry" not in consumer.logged(), "nobody had to be asked"
            publish(new, range(300, 500))
            until(
                lambda: f"cannot be reached for schema {new}" in consumer.logged(), "the new one is asked for in vain"
            )
            assert road.one("SELECT sum(messages) FROM ledger") == 300
            assert consumer.process.poll() is None
        finally:
            registry.start()
        until(lambda: road.released() == 500, "all of it is released")
    road.assert_exact(500)
