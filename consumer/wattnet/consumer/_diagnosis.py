"""What is wrong with a dead letter: its bytes read as far as they go, and the byte or the field that is broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wattnet.consumer._avro_walk import DecodedField, Fault, walk
from wattnet.consumer._errors import RetryableInsertError
from wattnet.consumer._message import value_of
from wattnet.consumer._record import TIMES, iso_time, record_of_detail, record_of_fields
from wattnet.consumer._writer_schemas import (
    CONFLUENT_MAGIC,
    CONFLUENT_PREFIX_BYTES,
    SINGLE_OBJECT_PREFIX_BYTES,
    ConfluentRegistry,
    Unusable,
    WriterSchema,
    WriterSchemas,
)
from wattnet.schemas import METRIC_SCHEMA_JSON, ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka import Message

    from wattnet.consumer._dead_letters import DeadLetter
    from wattnet.consumer._settings import KafkaSettings

# The field that each rule of metrics_ingest looks at, and the rule in words.
RULES = {
    "bad name": ("name", "a name has 1 to 200 bytes of UTF-8"),
    "bad labels": ("labels", "at most 64 labels, names and values at most 4,096 bytes together, of UTF-8"),
    "no zone": ("labels", "a metric of this name needs the label zone"),
    "value not finite": ("value", "a value is a finite number, or null"),
    "unknown zone_status": ("zone_status", f"zone_status is one of {', '.join(ZONE_STATUSES)}"),
    "timestamp out of range": ("timestamp", "timestamps are from 1970 up to, and without, 2065"),
    "knowledge_time out of range": ("knowledge_time", "from 1970 up to a day after the message itself"),
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What can be said of a letter.

    message  its bytes, None when neither the table nor Kafka has them
    framing  which schema they name, in words
    fields   what could be read, each with its bytes
    fault    what is broken, None when nothing is found
    record   the whole record, where all of it can be read
    """

    message: bytes | None
    framing: str
    fields: tuple[DecodedField, ...]
    fault: Fault | None
    record: dict[str, Any] | None


def diagnose(letter: DeadLetter, original: Message | None, kafka: KafkaSettings) -> Diagnosis:
    """Read the letter's bytes (the original's where the table has none), or the record that the tables decoded."""
    if not letter.kept and original is None:
        record = record_of_detail(letter.detail)
        return Diagnosis(None, "the bytes are not kept", (), _rule_broken(letter.head.reason, record, {}, b""), record)
    message = letter.value if original is None else value_of(original)
    if not message:
        what = "a tombstone: there is no value" if message is None else "a value of no bytes"
        return Diagnosis(message, "none", (), Fault("", 0, 0, what), None)
    framing, schema_json, known = _schema(message, kafka)
    if schema_json is None:
        return Diagnosis(message, framing, (), known, None)
    fields, fault = walk(message, _prefix_bytes(message), schema_json)
    whole = fault is None or not fault.field  # or there are bytes behind it
    fields = tuple(replace(one, value=iso_time(one.value)) if one.name in TIMES else one for one in fields)
    if known is not None:  # the id is what is wrong; this version's schema is a guess
        guess = f"{framing}; the rest reads as a metric of this version" if whole else framing
        return Diagnosis(message, guess, fields if whole else (), known, record_of_fields(fields) if whole else None)
    read = record_of_fields(fields) if whole else None
    places = {field.name: field for field in fields}
    return Diagnosis(message, framing, fields, fault or _rule_broken(letter.head.reason, read, places, message), read)


def readable_record(letter: DeadLetter, original: Message | None, kafka: KafkaSettings) -> dict[str, Any] | None:
    """The letter's whole record, None when it cannot be read to its end."""
    return diagnose(letter, original, kafka).record


def _schema(message: bytes, kafka: KafkaSettings) -> tuple[str, str | None, Fault | None]:
    """The framing in words, the schema to read with, and what is wrong with the framing itself."""
    confluent = message.startswith(CONFLUENT_MAGIC)
    registry = kafka.registry_options() if confluent else None
    try:
        found = WriterSchemas(ConfluentRegistry(registry) if registry else None).find(message)
    except RetryableInsertError as exc:
        found = Unusable("unknown schema id", str(exc))
    cut = _prefix_bytes(message)
    if confluent:
        framing = f"00: Confluent, schema id {int.from_bytes(message[1:cut], 'big')}"
    else:
        framing = f"c3 01: Avro single-object encoding, schema fingerprint {message[2:cut].hex()}"
    if isinstance(found, WriterSchema):
        return framing, found.schema_json, None
    if found.reason == "unknown framing":
        return "none that is known", None, Fault("framing", 0, min(2, len(message)), f"{found.detail}{_guess(message)}")
    problem = f"{found.reason}: {found.detail}"
    return framing, METRIC_SCHEMA_JSON, Fault("schema id", 1 if confluent else 2, cut, problem)


def _prefix_bytes(message: bytes) -> int:
    return CONFLUENT_PREFIX_BYTES if message.startswith(CONFLUENT_MAGIC) else SINGLE_OBJECT_PREFIX_BYTES


def _guess(message: bytes) -> str:
    if message.lstrip()[:1] in {b"{", b"["}:
        return "; it looks like JSON"
    if message.startswith(b"Obj\x01"):
        return "; it is an Avro container file"
    return "; it looks like text" if message[:64].isascii() and message[:64].decode("ascii").isprintable() else ""


def _rule_broken(
    reason: str, record: dict[str, Any] | None, places: Mapping[str, DecodedField], message: bytes
) -> Fault | None:
    """The field that a rule of the tables refused; of a text that is no UTF-8, its very bytes."""
    if reason not in RULES or record is None:
        return None
    name, rule = RULES[reason]
    value = record.get(name)
    problem = f"{rule}; here {_found(reason, value)}"
    place = places.get(name)
    if place is None:
        return Fault(name, None, None, problem)
    if odd := _no_utf8(value):
        content = odd.encode(errors="surrogateescape")
        first = message.index(content, place.first)
        return Fault(name, first, first + len(content), problem)
    return Fault(name, place.first, place.next, problem)


def _found(reason: str, value: Any) -> str:
    odd = f", and {text:.60} is no UTF-8" if (text := _no_utf8(value)) else ""
    if reason == "bad labels":
        return f"{len(value):,} labels, {sum(map(_size, [*value, *value.values()])):,} bytes{odd}"
    if reason == "bad name":
        return f"{_size(value):,} bytes{odd}"
    if reason == "no zone":
        return "it is empty" if "zone" in value else f"there is none among {len(value):,} labels"
    return f"it is {value}"


def _size(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))


def _no_utf8(value: Any) -> str:
    """The first text in a name or in labels that is no UTF-8, or ''."""
    texts = [*value, *value.values()] if isinstance(value, dict) else [value] if isinstance(value, str) else []
    return next((text for text in texts if any("\ud800" <= one <= "\udfff" for one in text)), "")
