"""The Avro schema and the two standard framings that carry its id in front of a record."""

from __future__ import annotations

import json
import struct
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

if TYPE_CHECKING:
    from collections.abc import Mapping

SINGLE_OBJECT_MARKER = b"\xc3\x01"
CONFLUENT_MARKER = b"\x00"

METRIC_SCHEMA_JSON: str = files("wattnet.schemas").joinpath("metric.avsc").read_text(encoding="utf-8")
"""The schema that this version writes."""


def schema_fingerprint(schema_json: str) -> bytes:
    """The 8 bytes of CRC-64-AVRO of a schema's parsing canonical form, in the order in which they stand on the wire."""
    canonical = to_parsing_canonical_form(parse_schema(json.loads(schema_json)))
    # Little-endian already: the specification's fingerprint of "null" is 0x63dd24e7cc258f8a, and this gives 8a8f25cc….
    return bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))


METRIC_FINGERPRINT: bytes = schema_fingerprint(METRIC_SCHEMA_JSON)
"""Fingerprint of METRIC_SCHEMA_JSON, 8 bytes as on the wire."""


@cache
def shipped_schemas() -> Mapping[bytes, str]:
    """Every schema that any version has written without a registry: its JSON by its fingerprint as on the wire."""
    texts = [
        entry.read_text(encoding="utf-8")
        for entry in files("wattnet.schemas").iterdir()
        if entry.name.endswith(".avsc")
    ]
    return MappingProxyType({schema_fingerprint(text): text for text in texts})


def single_object_header(schema_id: bytes) -> bytes:
    """The 10 bytes in front of a record in Avro single-object encoding; `schema_id` is the 8-byte fingerprint."""
    if len(schema_id) != 8:
        raise ValueError(f"{schema_id!r} is no fingerprint: CRC-64-AVRO has 8 bytes")
    return SINGLE_OBJECT_MARKER + schema_id


def confluent_header(schema_id: int) -> bytes:
    """The 5 bytes in front of a record whose schema is in a registry under `schema_id`."""
    return CONFLUENT_MARKER + struct.pack(">I", schema_id)
