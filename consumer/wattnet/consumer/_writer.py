"""Writes ranges: frames them, inserts them under their tokens, and parts the bad records from the good."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from threading import Event
from typing import TYPE_CHECKING

import stamina

from wattnet.consumer._errors import (
    DoubtfulInsertError,
    PoisonError,
    RetryableInsertError,
    ServiceUnavailableError,
    TooMuchAtOnceError,
)
from wattnet.consumer._frame import (
    BODIES,
    REFUSED_FIELDS,
    Refused,
    container_header,
    frame_bodies,
    frame_refused,
    origin,
)
from wattnet.consumer._lengths import Lengths
from wattnet.consumer._message import offset_of
from wattnet.consumer._strict import StrictReader
from wattnet.consumer._writer_schemas import LONGEST_PREFIX_BYTES, Unusable, WriterSchema, WriterSchemas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from confluent_kafka import Message

    from wattnet.consumer._health import Health
    from wattnet.consumer._ingest import Ingest
    from wattnet.consumer._ledger import Ledger
    from wattnet.consumer._meters import Meters
    from wattnet.consumer._range import Range
    from wattnet.consumer._range_size import RangeSize
    from wattnet.consumer._witness import Witness

    T = TypeVar("T")

logger = logging.getLogger(__name__)

RETRY_WAIT_INITIAL_S = 0.1
RETRY_WAIT_MAX_S = 5.0
MOST_SCHEMAS = 64
REFUSED_HEADER = container_header(REFUSED_FIELDS)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a range's messages: all are accounted for, `refusals` of them as dead letters, by reason."""

    messages: int
    refusals: Mapping[str, int]

    @property
    def refused(self) -> int:
        """How many are dead letters."""
        return sum(self.refusals.values())


class Writer:
    """Stores whole ranges. `write` may run in several threads at once, for different partitions."""

    def __init__(
        self,
        ingest: Ingest,
        schemas: WriterSchemas,
        ledger: Ledger,
        witness: Witness,
        *,
        cluster_id: str,
        meters: Meters,
        health: Health,
        size: RangeSize,
    ) -> None:
        self._ingest = ingest
        self._schemas = schemas
        self._ledger = ledger
        self._witness = witness
        self._cluster_id = cluster_id
        self._meters = meters
        self._health = health
        self._size = size
        self._abandoned = Event()

    def abandon(self) -> None:
        """Give up retrying: a range under way then raises RetryableInsertError. Its claim stands."""
        self._abandoned.set()

    def write(self, range_: Range) -> Written:
        """Store the range, or its bad records as dead letters; returns when all of it is acknowledged.

        Retries without end what may heal. Raises FatalInsertError for what cannot, UnsafeToContinueError when
        ClickHouse lost what lies before the range, RetryableInsertError once abandoned.
        Every step depends on the bytes alone, so a repeat after a crash makes the same parts under the same tokens.
        """
        try:
            refused = self._store(range_)
        finally:
            self._health.well(str(range_))
        self._witness.stored(range_)
        self._size.stored(len(range_.messages))
        return Written(len(range_.messages), self._refusals(range_, refused))

    def _store(self, range_: Range) -> list[Refused]:
        refused: list[Refused] = []
        rest: Sequence[Message] = range_.messages
        first = self._patiently(range_, self._schemas.find, rest[0].value())
        if isinstance(first, WriterSchema):
            # Nearly always this is the whole range.
            rest = self._write_bodies(range_, first, rest, refused)
        for schema, messages in self._by_schema(range_, rest, refused).items():
            self._write_bodies(range_, schema, messages, refused)
        if refused:
            with self._meters.spent("dlq"):
                refused.sort(key=lambda one: offset_of(one.message))
                body = _joined(REFUSED_HEADER, frame_refused(refused, origin(range_)))
                self._insert(range_, body, f"{self._token(range_)}:refused")
        return refused

    def _refusals(self, range_: Range, refused: Sequence[Refused]) -> Mapping[str, int]:
        """Also what the tables' rules refused: only the ledger knows. Nothing that is exact rests on it."""
        claim = range_.claim
        try:
            return self._ledger.refusals(claim.topic_id, range_.partition, claim.first, claim.next)
        except ServiceUnavailableError as exc:
            logger.warning("%s: what the tables refused is not counted: %s", range_, exc)
            return Counter(one.reason for one in refused)

    def _write_bodies(
        self, range_: Range, schema: WriterSchema, messages: Sequence[Message], refused: list[Refused]
    ) -> list[Message]:
        """Insert those of the messages that have this schema; returns the others. Adds the bad ones to `refused`."""
        with self._meters.spent("frame"):
            blocks, others = frame_bodies(messages, schema.prefix, origin(range_))
            doubtful = _lengths(schema.schema_json).doubtful(blocks[BODIES])
        token = f"{self._token(range_)}:{schema.prefix.hex()}"
        own = _own(messages, schema) if doubtful else ()
        broken = _any_broken([own[index] for index in doubtful], schema)
        if broken or not self._store_whole(range_, _joined(schema.header, blocks), token, schema, messages):
            own = own or _own(messages, schema)
            with self._meters.spent("dlq"):
                bad = self._part_bad(range_, own, schema, token)
            logger.warning("%s: %d of %d records cannot be read", range_, len(bad), len(own))
            refused += bad
        return others

    def _store_whole(
        self, range_: Range, body: bytes, token: str, schema: WriterSchema, messages: Sequence[Message]
    ) -> bool:
        """Insert; returns False, and nothing is stored, when a record cannot be read."""
        try:
            with self._meters.spent("insert"):
                self._patiently(range_, self._insert_bodies, range_, body, token, schema, messages)
        except PoisonError:
            return False
        return True

    def _insert_bodies(
        self, range_: Range, body: bytes, token: str, schema: WriterSchema, messages: Sequence[Message]
    ) -> None:
        """Insert; raises PoisonError also for a doubtful refusal when one of the records is broken.

        So is a lack of memory, for broken records can cost any amount of it. Where none is broken it was not theirs, or
        sound records need more than others do: the same insert goes again at once, with as much as ClickHouse gives.
        """
        try:
            self._insert_once(range_, body, token, limited=True)
        except (DoubtfulInsertError, TooMuchAtOnceError) as exc:
            if _any_broken(_own(messages, schema), schema):
                raise PoisonError(str(exc)).caused_by(exc) from None
            if isinstance(exc, DoubtfulInsertError):
                raise
            self._insert_once(range_, body, token)

    def _by_schema(
        self, range_: Range, messages: Sequence[Message], refused: list[Refused]
    ) -> dict[WriterSchema, list[Message]]:
        """The messages by their schemas, in order of appearance; those without a usable one are added to `refused`."""
        groups: dict[WriterSchema, list[Message]] = {}
        unusable: dict[bytes | None, Unusable] = {}
        for message in messages:
            value = message.value()
            beginning = None if value is None else value[:LONGEST_PREFIX_BYTES]  # a tombstone is not an empty value
            # A registry is asked once a range for an id that it does not know, not once a message.
            schema = unusable.get(beginning) or self._patiently(range_, self._schemas.find, value)
            if isinstance(schema, Unusable):
                unusable[beginning] = schema
                refused.append(Refused(message, schema.reason, schema.detail))
            else:
                groups.setdefault(schema, []).append(message)
        return groups

    def _part_bad(self, range_: Range, messages: Sequence[Message], schema: WriterSchema, token: str) -> list[Refused]:
        """Insert the good ones of messages that were refused together; returns the bad ones.

        StrictReader finds all that are known to be refused; should the engine refuse more, it is asked half by half.
        """
        reader, start = StrictReader(schema.schema_json), len(schema.prefix)
        bad: list[Refused] = []
        good: list[Message] = []
        for message in messages:
            problem = reader.problem(message.value() or b"", start)
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
            self._insert(range_, _joined(schema.header, blocks), part)
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

    def _insert(self, range_: Range, body: bytes, token: str) -> None:
        self._patiently(range_, self._insert_once, range_, body, token)

    def _insert_once(self, range_: Range, body: bytes, token: str, *, limited: bool = False) -> None:
        with self._witness.watching(range_):
            self._ingest.insert(body, token, limited=limited)

    def _patiently(self, range_: Range, act: Callable[..., T], *arguments: object) -> T:
        """Call until it stops raising RetryableInsertError, with growing, jittered pauses; meanwhile not ready."""
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
                    answer = act(*arguments)
                except RetryableInsertError as exc:
                    self._trouble(range_, attempt.num, exc)
                    raise
                if attempt.num > 1:
                    self._health.well(str(range_))
                return answer
        raise AssertionError("the retries have no end")

    def _trouble(self, range_: Range, attempt: int, exc: RetryableInsertError) -> None:
        self._health.trouble(str(range_), f"{range_}, attempt {attempt}: {exc}", self._health.storing)
        self._meters.insert_retries.inc()
        if attempt == 1 and isinstance(exc, TooMuchAtOnceError):
            self._size.too_much()


@lru_cache(MOST_SCHEMAS)
def _lengths(schema_json: str) -> Lengths:
    return Lengths(schema_json)


def _any_broken(messages: Sequence[Message], schema: WriterSchema) -> bool:
    """Whether one of the messages, all of this schema, is no record of it."""
    reader, start = StrictReader(schema.schema_json), len(schema.prefix)
    return any(reader.problem(message.value() or b"", start) for message in messages)


def _joined(header: bytes, blocks: list[bytes]) -> bytes:
    body = b"".join((header, *blocks))
    blocks.clear()  # the body holds them now
    return body


def _own(messages: Sequence[Message], schema: WriterSchema) -> list[Message]:
    """Those of the messages that have this schema."""
    return [message for message in messages if (message.value() or b"").startswith(schema.prefix)]
