"""A metric's record outside Avro: as a dead letter's detail keeps it, as people correct it, and back to a message.

Such a record is a dict that JSON takes: name, value (a number or None), timestamp and knowledge_time (ISO 8601 in
UTC), labels, valid, zone_status, data_state, attributes. What was refused may hold anything there.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from wattnet.consumer._errors import DeadLetterError
from wattnet.schemas import Metric, MetricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wattnet.consumer._avro_walk import DecodedField

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
DEFAULTS: dict[str, Any] = {"valid": True, "zone_status": "complete", "data_state": "", "attributes": {}}
FIELDS = ("name", "value", "timestamp", "labels", "knowledge_time", *DEFAULTS)
TIMES = frozenset({"timestamp", "knowledge_time"})


def record_of_fields(fields: Iterable[DecodedField]) -> dict[str, Any]:
    """The record of a message that could be read to its end, with times as `iso_time` gives them."""
    values = {**DEFAULTS, **{field.name: field.value for field in fields}}
    return {name: values[name] for name in FIELDS if name in values}


def record_of_detail(detail: bytes) -> dict[str, Any] | None:
    """The record that the tables decoded before they refused it; None when the detail is the words of a feeder."""
    try:
        fields = json.loads(detail.decode(errors="surrogateescape"), strict=False)
        record = {name: fields[name] for name in FIELDS}
        record["value"] = None if fields["value"] == "null" else float(fields["value"])
        record.update({name: f"{fields[name].replace(' ', 'T')}Z" for name in TIMES})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return record


def metric_of(record: Mapping[str, Any]) -> Metric:
    """The record as it is, with none of the rules for making a metric. Raises DeadLetterError."""
    try:
        return Metric.from_stored(
            record["name"],
            record["value"],
            _moment(record["timestamp"], "timestamp"),
            record["labels"],
            knowledge_time=_moment(record["knowledge_time"], "knowledge_time"),
            valid=record["valid"],
            zone_status=record["zone_status"],
            data_state=record["data_state"],
            attributes=record["attributes"],
        )
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise DeadLetterError(f"its record cannot be made again: {exc}").caused_by(exc) from None


def corrected_metric(record: Mapping[str, Any] | None, correction: object) -> Metric:
    """The record with the correction's fields in place of its own, by the rules for making a metric.

    Without a record the correction must be a whole one. A knowledge_time of None means now, and so does none at all.
    Raises DeadLetterError, which names the field, the rule and the remedy.
    """
    if not isinstance(correction, dict):
        raise DeadLetterError('a correction is a JSON object of the record\'s fields, such as {"value": 12.5}')
    if unknown := sorted(set(correction) - set(FIELDS)):
        raise DeadLetterError(f"a record has no field {unknown[0]!r}: the fields are {', '.join(FIELDS)}")
    whole = {**DEFAULTS, "knowledge_time": None, **(record or {}), **correction}
    if missing := [name for name in FIELDS if name not in whole]:
        raise DeadLetterError(
            f"the letter's own record cannot be read, so the correction must be a whole one: {missing[0]!r} is missing"
        )
    for name in ("labels", "attributes"):
        if not isinstance(whole[name], dict):
            raise DeadLetterError(f"{name} must be a JSON object, and this is {whole[name]!r:.80}")
    known = whole["knowledge_time"]
    try:
        return Metric(
            whole["name"],
            whole["value"],
            _moment(whole["timestamp"], "timestamp"),
            {**whole["labels"], **{name: whole[name] for name in ("valid", "zone_status", "data_state")}},
            knowledge_time=None if known is None else _moment(known, "knowledge_time"),
            attributes=whole["attributes"],
        )
    except MetricError as exc:
        raise DeadLetterError(f"the corrected record would be refused again: {exc}").caused_by(exc) from None


def iso_time(microseconds: int) -> str | int:
    """ISO 8601 in UTC; the number itself where no calendar has it."""
    try:
        return (EPOCH + microseconds * MICROSECOND).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return microseconds


def _moment(text: object, field: str) -> datetime:
    # Imported late: only a replay from a record needs it.
    from wattnet.query import TimeError, parse_time

    if not isinstance(text, str):
        raise DeadLetterError(f"{field} {text!r} must be ISO 8601 with an offset, such as '2025-03-01T00:00:00Z'")
    try:
        return parse_time(text, argument=field)
    except TimeError as exc:
        raise DeadLetterError(str(exc)).caused_by(exc) from None
