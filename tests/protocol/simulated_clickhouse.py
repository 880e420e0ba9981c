"""ClickHouse by hand: tables behind views that land one by one, each with a window of tokens that forgets the oldest.

It decodes the real container files, so that framing, writer schemas and the parting of bad records are those of the
consumer. What it leaves out is `series`, which is a set: rows that come twice change nothing in it.
"""

from __future__ import annotations

import copy
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fastavro

from wattnet.consumer._errors import PoisonError
from wattnet.consumer._frame import SYNC_MARKER
from wattnet.consumer._ledger import LedgerTail
from wattnet.consumer._recovery import Recorded
from wattnet.schemas import METRIC_SCHEMA_JSON, shipped_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fastavro.types import Schema

TABLES = ("metrics", "dead_letters", "ledger")
REGISTERED_ID = 7
REFUSED_BY_THE_ENGINE = "refused by the engine"
METRIC_SCHEMA = fastavro.parse_schema(json.loads(METRIC_SCHEMA_JSON))
PREFIX = b"\xc3\x01" + next(iter(shipped_schemas()))
REGISTERED_PREFIX = b"\x00" + REGISTERED_ID.to_bytes(4, "big")

# A row of metrics and dead_letters is (topic id, partition, offset, serial number of the message); one of the ledger
# (topic id, partition, first, next, messages claimed, first offset, last offset, messages).
Row = tuple[Any, ...]


class OneSchema:
    """A registry that knows one id."""

    def schema_json(self, schema_id: int) -> str | None:
        return METRIC_SCHEMA_JSON if schema_id == REGISTERED_ID else None


def message(serial: int, *, name: str = "zone_load", prefix: bytes = PREFIX) -> bytes:
    """A metric that carries the message's serial number."""
    stream = io.BytesIO()
    record = {"name": name, "value": 1.0, "timestamp": 0, "labels": {"zone": "ES"}, "knowledge_time": serial}
    fastavro.schemaless_writer(stream, METRIC_SCHEMA, {**record, "valid": True, "zone_status": "complete"})
    return prefix + stream.getvalue()


def unreadable(serial: int) -> bytes:
    """Begins like a metric, and is none: its name would be longer than the message."""
    return PREFIX + b"\xfe\xff\xff\x0f" + str(serial).encode()


@dataclass
class Table:
    """A table with a deduplication window of `window` tokens."""

    window: int
    rows: Counter[Row] = field(default_factory=Counter)
    tokens: dict[str, None] = field(default_factory=dict)
    forgot: bool = False  # a token that may be repeated has left the window

    def insert(self, token: str, rows: list[Row]) -> bool:
        """Store the block, unless its token is known; says whether it did. A view without rows makes no block."""
        if not rows or token in self.tokens:
            return False
        self.rows.update(rows)
        self.remember(token)
        return True

    def remember(self, token: str) -> None:
        """Put the token into the window."""
        self.tokens[token] = None
        while len(self.tokens) > self.window:
            del self.tokens[next(iter(self.tokens))]
            self.forgot = True


@dataclass
class Insert:
    """A request that ClickHouse has and nobody waits for any more."""

    body: bytes
    token: str


class SimulatedClickHouse:
    """The store. `on_insert` is called after each block that a table took."""

    def __init__(self, window: int, on_insert: Callable[[str, list[Row]], None]) -> None:
        self.tables = {name: Table(window) for name in TABLES}
        self.running: list[Insert] = []
        self._on_insert = on_insert
        self._floods = 0
        self._schemas: dict[bytes, Schema] = {}

    def insert(self, body: bytes, token: str, into: Collection[str] = TABLES) -> None:
        """Decode all of it, then let the views of `into` land. Raises PoisonError, and then nothing is stored."""
        rows = self._views(body)
        for table in into:
            if self.tables[table].insert(token, rows[table]):
                self._on_insert(table, rows[table])

    def flood(self, count: int) -> None:
        """Inserts of others push tokens out of the windows."""
        for _ in range(count):
            self._floods += 1
            for table in self.tables.values():
                table.remember(f"flood {self._floods}")

    def copy_of_folder(self) -> dict[str, Table]:
        """What a back-up holds."""
        return copy.deepcopy(self.tables)

    def restore(self, folder: dict[str, Table]) -> None:
        """Start on the folder as it was; what was running is gone."""
        self.tables = copy.deepcopy(folder)
        self.running.clear()

    def claim_of(self, body: bytes) -> tuple[str, int, int, int]:
        """Topic id, partition, first and next of the claim that the container's records name."""
        record = self._records(body)[0]
        return (record["topic_id"], record["partition"], record["claim_first"], record["claim_next"])

    def _views(self, body: bytes) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        claims: dict[Row, list[int]] = {}
        for record in self._records(body):
            place = (record["topic_id"], record["partition"], record["offset"])
            if "raw" in record:
                rows["dead_letters"].append((*place, int(record["key"])))
            elif record["name"] == REFUSED_BY_THE_ENGINE:
                raise PoisonError("the engine does not like it")
            else:
                rows["metrics" if record["name"] else "dead_letters"].append((*place, _serial(record)))
            claim = (*place[:2], record["claim_first"], record["claim_next"], record["claim_messages"])
            claims.setdefault(claim, []).append(record["offset"])
        rows["ledger"] = [
            (*claim, min(offsets), max(offsets), len(offsets)) for claim, offsets in sorted(claims.items())
        ]
        return rows

    def _records(self, body: bytes) -> list[dict[str, Any]]:
        end = body.index(SYNC_MARKER) + len(SYNC_MARKER)
        header = body[:end]
        if header not in self._schemas:
            schema = json.loads(header[header.index(b'{"type"') : header.index(b"\x14avro.codec")])
            self._schemas[header] = fastavro.parse_schema(schema)
        records = []
        for block in body[end:].split(SYNC_MARKER)[:-1]:
            stream = io.BytesIO(block)
            fastavro.schemaless_reader(stream, "long", None)
            fastavro.schemaless_reader(stream, "long", None)
            try:
                record = fastavro.schemaless_reader(stream, self._schemas[header], None)
            except Exception as exc:  # noqa: BLE001  # hostile bytes raise whatever they like
                raise PoisonError(f"{type(exc).__name__}") from None
            records.append(record)
        return records  # type: ignore[return-value]  # the schema is a record's


def _serial(record: dict[str, Any]) -> int:
    return int(record["knowledge_time"].timestamp() * 1_000_000 + 0.5)


class SimulatedLedger:
    """Ledger, over the simulated table: the same answer as ClickHouseLedger's queries."""

    def __init__(self, store: SimulatedClickHouse) -> None:
        self._store = store

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        rows = [row[2:] for row in self._store.tables["ledger"].rows if row[:2] == (topic_id, partition)]
        if not rows:
            return LedgerTail(None, ())
        newest, end = max(row[0] for row in rows), max(row[1] for row in rows)
        claims: Counter[tuple[int, int, int]] = Counter()
        for first, next_, promised, _, _, messages in rows:
            if next_ >= (end if since is None else since) or first == newest:
                claims[first, next_, promised] += messages
        return LedgerTail(
            min(row[0] for row in rows), tuple(Recorded(*claim, n) for claim, n in sorted(claims.items()))
        )
