"""Metrics as bytes: byte for byte what Avro says, whatever is in them."""

from __future__ import annotations

import json
import re
import struct
from datetime import timedelta
from importlib.resources import files
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hostile import EPOCH, metrics, microseconds
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import wattnet.schemas._encoder as encoder_module
from wattnet.schemas import (
    METRIC_FINGERPRINT,
    METRIC_SCHEMA_JSON,
    ZONED_METRIC_NAMES,
    DecodeError,
    Metric,
    MetricEncoder,
    confluent_header,
    decode_metric,
    schema_fingerprint,
    shipped_schemas,
    single_object_header,
)

SCHEMA = parse_schema(json.loads(METRIC_SCHEMA_JSON))
HEADER = single_object_header(METRIC_FINGERPRINT)


def by_fastavro(metric: Metric, knowledge_time_us: int) -> bytes:
    stream = BytesIO()
    record = {
        "name": metric.name,
        "value": metric.value,
        "timestamp": metric.timestamp,
        "labels": dict(metric.labels),
        "knowledge_time": knowledge_time_us,
        "valid": metric.valid,
        "zone_status": metric.zone_status,
        "data_state": metric.data_state,
        "attributes": dict(metric.attributes),
    }
    schemaless_writer(stream, SCHEMA, record)
    return stream.getvalue()


def bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(metrics(), microseconds)
def test_encodes_as_fastavro_does_and_reads_back_the_same(metric: Metric, knowledge_time_us: int) -> None:
    encoder = MetricEncoder(HEADER)
    expected = HEADER + by_fastavro(metric, knowledge_time_us)
    key, value = encoder.encode(metric, knowledge_time_us)
    assert value == expected
    assert encoder.encode(metric, knowledge_time_us) == (key, expected), "also when the series is known"
    assert key.decode() == metric.series_key
    read = decode_metric(value[len(HEADER) :])
    assert bits(read.value) == bits(metric.value)
    assert (read.timestamp_us, read.knowledge_time_us) == (metric.timestamp_us, knowledge_time_us)
    assert (read.name, read.metadata, read.attributes) == (metric.name, metric.metadata, metric.attributes)
    assert read.metric_type == metric.metric_type


@given(st.integers(0, 2**62))
@example(2**13 - 1)
@example(2**13)
def test_every_knowledge_time_is_a_long(knowledge_time_us: int) -> None:
    metric = Metric("x", 1.0, EPOCH)
    encoder = MetricEncoder(b"")
    for _ in range(2):
        assert encoder.encode(metric, knowledge_time_us)[1] == by_fastavro(metric, knowledge_time_us)


def test_one_encoder_keeps_series_and_qualities_apart() -> None:
    encoder = MetricEncoder(HEADER)
    variants = [
        Metric("a", 1.0, EPOCH, {"l": "1"}),
        Metric("b", 1.0, EPOCH, {"l": "1"}),
        Metric("a", 1.0, EPOCH, {"l": "2"}),
        Metric("a", None, EPOCH, {"l": "1"}),
        Metric("a", 1.0, EPOCH, {"l": "1", "valid": False}),
        Metric("a", 1.0, EPOCH, {"l": "1", "zone_status": "missing"}),
        Metric("a", 1.0, EPOCH, {"l": "1", "data_state": "d"}),
        Metric("a", 1.0, EPOCH, {"l": "1"}, attributes={"run": "1"}),
    ]
    for _ in range(2):
        for metric in variants:
            assert encoder.encode(metric, 5)[1] == HEADER + by_fastavro(metric, 5)


def test_memory_is_bounded_when_nothing_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("_MAX_CONTEXTS", "_MAX_TIMES", "_MAX_UPPERS"):
        monkeypatch.setattr(encoder_module, bound, 10)
    encoder = MetricEncoder(HEADER)
    for n in range(100):
        metric = Metric("x", 1.0, EPOCH + timedelta(days=n), {"n": n})
        assert encoder.encode(metric, n << 40)[1] == HEADER + by_fastavro(metric, n << 40)
        assert len(encoder._constants) <= 10
        assert len(encoder._times) <= 10
        assert len(encoder._uppers) <= 10


def test_the_key_tells_apart_what_looks_alike() -> None:
    tricky = [
        {"a": "1,b=2"},
        {"a": "1", "b": "2"},
        {"a=1,b": "2"},
        {"a": "1\\", "b": "2"},
        {"a": "1\\,b=2"},
        {"a": "}"},
        {},
    ]
    keys = [Metric("x", 1.0, EPOCH, labels).series_key for labels in tricky]
    assert len(set(keys)) == len(keys)
    assert keys[0] == r"x{a=1\,b\=2}"


def crc_64_avro(data: bytes) -> int:
    """The algorithm as the Avro specification prints it."""
    empty = 0xC15D213AA4D7A795
    table = []
    for n in range(256):
        code = n
        for _ in range(8):
            code = (code >> 1) ^ (empty & -(code & 1))
        table.append(code)
    code = empty
    for byte in data:
        code = (code >> 8) ^ table[(code ^ byte) & 0xFF]
    return code


def test_the_fingerprint_is_little_endian_on_the_wire() -> None:
    assert crc_64_avro(b'"null"') == 0x63DD24E7CC258F8A, "the specification's own example"
    assert schema_fingerprint('"null"') == (0x63DD24E7CC258F8A).to_bytes(8, "little")
    assert bytes.fromhex("c301") + METRIC_FINGERPRINT == HEADER


def test_the_schema_is_the_one_that_was_shipped() -> None:
    """A change of the schema that is not a new file beside the old one makes old messages unreadable."""
    assert METRIC_FINGERPRINT.hex() == "c2bed43f718db431"
    assert shipped_schemas()[METRIC_FINGERPRINT] == METRIC_SCHEMA_JSON
    assert all(schema_fingerprint(text) == key for key, text in shipped_schemas().items())


def test_the_headers_are_the_standards() -> None:
    assert HEADER[:2] == b"\xc3\x01"
    assert len(HEADER) == 10
    assert confluent_header(258) == b"\x00\x00\x00\x01\x02"
    with pytest.raises(ValueError, match="8 bytes"):
        single_object_header(b"\x00")


def test_the_defaults_are_those_of_the_table() -> None:
    """ClickHouse fills a field that a writer's schema lacks from the column, a reader in Python from the schema."""
    ingest = files("wattnet.clickhouse").joinpath("migrations/001_ingest.sql").read_text(encoding="utf-8")
    in_sql = {"true": True, "''": "", "'complete'": "complete", "map()": {}}
    for field in json.loads(METRIC_SCHEMA_JSON)["fields"]:
        column = re.search(rf"^\s*{field['name']}\s+\w+(?:\([^)]*\))?(?: DEFAULT (\S+))?,", ingest, re.MULTILINE)
        assert column, field["name"]
        default = column[1]
        assert (default is not None) == ("default" in field), field["name"]
        if default is not None:
            assert in_sql[default] == field["default"], field["name"]


def test_the_table_and_the_metric_name_the_same_zoned_types() -> None:
    ingest = files("wattnet.clickhouse").joinpath("migrations/001_ingest.sql").read_text(encoding="utf-8")
    listed = re.search(r"AND name IN \((.*?)\)", ingest, re.DOTALL)
    assert listed
    assert set(re.findall(r"'(\w+)'", listed[1])) == ZONED_METRIC_NAMES


def test_reads_what_an_older_writer_wrote() -> None:
    old = json.loads(METRIC_SCHEMA_JSON)
    old["fields"] = old["fields"][:5]
    stream = BytesIO()
    record: dict[str, Any] = {
        "name": "x",
        "value": 1.0,
        "timestamp": EPOCH,
        "labels": {"a": "b"},
        "knowledge_time": EPOCH,
    }
    schemaless_writer(stream, parse_schema(old), record)
    read = decode_metric(stream.getvalue(), json.dumps(old))
    assert read == Metric("x", 1.0, EPOCH, {"a": "b"}, knowledge_time=EPOCH)


def test_bytes_that_are_no_metric_are_refused() -> None:
    body = MetricEncoder(b"").encode(Metric("x", 1.0, EPOCH, {"a": "b"}), 0)[1]
    for wrong in (b"", b"hello", body[:-7], b"\xff" * 40):
        with pytest.raises(DecodeError):
            decode_metric(wrong)
    with pytest.raises(DecodeError, match="4 bytes stand behind"):
        decode_metric(body + b"JUNK")
