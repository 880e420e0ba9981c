"""Bytes to metrics: for looking into a topic and for tests. The main road never decodes in Python."""

from __future__ import annotations

import json
from functools import lru_cache
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader
from fastavro.schema import parse_schema

from wattnet.schemas._errors import DecodeError, MetricError
from wattnet.schemas._metric import Metric
from wattnet.schemas._wire import METRIC_SCHEMA_JSON


def decode_metric(body: bytes, schema_json: str = METRIC_SCHEMA_JSON) -> Metric:
    """The metric in `body`, which is an Avro record without header, written with `schema_json`.

    Fields that the writer did not know have this version's defaults. Raises DecodeError for bytes that are no such
    record, end too early or go on behind it. The rules for making a metric are not applied: the record may be older.
    """
    stream = BytesIO(body)
    try:
        record: Any = schemaless_reader(stream, _parsed(schema_json), _parsed(METRIC_SCHEMA_JSON))
    except Exception as exc:  # noqa: BLE001  fastavro raises whatever the bytes happen to break
        raise DecodeError(f"{len(body)} bytes are no metric in this schema ({type(exc).__name__}: {exc})").caused_by(
            exc
        ) from None
    if behind := len(body) - stream.tell():
        raise DecodeError(
            f"{behind} bytes stand behind the record: it was cut or joined wrongly, or written with another schema"
        )
    try:
        return Metric.from_stored(
            record["name"],
            record["value"],
            record["timestamp"],
            record["labels"],
            knowledge_time=record["knowledge_time"],
            valid=record["valid"],
            zone_status=record["zone_status"],
            data_state=record["data_state"],
            attributes=record["attributes"],
        )
    except MetricError as exc:
        raise DecodeError(f"the record is no metric: {exc}").caused_by(exc) from None


@lru_cache(maxsize=64)
def _parsed(schema_json: str) -> Any:
    return parse_schema(json.loads(schema_json))
