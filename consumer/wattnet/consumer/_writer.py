"""Writes ranges: frames them, inserts them under their tokens, and parts the bad records from the good."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import fastavro
import stamina

from wattnet.consumer._errors import PoisonError, RetryableInsertError
from wattnet.consumer._frame import (
    REFUSED_FIELDS,
    Refused,
    container_header,
    frame_bodies,
    frame_refused,
    origin,
)
from wattnet.consumer._message import offset_of
from wattnet.consumer._writer_schemas import LONGEST_PREFIX_BYTES, Unusable, WriterSchema, WriterSchemas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from confluent_kafka import Message
    from fastavro.types import Schema

    from wattnet.consumer._ingest import Ingest
    from wattnet.consumer._range import Range

    T = TypeVar("T")

logger = logging.getLogger(__name__)

RETRY_WAIT_INITIAL_S = 0.1
RETRY_WAIT_MAX_S = 5.0
REFUSED_HEADER = container_header(REFUSED_FIELDS)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a range's messages: all of them are accounted for. `refused` are those refused here."""

    messages: int
    refused: int


class Writer:
    """Stores whole ranges. `write` may run in several threads at once, for different partitions."""

    def __init__(self, ingest: Ingest, schemas: WriterSchemas, *, cluster_id: str) -> None:
        self._ingest = ingest
        self._schemas = schemas
        self._cluster_id = cluster_id
        self._abandoned = Event()

    def abandon(self) -> None:
        """Give up retrying: a range under way then raises RetryableInsertError. Its claim stands."""
        self._abandoned.set()

    def write(self, range_: Range) -> Written:
        """Store the range, or its bad records as dead letters; returns when all of it is acknowledged.

        Retries without end what may heal. Raises FatalInsertError for what cannot, RetryableInsertError once abandoned.
        Every step depends on the bytes alone, so a repeat after a crash makes the same parts under the same tokens.
        """
        refused: list[Refused] = []
        rest: Sequence[Message] = range_.messages
        first = self._patiently(self._schemas.find, rest[0].value())
        if isinstance(first, WriterSchema):
            # Nearly always this is the whole range.
            rest = self._write_bodies(range_, first, rest, refused)
        for schema, messages in self._by_schema(rest, refused).items():
            self._write_bodies(range_, schema, messages, refused)
        if refused:
            refused.sort(key=lambda one: offset_of(one.message))
            self._insert(REFUSED_HEADER, frame_refused(refused, origin(range_)), f"{self._token(range_)}:refused")
        return Written(len(range_.messages), len(refused))

    def _write_bodies(
        self, range_: Range, schema: WriterSchema, messages: Sequence[Message], refused: list[Refused]
    ) -> list[Message]:
        """Insert those of the messages that have this schema; returns the others. Adds the bad ones to `refused`."""
        blocks, others = frame_bodies(messages, schema.prefix, origin(range_))
        token = f"{self._token(range_)}:{schema.prefix.hex()}"
        try:
            self._insert(schema.header, blocks, token)
        except PoisonError:
            own = [message for message in messages if (message.value() or b"").startswith(schema.prefix)]
            bad = self._part_bad(range_, own, schema, token)
            logger.warning("%s: %d of %d records cannot be read", range_, len(bad), len(own))
            refused += bad
        return others

    def _by_schema(self, messages: Sequence[Message], refused: list[Refused]) -> dict[WriterSchema, list[Message]]:
        """The messages by their schemas, in order of appearance; those without a usable one are added to `refused`."""
        groups: dict[WriterSchema, list[Message]] = {}
        unusable: dict[bytes, Unusable] = {}
        for message in messages:
            value = message.value()
            beginning = (value or b"")[:LONGEST_PREFIX_BYTES]
            # A registry is asked once a range for an id that it does not know, not once a message.
            schema = unusable.get(beginning) or self._patiently(self._schemas.find, value)
            if isinstance(schema, Unusable):
                unusable[beginning] = schema
                refused.append(Refused(message, schema.reason, schema.detail))
            else:
                groups.setdefault(schema, []).append(message)
        return groups

    def _part_bad(self, range_: Range, messages: Sequence[Message], schema: WriterSchema, token: str) -> list[Refused]:
        """Insert the good ones of messages that were refused together; returns the bad ones.

        Python finds most of them; the engine is the judge of the rest, and is asked half by half.
        """
        parsed = fastavro.parse_schema(_without_logical_types(json.loads(schema.schema_json)))
        bad: list[Refused] = []
        good: list[Message] = []
        for message in messages:
            problem = _decoding_problem(message, schema, parsed)
            if problem:
                bad.append(Refused(message, "cannot be decoded", problem))
            else:
                good.append(message)
        bad += self._halve(range_, good, schema, token)
        return bad

    def _halve(self, range_: Range, messages: Sequence[Message], schema: WriterSchema, token: str) -> list[Refused]:
        if not messages:
            return []
        blocks, _ = frame_bodies(messages, schema.prefix, origin(range_))
        part = f"{token}:{messages[0].offset()}-{messages[-1].offset()}:{len(messages)}"
        try:
            self._insert(schema.header, blocks, part)
        except PoisonError as exc:
            if len(messages) == 1:
                return [Refused(messages[0], "refused by ClickHouse", str(exc))]
            middle = len(messages) // 2
            return [
                *self._halve(range_, messages[:middle], schema, token),
                *self._halve(range_, messages[middle:], schema, token),
            ]
        return []

    def _token(self, range_: Range) -> str:
        claim = range_.claim
        return f"{self._cluster_id}:{claim.topic_id}:{range_.partition}:{claim.first}:{claim.next}"

    def _insert(self, header: bytes, blocks: list[bytes], token: str) -> None:
        body = b"".join((header, *blocks))
        blocks.clear()  # the body holds them now; a retry needs no second copy
        self._patiently(self._ingest.insert, body, token)

    def _patiently(self, act: Callable[..., T], *arguments: object) -> T:
        """Call until it stops raising RetryableInsertError, with growing, jittered pauses."""
        for attempt in stamina.retry_context(
            on=lambda exc: isinstance(exc, RetryableInsertError) and not self._abandoned.is_set(),
            attempts=None,
            timeout=None,
            wait_initial=RETRY_WAIT_INITIAL_S,
            wait_max=RETRY_WAIT_MAX_S,
            wait_jitter=RETRY_WAIT_INITIAL_S,
        ):
            with attempt:
                try:
                    return act(*arguments)
                except RetryableInsertError as exc:
                    logger.warning("attempt %d: %s", attempt.num, exc)
                    raise
        raise AssertionError("the retries have no end")


def _without_logical_types(schema: Any) -> Any:
    """The schema with plain longs for times: a time out of range is for the tables to refuse, by their own rule."""
    if isinstance(schema, dict):
        return {key: _without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return [_without_logical_types(one) for one in schema] if isinstance(schema, list) else schema


def _decoding_problem(message: Message, schema: WriterSchema, parsed: Schema) -> str:
    """Why the message's body is no record of its schema; empty when it is one."""
    value = message.value() or b""
    stream = io.BytesIO(value[len(schema.prefix) :])
    try:
        fastavro.schemaless_reader(stream, parsed, None, handle_unicode_errors="surrogateescape")
    except Exception as exc:  # noqa: BLE001  # hostile bytes raise whatever they like
        return f"{type(exc).__name__}: {exc} (at byte {len(schema.prefix) + stream.tell()} of {len(value)})"
    return ""
