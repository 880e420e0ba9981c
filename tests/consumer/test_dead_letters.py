"""Bytes read to the place where they break, records rebuilt and corrected, hostile text made printable."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hostile import metrics
from hypothesis import example, given, settings
from hypothesis import strategies as st
from road import load

from wattnet.consumer import DeadLetterError, LetterAddress, printable
from wattnet.consumer._avro_walk import MAX_VALUES, walk
from wattnet.consumer._originals import READ_OVER_MESSAGES, _runs
from wattnet.consumer._record import corrected_metric, iso_time, metric_of, record_of_detail, record_of_fields
from wattnet.consumer._strict import StrictReader
from wattnet.schemas import METRIC_SCHEMA_JSON, Metric, MetricEncoder

METRIC = load("ES", 3, 4.5, mood="good")
GOOD = MetricEncoder(b"").encode(METRIC, 1_740_000_000_000_000)[1]
STRICT = StrictReader(METRIC_SCHEMA_JSON)
RECORD: dict[str, Any] = {
    "name": "zone_load",
    "value": 4.5,
    "timestamp": "2025-03-01T03:00:00Z",
    "labels": {"zone": "ES", "unit": "MW", "datasource": "a test"},
    "knowledge_time": "2025-03-02T00:00:00Z",
    "valid": True,
    "zone_status": "complete",
    "data_state": "final",
    "attributes": {"resolution": "PT1H"},
}


def test_a_whole_record_is_read_field_by_field() -> None:
    fields, fault = walk(b"head" + GOOD, 4, METRIC_SCHEMA_JSON)
    assert fault is None
    assert [field.first for field in fields] == [4, *(field.next for field in fields[:-1])]
    assert fields[-1].next == len(GOOD) + 4
    record = record_of_fields(fields)
    assert (record["name"], record["value"], record["labels"]) == ("zone_load", 4.5, dict(METRIC.labels))


def test_wherever_a_record_is_cut_the_field_is_named_and_the_byte_is_within_it() -> None:
    whole, _ = walk(GOOD, 0, METRIC_SCHEMA_JSON)
    for cut in range(len(GOOD)):
        fields, fault = walk(GOOD[:cut], 0, METRIC_SCHEMA_JSON)
        assert fault is not None
        broken = next(field for field in whole if cut < field.next)
        assert fault.field.startswith(broken.name), cut
        assert fault.first is not None
        assert broken.first <= fault.first <= cut
        assert [field.name for field in fields] == [field.name for field in whole if field.next <= cut]


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 8))
@settings(max_examples=300, deadline=None)
@example(b"\x03", 11, 1)
def test_whatever_the_bytes_are_it_ends_in_fields_or_a_fault_as_the_consumer_judges(
    junk: bytes, place: int, dropped: int
) -> None:
    """The same judge as the one who refused it, so `show` never says of a broken record that nothing is found."""
    message = GOOD[:place] + junk + GOOD[place + dropped :]
    fields, fault = walk(message, 0, METRIC_SCHEMA_JSON)
    assert sum(field.next - field.first for field in fields) <= len(message)
    structural = fault is not None and bool(fault.field)
    assert structural == bool(STRICT.problem(message, 0)), fault


@pytest.mark.parametrize(
    "type_",
    [
        {"type": "array", "items": "null"},
        {"type": "array", "items": {"type": "array", "items": "null"}},
        {"type": "record", "name": "R", "fields": [{"name": "again", "type": "R"}]},
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
    ],
)
def test_a_few_bytes_that_promise_very_much_cost_nothing(type_: dict[str, Any]) -> None:
    schema = json.dumps({"type": "record", "name": "M", "fields": [{"name": "bomb", "type": type_}]})
    begun = time.process_time()
    for count in (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x80\x89\x7a", b"\xa0\x8d\x06" * 40):
        _, fault = walk(count * 3, 0, schema)
        assert fault is not None
    assert time.process_time() - begun < 5
    assert MAX_VALUES >= 100_000, "ten thousand labels are nothing strange"


def test_what_is_in_no_schema_is_a_fault_and_no_exception() -> None:
    for schema in ('{"fields": [{"name": "a", "type": "nonsense"}]}', '{"fields": [{"name": "a", "type": {}}]}'):
        _, fault = walk(GOOD, 0, schema)
        assert fault is not None
        assert "cannot be followed" in fault.problem


@given(metrics())
@settings(max_examples=40, deadline=None)
def test_a_record_comes_back_as_the_metric_that_it_was(metric: Metric) -> None:
    body = MetricEncoder(b"").encode(metric, 1_740_000_000_000_000)[1]
    fields, fault = walk(body, 0, METRIC_SCHEMA_JSON)
    assert fault is None
    values = {field.name: field.value for field in fields}
    record = record_of_fields(fields) | {name: iso_time(values[name]) for name in ("timestamp", "knowledge_time")}
    again = metric_of(json.loads(json.dumps(record)))
    assert MetricEncoder(b"").encode(again, again.knowledge_time_us or 0)[1] == body


def test_a_detail_of_the_tables_is_a_record_and_the_words_of_a_feeder_are_none() -> None:
    times = {name: RECORD[name].replace("T", " ").replace("Z", ".000000") for name in ("timestamp", "knowledge_time")}
    detail = json.dumps({**RECORD, **times, "value": "4.5"}).encode()
    assert metric_of(record_of_detail(detail) or {}) == metric_of(RECORD)
    nothing = record_of_detail(detail.replace(b'"4.5"', b'"null"'))
    assert nothing is not None
    assert nothing["value"] is None
    for words in (b"EOFError: too short", b"", b"{}", b"[1]", b'"name"', b"\xff\xfe", b'{"name": 1}'):
        assert record_of_detail(words) is None


def test_a_correction_replaces_fields_and_keeps_the_others() -> None:
    metric = corrected_metric(RECORD, {"value": 7})
    assert (metric.value, metric.labels["zone"], metric.attributes["resolution"]) == (7.0, "ES", "PT1H")
    assert metric.knowledge_time_us == metric_of(RECORD).knowledge_time_us, "it corrects this revision"
    assert corrected_metric(RECORD, {"knowledge_time": None}).knowledge_time is None, "or it is one of now"
    whole = {name: RECORD[name] for name in ("name", "value", "timestamp", "labels", "data_state")}
    assert corrected_metric(None, whole).knowledge_time is None


@pytest.mark.parametrize(
    ("correction", "says"),
    [
        ([], "JSON object"),
        ({"valeu": 1}, "no field 'valeu'"),
        ({"value": "12"}, "'12'"),
        ({"labels": {}}, "zone"),
        ({"labels": "zone=ES"}, "labels must be a JSON object"),
        ({"timestamp": "2025-03-01 00:00"}, "offset"),
        ({"timestamp": 1740787200}, "ISO 8601"),
        ({"zone_status": "fine"}, "zone_status"),
        ({"name": ""}, "lower_snake_case"),
    ],
)
def test_a_correction_that_would_be_refused_again_says_why(correction: object, says: str) -> None:
    with pytest.raises(DeadLetterError, match=says):
        corrected_metric(RECORD, correction)


def test_a_correction_of_what_cannot_be_read_must_be_whole() -> None:
    with pytest.raises(DeadLetterError, match=r"whole one: 'name'"):
        corrected_metric(None, {"value": 1})


def test_addresses() -> None:
    assert LetterAddress.parse("3:4711", topic="t") == LetterAddress("t", 3, 4711)
    assert LetterAddress.parse("a.b-c_d:0:0", topic="t") == LetterAddress("a.b-c_d", 0, 0)
    assert str(LetterAddress("t", 3, 4711)) == "t:3:4711"
    for text in ("", "3", "3:", ":3:4", "3:-1", "t:x:1", "a b:1:2", "1:2:3:4", "3:99999999999999999999", "٣:1"):
        with pytest.raises(DeadLetterError, match=r"PARTITION:OFFSET"):
            LetterAddress.parse(text, topic="t")


@given(st.one_of(st.text(), st.binary()), st.one_of(st.none(), st.integers(1, 30)))
@example("\x1b[2J\r\n\u202e\ud800\udcff\\", None)
def test_printable_text_prints_on_one_line(text: str | bytes, max_length: int | None) -> None:
    shown = printable(text, max_length=max_length)
    assert shown.isprintable()
    shown.encode()
    assert max_length is None or len(shown) <= max_length
    if isinstance(text, str) and text.isprintable() and "\\" not in text and max_length is None:
        assert shown == text


def test_printable_bytes_that_are_no_text_show_as_bytes() -> None:
    assert printable(b"a\xff\x00\\x\xc3\xb6") == r"a\xff\x00\\xö"


def test_originals_that_are_near_each_other_are_read_in_one_go() -> None:
    far = 7 + READ_OVER_MESSAGES
    assert list(_runs([])) == []
    assert list(_runs([7])) == [(7, 7)]
    assert list(_runs([far, 3, 7])) == [(3, far)]
    assert list(_runs([far + 1, 3, 7, far + 5])) == [(3, 7), (far + 1, far + 5)]
