"""What forbids to consume: tables that are not as they must be, and rights that are missing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from wattnet.clickhouse import MigrationError, heals, migration_status
from wattnet.consumer._clickhouse_questions import ACCESS_DENIED, code_of, reason, rows
from wattnet.consumer._finding import Finding, misconfigured, ok, unseen, warning
from wattnet.consumer._frame import ORIGIN_FIELDS, REFUSED_FIELDS, message_container_header
from wattnet.consumer._ingest import SETTINGS
from wattnet.schemas import METRIC_SCHEMA_JSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse import ClickHouseSettings

UNKNOWN_IDENTIFIER = 47  # a table of another version: it passes as little as a missing one
# What a materialized view fills from metrics_ingest, and where repeated inserts must be recognized.
FED_TABLES = ("dead_letters", "label_values", "ledger", "metrics", "newest", "series")
VIEWS = tuple(f"ingest_to_{table}" for table in FED_TABLES)
INGEST_TABLE = "metrics_ingest"
MIGRATIONS_TABLE = "schema_versions"
INGEST_COLUMNS = {"frame_end"}.union(
    str(field["name"]) for field in (*ORIGIN_FIELDS, *REFUSED_FIELDS, *json.loads(METRIC_SCHEMA_JSON)["fields"])
)
READ_LEDGER = """
    SELECT topic, topic_id, `partition`, claim_first, claim_next, claim_messages, first_offset, last_offset, messages
    FROM ledger LIMIT 0
"""
# ClickHouse parses the definition of each table whose engine it is asked for: not those of the views.
ENGINES = """
    SELECT name, engine_full FROM system.tables
    WHERE database = currentDatabase() AND (engine LIKE '%MergeTree' OR engine = 'Distributed')
"""
DEFAULT_WINDOWS = (
    "SELECT name, value FROM system.merge_tree_settings WHERE name LIKE '%replicated_deduplication_window'"
)


def examine_tables(client: Client, settings: ClickHouseSettings) -> Iterator[Finding]:
    """The tables that can be seen: of this version, all there, and with a window."""
    there = {name for (name,) in rows(client, "SELECT name FROM system.tables WHERE database = currentDatabase()")}
    if INGEST_TABLE not in there:
        yield misconfigured(
            "tables",
            f"database {settings.database!r} has no table {INGEST_TABLE} that user {settings.user!r} may see",
            "run `wattnet migrate up`, or give the user its rights",
        )
        return
    if MIGRATIONS_TABLE in there:
        yield from _migrations(client, settings, there)
    else:
        yield from _columns(client)
    yield from _windows(client, dict(rows(client, ENGINES)))


def _migrations(client: Client, settings: ClickHouseSettings, there: set[str]) -> Iterator[Finding]:
    try:
        migrations = migration_status(settings, client=client)
    except MigrationError:
        # A user that sees the table and may not read it.
        yield from _columns(client)
        return
    for migration in migrations:
        if migration.state != "applied":
            remedy = (
                "run `wattnet migrate up`" if migration.state == "pending" else "install the version that applied it"
            )
            yield misconfigured("migrations", f"{migration.name} is {migration.state}", remedy)
            return
    missing = sorted({*FED_TABLES, *VIEWS} - there)
    if missing:
        yield misconfigured(
            "tables",
            f"{', '.join(missing)} of database {settings.database!r} is gone, though its migration was applied",
            "make it again by the statements of that migration; until then nothing arrives in it",
        )
        return
    yield ok("migrations", f"all {len(migrations)} are applied, up to {migrations[-1].name}")


def _columns(client: Client) -> Iterator[Finding]:
    """All that a user without a view of the migrations can see of the tables' version."""
    sql = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'metrics_ingest'"
    there = {name for (name,) in rows(client, sql)}
    missing = sorted(INGEST_COLUMNS - there)
    if missing:
        yield misconfigured("tables", f"metrics_ingest lacks {', '.join(missing)}", "run `wattnet migrate up`")
    else:
        yield unseen("migrations", "this user may not see which are applied")


def _windows(client: Client, engines: dict[str, str]) -> Iterator[Finding]:
    # A front of a cluster's shards keeps nothing; the table behind it does.
    stored = (f"{table}_local" if engines.get(table, "").startswith("Distributed") else table for table in FED_TABLES)
    judged = [table for table in stored if table in engines]
    without = [table for table in judged if _window(client, engines[table]) == 0]
    for table in without:
        yield misconfigured(
            "deduplication",
            f"{table} has no deduplication window: ClickHouse would store a repeated insert twice",
            f"ALTER TABLE {table} MODIFY SETTING {_window_setting(engines[table])} = 10000",
        )
    if judged and not without:
        yield ok("deduplication", f"repeated inserts are recognized in {', '.join(judged)}")


def _window_setting(engine: str) -> str:
    kind = "replicated" if engine.startswith("Replicated") else "non_replicated"
    return f"{kind}_deduplication_window"


def _window(client: Client, engine: str) -> int:
    name = _window_setting(engine)
    own = re.search(rf"\b{name} = (\d+)", engine)
    if own:
        return int(own.group(1))
    return int(dict(rows(client, DEFAULT_WINDOWS))[name])


def examine_rights(client: Client, settings: ClickHouseSettings) -> Iterator[Finding]:
    """An insert of no rows, as a consumer makes them: it passes all checks of rights and tables, and stores nothing."""
    try:
        client.raw_insert(
            "metrics_ingest", insert_block=message_container_header(METRIC_SCHEMA_JSON), fmt="Avro", settings=SETTINGS
        )
    except ClickHouseError as exc:
        code = code_of(exc)
        if code is None:
            raise
        if code == ACCESS_DENIED:
            # SELECT for the views that hang on it: they have no definer.
            grant = f"GRANT INSERT, SELECT ON {settings.database}.{INGEST_TABLE} TO {settings.user}"
            yield misconfigured("rights", f"user {settings.user!r} may not insert into metrics_ingest", grant)
        elif not heals(code):
            yield misconfigured("inserts", reason(exc), "ClickHouse would refuse every insert: see its message")
        else:
            yield warning("inserts", reason(exc), "ClickHouse refuses inserts now; a consumer would wait")
    else:
        yield ok("rights", f"user {settings.user!r} may insert")


def examine_ledger(client: Client, settings: ClickHouseSettings) -> Iterator[Finding]:
    try:
        rows(client, READ_LEDGER)
    except ClickHouseError as exc:
        code = code_of(exc)
        if heals(code) and code != UNKNOWN_IDENTIFIER:
            raise
        grant = f"GRANT SELECT ON {settings.database}.ledger TO {settings.user}"
        remedy = grant if code == ACCESS_DENIED else "run `wattnet migrate up`"
        yield misconfigured("ledger", f"it cannot be read: {reason(exc)}", remedy)
    else:
        yield ok("ledger", f"user {settings.user!r} may read it")
