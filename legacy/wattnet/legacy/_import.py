"""Every table of a 1.x database, one after the other: see _carrier for how one slice of it travels."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from wattnet.clickhouse import DatabaseMissingError, MigrationError, connect, heals, require_migrated
from wattnet.legacy._carrier import Carrier
from wattnet.legacy._errors import LegacyDatabaseError, LegacyInterruptedError
from wattnet.legacy._survey import look_through
from wattnet.legacy._tables import find_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.legacy._report import TableReport

_UNKNOWN_IDENTIFIER = 47  # src/Common/ErrorCodes.cpp: a table of 1.x lacks a column

# Looking through the largest table is one question.
LOOK_S = 3_600
AGAIN = "What is carried stays: run the import again, and it goes on from there"


def import_legacy(
    source: ClickHouseSettings,
    target: ClickHouseSettings,
    *,
    dry_run: bool = False,
    told: Callable[[str, int], None] = lambda *_: None,
) -> Iterator[TableReport]:
    """Carry every table of the 1.x database `source` into `target`: a report a table, as each is done.

    Nothing in `source` is changed; on a dry run nothing in `target` either, which then needs no tables. It may be
    stopped at any moment and run again. `told` hears how many of a table's rows are done. Raises LegacyDatabaseError
    when there is nothing to import, or no right to; LegacyInterruptedError when a server goes away; and what connect()
    and require_migrated() raise.
    """
    if not dry_run:
        require_migrated(target)
    one_server = (source.address, source.user) == (target.address, target.user)
    with ExitStack() as open_clients:
        reader = open_clients.enter_context(_connect_to_source(source))
        writer = (
            _if_there(target, open_clients)
            if dry_run
            else open_clients.enter_context(connect(target, timeout_s=LOOK_S))
        )
        with _asking(source):
            tables = find_tables(reader, source.database, source.address)
            carrier = Carrier(reader, writer, one_server=one_server, dry_run=dry_run)
        for table in tables:
            told(table.name, 0)
            with _asking(source):
                survey = look_through(reader, table)
                report = survey.report
            with _asking(target):
                done = carrier.done(table)
            for part in survey.slices:
                with _asking(source, target):
                    carried = 0 if part.topic_id in done else carrier.carry(table, part)
                report = replace(report, carried=report.carried + carried, present=report.present + part.rows - carried)
                told(table.name, report.carried + report.present)
            yield report


def _if_there(target: ClickHouseSettings, open_clients: ExitStack) -> Client | None:
    """For a dry run: the tables that an earlier run may have filled."""
    try:
        require_migrated(target)
        return open_clients.enter_context(connect(target, timeout_s=LOOK_S))
    except (DatabaseMissingError, MigrationError):
        return None


def _connect_to_source(source: ClickHouseSettings) -> Client:
    try:
        return connect(source, timeout_s=LOOK_S)
    except DatabaseMissingError as exc:
        raise LegacyDatabaseError(
            f"{source.address} has no database {source.database!r}: name the one of 1.x with --database, or another "
            "server with --from"
        ).caused_by(exc) from None


@contextmanager
def _asking(*asked: ClickHouseSettings) -> Iterator[None]:
    """Errors in words; `asked` are the databases that a statement may concern."""
    where = " and ".join(dict.fromkeys(f"database {one.database!r} at {one.address}" for one in asked))
    users = " and ".join(dict.fromkeys(repr(one.user) for one in asked))
    try:
        yield
    except Error as exc:
        if not heals(exc.code) or exc.code == _UNKNOWN_IDENTIFIER:
            raise LegacyDatabaseError(
                f"ClickHouse refuses: {exc}. Check the rights of user {users} in {where}"
            ).caused_by(exc) from None
        raise LegacyInterruptedError(f"ClickHouse failed: {exc}. {AGAIN}").caused_by(exc) from None
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
        raise LegacyInterruptedError(f"ClickHouse does not answer: {exc}. {AGAIN}").caused_by(exc) from None
