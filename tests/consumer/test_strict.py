"""The strict reader: what is a record by ClickHouse's judgement, and what is wrong with what is none."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pytest
from hostile import metrics
from hypothesis import given
from hypothesis import strategies as st

from wattnet.consumer._strict import StrictReader
from wattnet.schemas import METRIC_SCHEMA_JSON, Metric, MetricEncoder

METRICS = StrictReader(METRIC_SCHEMA_JSON)
EVERYTHING: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "namespace": "a.b",
    "fields": [
        {"name": "nothing", "type": "null"},
        {"name": "flag", "type": "boolean"},
        {"name": "int", "type": "int"},
        {"name": "float", "type": "float"},
        {"name": "bytes", "type": {"type": "bytes"}},
        {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 5}},
        {"name": "again", "type": "a.b.Digest"},
        {"name": "suit", "type": {"type": "enum", "name": "Suit", "symbols": ["HEARTS", "SPADES"]}},
        {"name": "either", "type": ["string", "long", "Suit"]},
        {"name": "list", "type": {"type": "array", "items": {"type": "map", "values": "double"}}},
        {
            "name": "tree",
            "type": {
                "type": "record",
                "name": "Tree",
                "fields": [{"name": "value", "type": "int"}, {"name": "child", "type": ["null", "Tree"]}],
            },
        },
    ],
}
TREES = st.recursive(
    st.builds(lambda value: {"value": value, "child": None}, st.integers(-9, 9)),
    lambda child: st.builds(lambda value, child: {"value": value, "child": child}, st.integers(-9, 9), child),
)
ALL_OF_IT = st.fixed_dictionaries(
    {
        "nothing": st.none(),
        "flag": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "float": st.floats(width=32),
        "bytes": st.binary(max_size=200),
        "digest": st.binary(min_size=5, max_size=5),
        "again": st.binary(min_size=5, max_size=5),
        "suit": st.sampled_from(["HEARTS", "SPADES"]),
        "either": st.text(max_size=200) | st.integers(-(2**63), 2**63 - 1),
        "list": st.lists(st.dictionaries(st.text(max_size=9), st.floats(), max_size=3), max_size=3),
        "tree": TREES,
    }
)


@given(metrics())
def test_every_metric_is_one_and_no_part_of_it(metric: Metric) -> None:
    body = MetricEncoder(b"").encode(metric, 1)[1]
    assert METRICS.problem(b"head" + body, 4) == ""
    assert METRICS.problem(body + b"more", 0) == "", "bytes behind it are for the tables to see"
    assert METRICS.problem(body[:-1], 0).endswith(f"(at byte {len(body) - 1} of {len(body) - 1})")


@given(ALL_OF_IT)
def test_every_type_of_avro(record: dict[str, Any]) -> None:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(EVERYTHING), record)
    body = stream.getvalue()
    reader = StrictReader(json.dumps(EVERYTHING))
    assert reader.problem(body, 0) == ""
    assert reader.problem(body[:-1], 0)


@pytest.mark.parametrize(
    ("type_", "body", "problem"),
    [
        ("boolean", b"\x07", "x: a boolean is 0 or 1, this is 7 (at byte 0 of 1)"),
        ("long", b"\xff" * 10 + b"\x01", "x: a number of more than 10 bytes (at byte 0 of 11)"),
        ("string", b"\x01", "x: a length of -1 (at byte 0 of 1)"),
        ("bytes", b"\xfe\xff\xff\xff\x0f", "x: 2,147,483,647 bytes are announced, 0 follow (at byte 0 of 5)"),
        ("string", b"\xff" * 10 + b"\x01", "x: a number of more than 10 bytes (at byte 0 of 11)"),
        ("double", b"\x00" * 7, "x: 1 bytes are missing (at byte 7 of 7)"),
        ("string", b"", "x: the message ends within it (at byte 0 of 0)"),
        ({"type": "array", "items": "null"}, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "9,223,372,036,854,775,807"),
        ({"type": "map", "values": "null"}, b"\x01\x80\x01\x00\x00", ""),
        ({"type": "map", "values": "null"}, b"\x01\x80\x01\x00", "x: the message ends within it (at byte 4 of 4)"),
        (["null", "double"], b"\x0e", ""),
        (["string", "double"], b"\x0e", "x: branch 7 of a union of 2 (at byte 0 of 1)"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02", "x: symbol 1 of 1 (at byte 0 of 1)"),
    ],
)
def test_what_is_wrong_is_said(type_: Any, body: bytes, problem: str) -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": type_}]}
    found = StrictReader(json.dumps(schema)).problem(body, 0)
    assert problem in found if problem else not found


def test_nesting_without_end_is_no_record() -> None:
    tree = EVERYTHING["fields"][-1]["type"]
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": tree}]}
    assert "recursion" in StrictReader(json.dumps(schema)).problem(b"\x02" * 200_000, 0)
