"""The look at many bodies at once: it passes what plainly ends where it should, and never what announces more."""

from __future__ import annotations

import json
import random
import struct

import pytest
from hostile import wire
from mutants import HEADER, fuzzed, nasty_metrics

from wattnet.consumer._lengths import BODIES_AT_ONCE, Lengths
from wattnet.consumer._strict import StrictReader
from wattnet.schemas import METRIC_SCHEMA_JSON, MetricEncoder
from wattnet.schemas.avro import encode_long

LENGTHS = Lengths(METRIC_SCHEMA_JSON)
STRICT = StrictReader(METRIC_SCHEMA_JSON)
TIME = encode_long(1_700_000_000_000_000)


def bodies_of(values: list[bytes]) -> list[bytes]:
    return [value[len(HEADER) :] for value in values]


def test_metrics_are_passed_without_a_second_look() -> None:
    encoder = MetricEncoder(HEADER)
    values = [encoder.encode(metric, 1_700_000_000_000_000)[1] for metric in nasty_metrics()] * 10
    assert len(values) > BODIES_AT_ONCE, "more than one stretch"
    assert LENGTHS.doubtful(bodies_of(values)) == []


def test_nothing_that_the_strict_reader_refuses_is_passed() -> None:
    """Whatever is passed is a record to its last byte, so every length in it is of what is there."""
    seed = random.randrange(2**32)
    values = [one.value for one in fuzzed(seed, 20_000) if one.value and one.value.startswith(HEADER)]
    bodies = bodies_of(values)
    doubtful = set(LENGTHS.doubtful(bodies))
    broken = {index for index, body in enumerate(bodies) if STRICT.problem(body, 0)}
    assert len(broken) > 3_000
    assert broken <= doubtful, f"seed {seed}: passed {[bodies[index].hex() for index in broken - doubtful]}"


@pytest.mark.parametrize(
    "length", [2**13, 2**20, 2**26, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -1, -(2**31), -(2**63)], ids=hex
)
@pytest.mark.parametrize(
    "text", [b"zone_load", b"zone", b"ES", b"complete", b"state", b"long_name", b"Spain"], ids=bytes.decode
)
def test_a_huge_length_of_any_text_is_seen_whatever_stands_around_it(text: bytes, length: int) -> None:
    sound = wire(labels={"zone": "ES"}, data_state="state", attributes={"long_name": "Spain"})
    hostile = sound.replace(encode_long(len(text)) + text, encode_long(length) + text)
    assert hostile != sound
    bodies = bodies_of([sound, hostile, sound, sound])
    assert LENGTHS.doubtful(bodies) == [1]


def test_a_length_is_not_paid_for_by_the_next_message() -> None:
    """Two bodies that are one too short and one too long end together where they should; each is seen alone."""
    sound = wire(labels={"zone": "ES"})[len(HEADER) :]
    bodies = [sound[:-3], sound[-3:] + sound, sound]
    assert LENGTHS.doubtful(bodies) == [0, 1]


@pytest.mark.parametrize(
    ("type_", "record", "passed"),
    [
        ("long", b"\x02", True),
        ("long", b"\xff" * 9 + b"\x01", True),
        ("long", b"\xff" * 10 + b"\x01", False),
        ("boolean", b"\x01", True),
        ("boolean", b"\x02", False),
        ("float", b"1234", True),
        ("float", b"123", False),
        (["double", "null"], b"\x00" + struct.pack("<d", 1), True),
        (["double", "null"], b"\x02", True),
        (["double", "null"], b"\x01", False),
        (["null", "string"], b"\x00", False),
        ({"type": "bytes"}, b"\x80\x01" + bytes(64), True),
        ({"type": "bytes"}, b"\x80\x01" + bytes(63), False),
        ("string", encode_long(8191) + bytes(8191), True),
        ("string", encode_long(8192) + bytes(8192), False),
        ({"type": "map", "values": {"type": "map", "values": "int"}}, b"\x02\x02a\x02\x02b\x07\x00\x00", True),
        ({"type": "map", "values": "int"}, b"\x02\x02a\x07\x02\x02b\x07\x00", False),
        ({"type": "map", "values": "int"}, b"\x01\x06\x02a\x07\x00", False),
        ({"type": "array", "items": "int"}, b"\x00", False),
        ({"type": "enum", "name": "Suit", "symbols": ["HEARTS"]}, b"\x00", False),
    ],
    ids=str,
)
def test_types_of_other_schemas_are_followed_or_named(type_: object, record: bytes, passed: bool) -> None:
    """What is not followed, allowed or not, is for the strict reader to judge."""
    schema = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": type_}]})
    assert Lengths(schema).doubtful([record, record]) == ([] if passed else [0, 1])


def test_times_before_1978_and_empty_bodies_are_judged_alone() -> None:
    early = wire(timestamp=0)[len(HEADER) :]
    late = wire()[len(HEADER) :]
    assert LENGTHS.doubtful([late, early, b"", late]) == [2]
    assert LENGTHS.doubtful([]) == []
