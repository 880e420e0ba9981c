"""Which schema a message was written with: from its first bytes, out of this package or the schema registry."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wattnet.consumer._errors import ConfigurationError, RetryableInsertError
from wattnet.consumer._frame import ORIGIN_FIELDS, REFUSED_FIELDS, message_container_header
from wattnet.schemas import METRIC_SCHEMA_JSON, shipped_schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONFLUENT_MAGIC = b"\x00"
CONFLUENT_PREFIX_BYTES = 5
SINGLE_OBJECT_MAGIC = b"\xc3\x01"
SINGLE_OBJECT_PREFIX_BYTES = 10
LONGEST_PREFIX_BYTES = max(CONFLUENT_PREFIX_BYTES, SINGLE_OBJECT_PREFIX_BYTES)
REQUIRED_FIELDS = ("name", "value", "timestamp", "labels", "knowledge_time")


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """A known schema: `prefix` is what its messages begin with, `header` begins a container of them."""

    prefix: bytes
    schema_json: str
    header: bytes


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a message with this beginning cannot be stored."""

    reason: str
    detail: str


class Registry(Protocol):
    """What is needed of a schema registry."""

    def schema_json(self, schema_id: int) -> str | None:
        """The schema, or None when there is none of this id; raises RetryableInsertError when nobody answers."""


class WriterSchemas:
    """Looks schemas up by the first bytes of a message, and remembers them."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry
        self._known: dict[bytes, WriterSchema | Unusable] = {}

    def find(self, value: bytes | None) -> WriterSchema | Unusable:
        """The schema of a message value, or why there is none.

        Raises RetryableInsertError while a registry that should know does not answer: that is not an unknown id.
        """
        if not value:
            return Unusable("empty message", "no value (a tombstone)" if value is None else "a value of no bytes")
        if value.startswith(CONFLUENT_MAGIC):
            prefix = value[:CONFLUENT_PREFIX_BYTES]
            short = len(prefix) < CONFLUENT_PREFIX_BYTES
        elif value.startswith(SINGLE_OBJECT_MAGIC):
            prefix = value[:SINGLE_OBJECT_PREFIX_BYTES]
            short = len(prefix) < SINGLE_OBJECT_PREFIX_BYTES
        else:
            return Unusable("unknown framing", f"begins with {value[:2].hex(' ')}; 00 or c3 01 were expected")
        if short:
            return Unusable("unknown framing", f"only {len(value)} bytes, too short for a schema id")
        found = self._known.get(prefix)
        if found is None:
            found = self._look_up(prefix)
            # Ids that are unknown today may be registered tomorrow: only what is known is remembered.
            if isinstance(found, WriterSchema):
                self._known[prefix] = found
        return found

    def _look_up(self, prefix: bytes) -> WriterSchema | Unusable:
        if prefix.startswith(SINGLE_OBJECT_MAGIC):
            fingerprint = prefix[len(SINGLE_OBJECT_MAGIC) :]
            shipped = shipped_schemas().get(fingerprint)
            if shipped is None:
                return Unusable(
                    "unknown schema fingerprint",
                    f"{fingerprint.hex()} is no schema of this version; consumers are upgraded before producers",
                )
            return WriterSchema(prefix, shipped, message_container_header(shipped))
        schema_id = int.from_bytes(prefix[1:], "big")
        if self._registry is None:
            return Unusable("unknown schema id", f"{schema_id}, and no SCHEMA_REGISTRY_URL is set to look it up")
        text = self._registry.schema_json(schema_id)
        if text is None:
            return Unusable("unknown schema id", f"{schema_id} is not in the schema registry")
        problem = misfit(text)
        if problem:
            return Unusable("not a metric's schema", f"schema {schema_id}: {problem}")
        return WriterSchema(prefix, text, message_container_header(text))


def misfit(schema_json: str) -> str:
    """Why records of this schema are no metrics; empty when they are. Fields that the tables do not know are fine."""
    try:
        schema = json.loads(schema_json)
    except ValueError as exc:
        return f"it is no JSON ({exc})"
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return "it is no record"
    types = {field["name"]: _bare(field["type"]) for field in schema["fields"]}
    ours = {field["name"]: _bare(field["type"]) for field in json.loads(METRIC_SCHEMA_JSON)["fields"]}
    for name in REQUIRED_FIELDS:
        if name not in types:
            return f"field {name!r} is missing"
    for name, type_ in types.items():
        if name in ours and type_ != ours[name]:
            return f"field {name!r} is {json.dumps(type_)}, expected {json.dumps(ours[name])}"
        if name not in ours and name in INGEST_ONLY_COLUMNS:
            return f"field {name!r} is a column that only the consumer fills"
    return ""


def _bare(type_: Any) -> Any:
    """A type without docs and client hints, so that equal types compare equal."""
    if isinstance(type_, list):
        return [_bare(one) for one in type_]
    if isinstance(type_, dict):
        kept = {key: _bare(value) for key, value in type_.items() if key in {"type", "items", "values", "logicalType"}}
        return kept["type"] if set(kept) == {"type"} else kept
    return type_


# Columns of metrics_ingest that say where a message came from, or that a feeder refused it.
INGEST_ONLY_COLUMNS = frozenset(field["name"] for field in (*ORIGIN_FIELDS, *REFUSED_FIELDS, {"name": "frame_end"}))


class ConfluentRegistry:
    """A Confluent-compatible schema registry; `options` are confluent-kafka's, bad ones are a ConfigurationError."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient

        try:
            self._client = SchemaRegistryClient(dict(options))
        except (OSError, ValueError) as exc:  # an ssl.SSLError, that a file holds no certificates, is an OSError
            raise ConfigurationError(f"the SCHEMA_REGISTRY_* settings cannot be used: {exc}").caused_by(exc) from None

    def schema_json(self, schema_id: int) -> str | None:
        """See Registry. Raises RetryableInsertError for everything but an answer that knows, or knows not."""
        with _known_or_not(f"schema {schema_id}"):
            return str(self._client.get_schema(schema_id).schema_str)
        return None

    def schema_id(self, subject: str, schema_json: str) -> int | None:
        """Under which id the subject has this schema, None when it has not; raises as `schema_json`."""
        from confluent_kafka.schema_registry import Schema

        with _known_or_not(f"subject {subject!r}"):
            return self._client.lookup_schema(subject, Schema(schema_json, "AVRO")).schema_id
        return None


@contextmanager
def _known_or_not(what: str) -> Iterator[None]:
    """End the block quietly where the registry says that there is no such thing."""
    from confluent_kafka.schema_registry.error import SchemaRegistryError

    try:
        yield
    except SchemaRegistryError as exc:
        if exc.http_status_code != 404:
            raise RetryableInsertError(f"the schema registry cannot answer for {what}: {exc}").caused_by(exc) from None
    except Exception as exc:  # noqa: BLE001  whatever its HTTP client raises: an answer is still missing
        raise RetryableInsertError(f"the schema registry cannot be reached for {what}: {exc}").caused_by(exc) from None
