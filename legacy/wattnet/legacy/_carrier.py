"""One slice on its way from a table of 1.x into metrics_ingest.

A slice is one insert: its name (see _slices) is its topic id and its token, its rows are numbered from 0, and it claims
[0, rows), as every direct writer's call does. Its topic is `import-legacy/TABLE`, which no topic of Kafka can be
called, so `verify` leaves it alone. When the insert is acknowledged, the ledger gets a claim of no messages behind it:
the slice is done. After a crash a slice without that mark goes in once more, and the tables that have it drop it.

A slice that changed since it was done has another name. Of it only those rows go in that no finished slice brought:
so a first run may be made while 1.x is in use, and a last one when it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.clickhouse import INSERT_SETTINGS
from wattnet.legacy._rows import COLUMNS, RANK, SERIES_ID, ingested, quoted

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from wattnet.legacy._slices import Slice
    from wattnet.legacy._tables import LegacyTable

DONE = "SELECT DISTINCT topic_id FROM ledger WHERE topic = {topic:String} AND claim_messages = 0"
# Only what is done counts: of a slice that was interrupted, tables may have rows that others still lack.
STORED = f"""
    SELECT DISTINCT series_id, toUnixTimestamp64Micro(timestamp), rank FROM metrics
    WHERE name = {{name:String}} AND timestamp >= {{start:DateTime64(6, 'UTC')}}
      AND timestamp < {{end:DateTime64(6, 'UTC')}} AND topic_id IN ({DONE})
"""
KEY = f"{SERIES_ID}, toUnixTimestamp64Micro(timestamp), {RANK}"
MARK = """
    INSERT INTO ledger
           (topic, topic_id, `partition`, claim_first, claim_next, claim_messages,
            first_offset, last_offset, messages, refused)
    SELECT {topic:String}, {topic_id:String}, 0, {rows:Int64}, {rows:Int64}, 0, {rows:Int64}, {rows:Int64}, 0, 0
"""


class Carrier:
    """Carries slices; on a dry run it only counts. `writer` is None where there are no tables yet."""

    def __init__(self, reader: Client, writer: Client | None, *, one_server: bool, dry_run: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._one_server = one_server
        self._dry_run = dry_run

    def done(self, table: LegacyTable) -> set[str]:
        """The slices of a table that are in the tables whole."""
        if self._writer is None:
            return set()
        rows = self._writer.query(DONE, parameters={"topic": _topic(table)}).result_rows
        return {topic_id for (topic_id,) in rows}

    def carry(self, table: LegacyTable, part: Slice) -> int:
        """Store the rows of a slice that no finished one has brought; returns how many they are."""
        if self._writer is None:
            return part.rows
        parameters = {
            "topic": _topic(table),
            "topic_id": part.topic_id,
            "name": table.name,
            "start": part.start,
            "end": part.end,
            "rows": part.rows,
        }
        stored = {tuple(row) for row in self._writer.query(STORED, parameters=parameters).result_rows}
        if stored:
            return self._carry_new(self._writer, table, part, stored, parameters)
        if not self._dry_run:
            self._carry_whole(self._writer, table, part, parameters)
            self._writer.command(MARK, parameters=parameters)
        return part.rows

    def _carry_whole(self, writer: Client, table: LegacyTable, part: Slice, parameters: dict[str, Any]) -> None:
        settings = {**INSERT_SETTINGS, "insert_deduplication_token": part.topic_id}
        if self._one_server:
            # Without ORDER BY ALL ClickHouse does not take the answer for stable, and ignores the token.
            into = f"INSERT INTO metrics_ingest ({', '.join(map(quoted, COLUMNS))})"
            writer.command(f"{into} {ingested(table)} ORDER BY ALL", parameters=parameters, settings=settings)
            return
        block = self._reader.raw_query(ingested(table), parameters=parameters, fmt="Native")
        writer.raw_insert("metrics_ingest", COLUMNS, insert_block=block, fmt="Native", settings=settings)

    def _carry_new(
        self, writer: Client, table: LegacyTable, part: Slice, stored: set[tuple[Any, ...]], parameters: dict[str, Any]
    ) -> int:
        question = f"SELECT {KEY}, * FROM ({ingested(table)}) ORDER BY `offset`"
        new: list[list[Any]] = []
        with self._reader.query_rows_stream(question, parameters=parameters) as rows:
            new.extend(list(row[3:]) for row in rows if tuple(row[:3]) not in stored)
        if self._dry_run:
            return len(new)
        for offset, row in enumerate(new):
            row[COLUMNS.index("offset")] = offset
            row[COLUMNS.index("claim_next")] = row[COLUMNS.index("claim_messages")] = len(new)
        if new:
            settings = {**INSERT_SETTINGS, "insert_deduplication_token": part.topic_id}
            writer.insert("metrics_ingest", new, column_names=COLUMNS, settings=settings)
        writer.command(MARK, parameters=parameters)
        return len(new)


def _topic(table: LegacyTable) -> str:
    return f"import-legacy/{table.name}"
