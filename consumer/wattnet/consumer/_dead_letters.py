"""The table of dead letters: found by filters or addresses, marked as replayed, purged so that `verify` agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Any

from wattnet.consumer._errors import ConfigurationError, DeadLetterError
from wattnet.consumer._tables import asking_clickhouse, open_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse import ClickHouseSettings

ADDRESS = re.compile(r"(?:([^:\s]+):)?(\d{1,5}):(\d{1,18})", re.ASCII)
DETAIL_BYTES = 500  # of what a list shows of a letter; a whole one may be megabytes
PAGE_LETTERS = 200  # so many whole letters are held at once
NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)

# A letter that was purged may be stored once more, when its range is repeated: it stays purged. (Not those of the Kafka
# engine: without a topic id the same place may be another message.)
THERE = """
    (topic_id = '' OR (topic, topic_id, `partition`, `offset`) NOT IN
        (SELECT topic, topic_id, `partition`, `offset` FROM purged_letters))
"""
FIND = """
    SELECT topic, topic_id, `partition`, `offset`, reason, stored_at, replayed_at, left(detail, {detail_bytes:UInt32}),
           length(raw)
    FROM dead_letters FINAL WHERE """
BY_REASON = """
    SELECT reason, count(), countIf(replayed_at = 0), min(stored_at), max(stored_at),
           argMax((topic, topic_id, `partition`, `offset`), stored_at)
    FROM dead_letters FINAL WHERE """
OF_PARTITION = """
    FROM dead_letters FINAL WHERE topic = {topic:String} AND topic_id = {topic_id:String}
        AND `partition` = {partition:UInt16} AND `offset` IN {offsets:Array(Int64)}
"""
LOAD = f"SELECT `offset`, detail, key, mapKeys(headers), mapValues(headers), raw {OF_PARTITION}"
# From the table itself: what a purge has removed meanwhile does not come back.
MARK = f"""
    INSERT INTO dead_letters
        (topic, topic_id, `partition`, `offset`, reason, detail, key, headers, raw, stored_at, replayed_at)
    SELECT topic, topic_id, `partition`, `offset`, reason, detail, key, headers, raw, stored_at,
           {{at:DateTime64(3, 'UTC')}}
    {OF_PARTITION}
"""
WRITE_DOWN = """
    INSERT INTO purged_letters (topic, topic_id, `partition`, `offset`, reason, replayed_at, purged_at)
    SELECT topic, topic_id, `partition`, `offset`, reason, replayed_at, {at:DateTime64(3, 'UTC')}
    FROM dead_letters FINAL WHERE stored_at <= {at:DateTime64(3, 'UTC')} AND """
SHARDED = (
    "SELECT engine = 'Distributed' FROM system.tables WHERE database = currentDatabase() AND name = 'dead_letters'"
)
# By what was written down, never by the filters once more: a letter that came meanwhile would vanish unrecorded.
DELETE = """
    ALTER TABLE dead_letters DELETE WHERE
        topic_id != '' AND (topic, topic_id, `partition`, `offset`) IN
            (SELECT topic, topic_id, `partition`, `offset` FROM purged_letters)
        OR topic_id = '' AND stored_at <= {at:DateTime64(3, 'UTC')} AND (topic, `partition`, `offset`) IN
            (SELECT topic, `partition`, `offset` FROM purged_letters
             WHERE topic_id = '' AND purged_at = {at:DateTime64(3, 'UTC')})
"""


@dataclass(frozen=True, slots=True)
class LetterAddress:
    """Where a message stood: `topic` is the topic's name, or its id when it was made more than once."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str, *, topic: str) -> LetterAddress:
        """Read `3:4711` (of `topic`), `name:3:4711` or `id:3:4711`. Raises DeadLetterError."""
        match = ADDRESS.fullmatch(text)
        if match is None:
            raise DeadLetterError(
                f"{text!r} is no dead letter's address: give PARTITION:OFFSET or TOPIC:PARTITION:OFFSET, such as 3:4711"
            )
        return cls(match[1] or topic, int(match[2]), int(match[3]))

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters: all conditions hold. `since` and `until` bound when they were stored, [since, until)."""

    addresses: tuple[LetterAddress, ...] = ()
    reasons: tuple[str, ...] = ()
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    replayed: bool | None = None

    def conditions(self) -> tuple[str, dict[str, Any]]:
        """SQL, and its parameters."""
        sql = [THERE]
        values: dict[str, Any] = {}
        if self.addresses:
            sql.append(
                "arrayExists((t, p, o) -> (topic = t OR topic_id = t) AND `partition` = p AND `offset` = o, "
                "{topics:Array(String)}, {partitions:Array(Int64)}, {offsets:Array(Int64)})"
            )
            values["topics"] = [one.topic for one in self.addresses]
            values["partitions"] = [one.partition for one in self.addresses]
            values["offsets"] = [one.offset for one in self.addresses]
        for field, operator, type_ in (("reasons", "reason IN", "Array(String)"), ("topic", "topic =", "String")):
            if given := getattr(self, field):
                sql.append(f"{operator} {{{field}:{type_}}}")
                values[field] = given if isinstance(given, str) else list(given)
        for field, operator in (("since", ">="), ("until", "<")):
            if given := getattr(self, field):
                sql.append(f"stored_at {operator} {{{field}:DateTime64(6, 'UTC')}}")
                values[field] = given
        if self.replayed is not None:
            sql.append("replayed_at > 0" if self.replayed else "replayed_at = 0")
        return " AND ".join(sql), values


@dataclass(frozen=True, slots=True)
class LetterHead:
    """A dead letter without its content. `replayed_at` is None when it was never sent again.

    `detail` is the beginning of why or what; `raw_bytes` how long the message is as the table keeps it, 0 when only
    the decoded record is kept. `topic_id` is '' where the Kafka engine was the feeder.
    """

    topic: str
    topic_id: str
    partition: int
    offset: int
    reason: str
    stored_at: datetime
    replayed_at: datetime | None
    detail: str
    raw_bytes: int

    @property
    def address(self) -> LetterAddress:
        return LetterAddress(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A whole dead letter. `value` is None for a tombstone; `kept` says whether the table has the message at all.

    A feeder's refusal keeps value, key and headers; one by the tables' rules keeps the decoded record as `detail`.
    """

    head: LetterHead
    kept: bool
    value: bytes | None
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    detail: bytes


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many dead letters have this reason, and how many of them were never sent again; `newest` is one of them."""

    reason: str
    letters: int
    pending: int
    first_stored_at: datetime
    last_stored_at: datetime
    newest: LetterAddress


class DeadLetters:
    """The dead letters of one database. Raises ServiceUnavailableError and ConfigurationError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def open(cls, settings: ClickHouseSettings) -> DeadLetters:
        """Connect; to be closed, or used in a with-block."""
        return cls(open_tables(settings))

    def __enter__(self) -> DeadLetters:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def find(self, which: LetterFilter, *, limit: int | None = None) -> list[LetterHead]:
        """The newest first."""
        sql, values = which.conditions()
        order = " ORDER BY stored_at DESC, topic, topic_id, `partition`, `offset` DESC"
        only = "" if limit is None else f" LIMIT {limit:d}"
        rows = self._rows(FIND + sql + order + only, {**values, "detail_bytes": DETAIL_BYTES})
        return [
            LetterHead(
                _text(topic), _text(topic_id), partition, offset, _text(reason), stored_at,
                None if replayed_at <= NEVER else replayed_at, _text(detail), raw_bytes,
            )
            for topic, topic_id, partition, offset, reason, stored_at, replayed_at, detail, raw_bytes in rows
        ]  # fmt: skip

    def at(self, addresses: Sequence[LetterAddress]) -> list[LetterHead]:
        """All that stand at these addresses; raises DeadLetterError, which names it, when there is none at one."""
        heads = self.find(LetterFilter(addresses=tuple(addresses)))
        found = {place for head in heads for place in (head.address, replace(head.address, topic=head.topic_id))}
        for address in addresses:
            if address not in found:
                raise DeadLetterError(
                    f"there is no dead letter {address}: it was never refused, or purged; `wattnet dead-letters list` "
                    "shows those that there are"
                )
        return heads

    def by_reason(self, which: LetterFilter) -> list[ReasonCount]:
        """The most frequent first."""
        sql, values = which.conditions()
        rows = self._rows(f"{BY_REASON}{sql} GROUP BY reason ORDER BY count() DESC, reason", values)
        return [
            ReasonCount(_text(reason), letters, pending, first, last, LetterAddress(_text(newest[0]), *newest[2:]))
            for reason, letters, pending, first, last, newest in rows
        ]

    def load(self, heads: Sequence[LetterHead]) -> Iterator[list[DeadLetter]]:
        """The whole letters, a page at a time, in the order of their offsets; not those that were purged meanwhile."""
        for places, offsets, page in _pages(heads):
            rows = {row[0]: row[1:] for row in self._rows(LOAD, {**places, "offsets": offsets})}
            yield [_letter(head, *rows[head.offset]) for head in page if head.offset in rows]

    def mark_replayed(self, heads: Sequence[LetterHead]) -> None:
        """Note that these were sent again, now."""
        for places, offsets, _ in _pages(heads):
            self._command(MARK, {**places, "offsets": offsets, "at": _now()}, {"insert_deduplicate": 0})

    def purge(self, which: LetterFilter) -> int:
        """Delete them for good; returns how many. `verify` stays right, whenever this is interrupted.

        They are written down in purged_letters first, then deleted by what stands there; so a purge that was
        interrupted is finished by the next one, and until then shows nothing that was written down.
        """
        if self._rows(SHARDED, {}) == [(1,)]:
            raise ConfigurationError(
                "dead_letters is sharded, and a purge deletes from one server: see docs/cluster.md for what keeps the "
                "tables of a cluster small"
            )
        sql, values = which.conditions()
        now = _now()
        self._command(WRITE_DOWN + sql, {**values, "at": now}, {})
        ((purged,),) = self._rows(
            "SELECT count() FROM purged_letters FINAL WHERE purged_at = {at:DateTime64(3, 'UTC')}", {"at": now}
        )
        self._command(DELETE, {"at": now}, {"mutations_sync": 2, "allow_nondeterministic_mutations": 1})
        return int(purged)

    def _rows(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        with asking_clickhouse():
            # Bytes, because a refused message is no text until somebody has looked at it.
            answer = self._client.query(sql, parameters=values, query_formats={"String": "bytes"})
            return [tuple(row) for row in answer.result_rows]

    def _command(self, sql: str, values: dict[str, Any], settings: dict[str, Any]) -> None:
        with asking_clickhouse():
            self._client.command(sql, parameters=values, settings=settings)


def _pages(heads: Sequence[LetterHead]) -> Iterator[tuple[dict[str, Any], list[int], list[LetterHead]]]:
    def place(head: LetterHead) -> tuple[str, str, int]:
        return head.topic, head.topic_id, head.partition

    for (topic, topic_id, partition), group in groupby(sorted(heads, key=lambda one: (*place(one), one.offset)), place):
        letters = list(group)
        for begin in range(0, len(letters), PAGE_LETTERS):
            page = letters[begin : begin + PAGE_LETTERS]
            where = {"topic": topic, "topic_id": topic_id, "partition": partition}
            yield where, [head.offset for head in page], page


def _letter(
    head: LetterHead, detail: bytes, key: bytes, names: Sequence[bytes], values: Sequence[bytes], raw: bytes
) -> DeadLetter:
    # A message of no bytes cannot be told from one that was not kept, but by its reason.
    empty = head.reason == "empty message"
    value = None if empty and b"tombstone" in detail else raw
    headers = tuple((_text(name), content) for name, content in zip(names, values, strict=True))
    return DeadLetter(head, bool(raw) or empty, value, key, headers, detail)


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def _now() -> datetime:
    """In whole milliseconds, as the tables keep times."""
    now = datetime.now(timezone.utc)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
