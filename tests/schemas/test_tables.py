"""What a Metric takes, the tables take, and it comes back bit for bit: the encoder's bytes in the real ClickHouse."""

from __future__ import annotations

import json
import struct
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hostile import EPOCH, metrics
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import make_tables

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.schemas import METRIC_SCHEMA_JSON, Metric, MetricEncoder
from wattnet.schemas.avro import encode_long, encode_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clickhouse_connect.driver.client import Client

    from wattnet.local import LocalStack

UTC = timezone.utc
SYNC = b"wattnet-test-end"
PLACE = [
    {"name": "topic_id", "type": "string"},
    {"name": "offset", "type": "long"},
    {"name": "kafka_time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
]


@pytest.fixture(scope="module")
def client(wattnet_stack: LocalStack) -> Iterator[Client]:
    """A database of this module's own."""
    where = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"schemas_{uuid.uuid4().hex[:8]}")
    make_tables(where)
    client = connect(where)
    yield client
    client.command(f"DROP DATABASE {where.database}")
    client.close()


def edges() -> list[Metric]:
    """Each limit, exactly reached."""
    now = datetime.now(UTC)
    last = datetime(2064, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    wide = {f"l{n:02d}": "é" * 30 for n in range(64)}
    wide["l00"] += "x" * (4096 - sum(len(k) + len(v.encode()) for k, v in wide.items()))
    return [
        Metric("n" * 200, 1.0, EPOCH, wide, attributes=wide),
        Metric("x", 1.0, last, {"a": "é" * 2047 + "x"}),
        Metric("x", -0.0, EPOCH, {"data_state": "é" * 100}, knowledge_time=EPOCH),
        Metric("x", 5e-324, last, {"\x00": "\x00"}, knowledge_time=now + timedelta(hours=22, minutes=59)),
        Metric("zone_load", None, EPOCH, {"zone": "\U0010ffff", "unit": "u", "datasource": "d", "data_state": "s"}),
    ]


def container(call: str, sent: Sequence[Metric], known: Sequence[int]) -> bytes:
    """An Avro container file with the place in front of each record, as the consumer makes it."""
    schema = json.loads(METRIC_SCHEMA_JSON)
    schema["fields"] = PLACE + schema["fields"]
    encoder = MetricEncoder(b"")
    now_ms = time.time_ns() // 1_000_000
    body = b""
    for offset, (metric, known_us) in enumerate(zip(sent, known, strict=True)):
        place = encode_string(call) + encode_long(offset) + encode_long(now_ms)
        body += place + encoder.encode(metric, known_us)[1]
    meta = {"avro.schema": json.dumps(schema), "avro.codec": "null"}
    pairs = b"".join(encode_string(key) + encode_string(value) for key, value in meta.items())
    block = encode_long(len(sent)) + encode_long(len(body)) + body + SYNC
    return b"Obj\x01" + encode_long(len(meta)) + pairs + b"\x00" + SYNC + block


def bits(value: float | None) -> bytes | None:
    """The eight bytes: -0.0 is not 0.0."""
    return None if value is None else struct.pack("<d", value)


READ_BACK = """
    SELECT `offset`, name, labels, toUnixTimestamp64Micro(timestamp), if(retracted, NULL, value),
           toUnixTimestamp64Micro(knowledge_time), valid, zone_status, data_state, attributes
    FROM metrics INNER JOIN (SELECT series_id, any(labels) AS labels FROM series GROUP BY series_id) AS s
    USING series_id
    WHERE topic_id = {call:String} ORDER BY `offset`
"""


def assert_all_land(client: Client, sent: Sequence[Metric]) -> None:
    call = uuid.uuid4().hex
    options = {"input_format_avro_allow_missing_fields": 1, "async_insert": 0}
    now_us = time.time_ns() // 1_000
    known = [m.knowledge_time_us if m.knowledge_time_us is not None else now_us + n for n, m in enumerate(sent)]
    body = container(call, sent, known)
    client.raw_insert("metrics_ingest", insert_block=body, fmt="Avro", settings=options)
    sql = "SELECT reason, detail FROM dead_letters WHERE topic_id = {call:String}"
    assert list(client.query(sql, {"call": call}).result_rows) == []
    read = client.query(READ_BACK, {"call": call}).result_rows
    assert len(read) == len(sent)
    for metric, knowledge_time_us, row in zip(sent, known, read, strict=True):
        _, name, labels, timestamp_us, value, known_us, *quality, attributes = row
        assert (name, labels, timestamp_us) == (metric.name, metric.labels, metric.timestamp_us)
        assert bits(value) == bits(metric.value)
        assert known_us == knowledge_time_us
        assert quality == [metric.valid, metric.zone_status, metric.data_state]
        assert json.loads(attributes or "{}") == metric.attributes


def test_the_limits_are_the_tables_limits(client: Client) -> None:
    assert_all_land(client, edges())


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(metrics(), min_size=10, max_size=30))
def test_whatever_a_metric_takes_lands(client: Client, sent: list[Metric]) -> None:
    assert_all_land(client, sent)
