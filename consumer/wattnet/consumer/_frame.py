"""Framing: raw Avro bodies become one Avro object container file that ClickHouse decodes. No record is decoded here.

A record's encoding is the concatenation of its fields, so fields of our own are put before and behind each body:
where the message came from in front, `frame_end` behind it, so that a body with bytes too many shows. Each record is
a data block of its own: a truncated one fails instead of eating its neighbour.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from wattnet.consumer._message import offset_of, timestamp_of, value_of
from wattnet.schemas.avro import LOW_GROUPS, LOW_MASK, encode_bytes, encode_groups, encode_long, encode_string

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka import Message

    from wattnet.consumer._range import Range

MAGIC = b"Obj\x01"
SYNC_MARKER = b"wattnet-storage\n"
FRAME_END = b"end."
# A data block is: count (1), size, records, sync marker.
ONE_RECORD = encode_long(1)
BLOCK_SIZES = [ONE_RECORD + encode_long(size) for size in range(4096)]
# Which of the byte strings that frame_bodies makes are the bodies: the fourth of each message's five.
BODIES = slice(3, None, 5)
ORIGIN_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "topic", "type": "string"},
    {"name": "topic_id", "type": "string"},
    {"name": "partition", "type": "int"},
    {"name": "claim_first", "type": "long"},
    {"name": "claim_next", "type": "long"},
    {"name": "claim_messages", "type": "long"},
    {"name": "kafka_time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "offset", "type": "long"},
)
REFUSED_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "refused_by_feeder", "type": "string"},
    {"name": "detail", "type": "string"},
    {"name": "raw", "type": "bytes"},
    {"name": "key", "type": "bytes"},
    {"name": "headers", "type": {"type": "map", "values": "bytes"}},
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that becomes a dead letter, and why."""

    message: Message
    reason: str
    detail: str = ""


def container_header(fields: Sequence[Mapping[str, Any]]) -> bytes:
    """The head of a container file whose records have the origin fields, then `fields`."""
    schema = json.dumps({"type": "record", "name": "Ingested", "fields": [*ORIGIN_FIELDS, *fields]})
    metadata = (
        encode_long(2)
        + encode_string("avro.schema")
        + encode_string(schema)
        + encode_string("avro.codec")
        + encode_string("null")
        + encode_long(0)
    )
    return MAGIC + metadata + SYNC_MARKER


def message_container_header(writer_schema_json: str) -> bytes:
    """The head of a container of messages that were written with `writer_schema_json`."""
    frame_end = {"name": "frame_end", "type": {"type": "fixed", "name": "FrameEnd", "size": len(FRAME_END)}}
    return container_header([*json.loads(writer_schema_json)["fields"], frame_end])


def origin(range_: Range) -> bytes:
    """The origin fields that are the same for all of a range's messages."""
    claim = range_.claim
    return b"".join(
        (
            encode_string(range_.topic),
            encode_string(claim.topic_id),
            encode_long(range_.partition),
            encode_long(claim.first),
            encode_long(claim.next),
            encode_long(claim.messages),
        )
    )


def frame_bodies(messages: Sequence[Message], prefix: bytes, origin_: bytes) -> tuple[list[bytes], list[Message]]:
    """Data blocks of the messages that begin with `prefix` (framing and schema id), and the messages that do not.

    The fast path of the whole consumer: a few byte strings a message, joined once at the end.
    """
    parts: list[bytes] = []
    others: list[Message] = []
    add = parts.extend
    sizes = BLOCK_SIZES
    known_sizes = len(sizes)
    low_groups = LOW_GROUPS
    cut = len(prefix)
    fixed_size = len(FRAME_END) - cut
    tail = FRAME_END + SYNC_MARKER
    last_time_ms = last_high = -1
    front = high_bits = b""
    for message, value, offset, (_, time_ms) in zip(
        messages,
        map(value_of, messages),
        map(offset_of, messages),
        map(timestamp_of, messages),
        strict=True,
    ):
        if value is None or value[:cut] != prefix:
            others.append(message)
            continue
        if time_ms != last_time_ms:  # the messages of a producer's batch share it
            front = origin_ + encode_long(time_ms)
            last_time_ms = time_ms
        zigzag = offset << 1
        high = zigzag >> 14
        if high != last_high:  # once in 8,192 offsets
            high_bits = encode_groups(high)
            last_high = high
        place = low_groups[zigzag & LOW_MASK] + high_bits if high else encode_long(offset)
        size = len(front) + len(place) + len(value) + fixed_size
        add((sizes[size] if size < known_sizes else ONE_RECORD + encode_long(size), front, place, value[cut:], tail))
    return parts, others


def frame_refused(refused: Sequence[Refused], origin_: bytes) -> list[bytes]:
    """Data blocks of dead letters: raw value, key and headers as they came."""
    parts: list[bytes] = []
    for one in refused:
        message = one.message
        headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        record = b"".join(
            (
                origin_,
                encode_long(timestamp_of(message)[1]),
                encode_long(offset_of(message)),
                encode_string(one.reason),
                encode_bytes(one.detail.encode(errors="backslashreplace")),
                encode_bytes(message.value() or b""),
                encode_bytes(_as_bytes(message.key())),
                encode_long(len(headers)) if headers else b"",
                *(encode_string(name) + encode_bytes(_as_bytes(value)) for name, value in headers),
                encode_long(0),
            )
        )
        parts += (ONE_RECORD, encode_long(len(record)), record, SYNC_MARKER)
    return parts


def _as_bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
