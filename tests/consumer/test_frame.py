"""Framing, held against fastavro: what ClickHouse is given is a container file of exactly the messages' records."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from wattnet.consumer._claim import Claim
from wattnet.consumer._frame import (
    REFUSED_FIELDS,
    Refused,
    container_header,
    frame_bodies,
    frame_refused,
    message_container_header,
    origin,
)
from wattnet.consumer._range import Range
from wattnet.schemas import METRIC_FINGERPRINT, METRIC_SCHEMA_JSON, single_object_header

PREFIX = single_object_header(METRIC_FINGERPRINT)
SCHEMA = fastavro.parse_schema(json.loads(METRIC_SCHEMA_JSON))
# Python's datetime ends with the year 9999.
TIMES_US = st.integers(0, 253_402_300_799_999_999)


def encoded(record: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, SCHEMA, record)
    return stream.getvalue()


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "name": draw(st.text(max_size=300)),
        "value": draw(st.none() | st.floats(allow_nan=False)),
        "timestamp": draw(TIMES_US),
        "labels": draw(st.dictionaries(st.text(max_size=20), st.text(max_size=6000), max_size=4)),
        "knowledge_time": draw(TIMES_US),
        "valid": draw(st.booleans()),
        "zone_status": draw(st.text(max_size=9)),
        "data_state": draw(st.text(max_size=9)),
        "attributes": draw(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=2)),
    }


def range_of(messages: list[Message], partition: int, first: int) -> Range:
    claim = Claim("an-id", first, first + 10_000, len(messages), 0)
    return Range("a topic", partition, claim, messages, 0)


@given(st.lists(records(), min_size=1, max_size=5), st.integers(0, 2**31 - 1), st.integers(0, 2**62), st.data())
def test_fastavro_reads_back_each_message_with_its_origin(
    bodies: list[dict[str, Any]], partition: int, first: int, data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(0, 2**45), min_size=len(bodies), max_size=len(bodies)))
    messages = [
        Message(
            topic="a topic", partition=partition, offset=first + i, timestamp=(1, time), value=PREFIX + encoded(body)
        )
        for i, (body, time) in enumerate(zip(bodies, times, strict=True))
    ]
    range_ = range_of(messages, partition, first)
    blocks, others = frame_bodies(messages, PREFIX, origin(range_))
    container = io.BytesIO(message_container_header(METRIC_SCHEMA_JSON) + b"".join(blocks))
    read: list[Any] = list(fastavro.reader(container))
    assert others == []
    for i, (record, body, time) in enumerate(zip(read, bodies, times, strict=True)):
        ours = {name: record.pop(name) for name in ("topic", "topic_id", "partition", "offset", "frame_end")}
        assert ours == {
            "topic": "a topic", "topic_id": "an-id", "partition": partition, "offset": first + i, "frame_end": b"end.",
        }  # fmt: skip
        claim = range_.claim
        assert (record.pop("claim_first"), record.pop("claim_next"), record.pop("claim_messages")) == (
            claim.first, claim.next, claim.messages,
        )  # fmt: skip
        kafka_time = record.pop("kafka_time")
        assert round(kafka_time.timestamp() * 1000) == time
        again = io.BytesIO()
        fastavro.schemaless_writer(again, SCHEMA, record)
        assert again.getvalue() == encoded(body)


def test_messages_with_another_beginning_are_handed_back() -> None:
    values = [PREFIX + b"body", None, b"", b"\x00\x00\x00\x00\x01body", PREFIX[:-1] + b"?body"]
    messages = [Message(topic="t", partition=0, offset=i, timestamp=(1, 0), value=v) for i, v in enumerate(values)]
    _, others = frame_bodies(messages, PREFIX, b"")
    assert [one.offset() for one in others] == [1, 2, 3, 4]


@given(st.binary(max_size=300), st.binary(max_size=50), st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9))))
def test_dead_letters_keep_value_key_and_headers(value: bytes, key: bytes, headers: list[tuple[str, bytes]]) -> None:
    headers = list(dict(headers).items())
    message = Message(topic="t", partition=3, offset=7, timestamp=(1, 5), value=value, key=key, headers=[*headers])
    range_ = range_of([message], 3, 7)
    blocks = frame_refused([Refused(message, "unknown framing", "détail \udcff")], origin(range_))
    record: Any = next(fastavro.reader(io.BytesIO(container_header(REFUSED_FIELDS) + b"".join(blocks))))
    assert (record["raw"], record["key"], record["headers"]) == (value, key, dict(headers))
    assert (record["refused_by_feeder"], record["offset"]) == ("unknown framing", 7)
