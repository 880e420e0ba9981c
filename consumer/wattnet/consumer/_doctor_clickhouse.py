"""What a consumer needs of ClickHouse beside its tables: that it answers, has room, and a clock that is right."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError

from wattnet.clickhouse import ClickHouseUnavailableError, DatabaseMissingError, StorageError, connect
from wattnet.consumer._clickhouse_questions import ACCESS_DENIED, code_of, reason, rows
from wattnet.consumer._doctor_tables import examine_ledger, examine_rights, examine_tables
from wattnet.consumer._engine_table import EngineTable
from wattnet.consumer._errors import EXIT_UNAVAILABLE
from wattnet.consumer._finding import Finding, misconfigured, note, ok, unavailable, unseen, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse import ClickHouseSettings

    Check = Callable[[Client, ClickHouseSettings], Iterator[Finding]]

TESTED_VERSION = (26, 1)
TIMEOUT_S = 30.0
CLOCK_TOLERANCE_S = 2.0
LOW_DISK_SHARE = 0.1
HIGH_MEMORY_SHARE = 0.8
# ClickHouse slows inserts down at 1,000 parts in a partition, and refuses them at 3,000 (its defaults).
MANY_PARTS = 600
GIB = 1024**3


def examine_clickhouse(
    settings: ClickHouseSettings, *, only_fatal: bool, client: Client | None = None
) -> Iterator[Finding]:
    """ClickHouse's part of the examination; with `only_fatal` only what forbids to consume is asked for.

    `client` is asked where there is one, and stays open.
    """
    try:
        asked = nullcontext(client) if client else closing(connect(settings, timeout_s=TIMEOUT_S, compress=False))
    except ClickHouseUnavailableError as exc:
        yield _away(settings) if exc.code is None else _in_trouble(settings, exc)
        return
    except DatabaseMissingError:
        seen = f"there is no database {settings.database!r} at {settings.address}"
        yield misconfigured("database", seen, "make it with `wattnet migrate up`, or set CLICKHOUSE_DATABASE")
        return
    except StorageError as exc:
        yield misconfigured("clickhouse", reason(exc), "correct the CLICKHOUSE_* settings")
        return
    with asked as driver:
        for name, check in FATAL_CHECKS if only_fatal else ALL_CHECKS:
            for finding in _checked(driver, settings, name, check):
                yield finding
                if finding.exit_code == EXIT_UNAVAILABLE:
                    return


def _checked(client: Client, settings: ClickHouseSettings, name: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check(client, settings)
    except (ClickHouseError, StorageError, urllib3.exceptions.HTTPError, OSError) as exc:
        code = code_of(exc)
        if code is None:
            yield _away(settings)
        elif code == ACCESS_DENIED:
            yield unseen(name, f"user {settings.user!r} may not see it")
        else:
            yield unseen(name, reason(exc))


def _server(client: Client, settings: ClickHouseSettings) -> Iterator[Finding]:
    before_s = time.time()
    ((version, timezone, now_us),) = rows(client, "SELECT version(), timezone(), toUnixTimestamp64Micro(now64(6))")
    after_s = time.time()
    numbers = tuple(int(number) for number in version.split(".")[:2])
    if numbers < TESTED_VERSION:
        tested = ".".join(map(str, TESTED_VERSION))
        yield note(
            "clickhouse", f"{settings.address} is {version}: this is tested with {tested} and newer", "upgrade it"
        )
    else:
        yield ok("clickhouse", f"{settings.address} is {version}")
    if timezone != "UTC":
        yield note("timezone", f"ClickHouse's is {timezone}: all columns say UTC, times that people type in SQL do not")
    # By what it is off at least, whenever between the two it looked at its clock.
    off_s = max(now_us / 1e6 - after_s, 0) or min(now_us / 1e6 - before_s, 0)
    if abs(off_s) > CLOCK_TOLERANCE_S:
        seen = f"ClickHouse's clock is {abs(off_s):,.1f} s {'ahead of' if off_s > 0 else 'behind'} this machine's"
        yield warning("clocks", f"{seen}: latency and `stored_at` are off by that", "synchronize the clocks (NTP)")
    else:
        yield ok("clocks", "ClickHouse and this machine agree")


def _feeder(client: Client, _: ClickHouseSettings) -> Iterator[Finding]:
    handover = EngineTable(client).handover()
    if handover is None:
        yield ok("feeder", "`wattnet consume`; the Kafka engine is off")
    else:
        seen = f"ClickHouse's Kafka engine stores topic {handover.topic!r}: `wattnet consume` refuses to run beside it"
        yield note("feeder", seen, "`wattnet kafka-engine off` hands the topic back, where that is wanted")


def _disks(client: Client, _: ClickHouseSettings) -> Iterator[Finding]:
    for name, free, total in rows(client, "SELECT name, unreserved_space, total_space FROM system.disks"):
        if not 0 < total < 1 << 60:
            continue  # an object store says that it has no end
        seen = f"{free / GIB:,.1f} of {total / GIB:,.1f} GiB are free on disk {name!r}"
        if free < LOW_DISK_SHARE * total:
            yield warning("disk", f"{seen}: merges need room, and on a full disk inserts wait", "make room")
        else:
            yield ok("disk", seen)


def _memory(client: Client, _: ClickHouseSettings) -> Iterator[Finding]:
    ((used,),) = rows(client, "SELECT value FROM system.metrics WHERE metric = 'MemoryTracking'")
    sql = "SELECT toUInt64(value) FROM system.server_settings WHERE name = 'max_server_memory_usage'"
    ((limit,),) = rows(client, sql)
    seen = f"ClickHouse uses {used / GIB:,.1f} GiB" + (f" of the {limit / GIB:,.1f} that it may" if limit else "")
    if limit and used > HIGH_MEMORY_SHARE * limit:
        remedy = "give it more, or lower WATTNET_MAX_BATCH_ROWS"
        yield warning("ClickHouse's memory", f"{seen}: it will refuse inserts, which a consumer repeats", remedy)
    else:
        yield ok("ClickHouse's memory", seen)


def _parts(client: Client, _: ClickHouseSettings) -> Iterator[Finding]:
    sql = """
        SELECT table, count() FROM system.parts WHERE active AND database = currentDatabase()
        GROUP BY table, partition_id ORDER BY count() DESC LIMIT 1
    """
    for table, parts in rows(client, sql):
        if parts >= MANY_PARTS:
            seen = f"{table} has {parts} parts in one partition: ClickHouse merges them more slowly than they come"
            yield warning("parts", seen, "raise WATTNET_FLUSH_INTERVAL_S, or look at what slows merges down")
        else:
            yield ok("parts", f"at most {parts} in one partition")


def _away(settings: ClickHouseSettings) -> Finding:
    remedy = "start it, or set CLICKHOUSE_HOST and CLICKHOUSE_PORT"
    return unavailable("clickhouse", f"no ClickHouse answers at {settings.address}", remedy)


def _in_trouble(settings: ClickHouseSettings, exc: ClickHouseUnavailableError) -> Finding:
    return unavailable("clickhouse", f"{settings.address} cannot serve now: {reason(exc)}", "see ClickHouse's own log")


FATAL_CHECKS: tuple[tuple[str, Check], ...] = (
    ("tables", examine_tables),
    ("rights", examine_rights),
    ("ledger", examine_ledger),
)
ALL_CHECKS: tuple[tuple[str, Check], ...] = (
    ("clickhouse", _server),
    *FATAL_CHECKS,
    ("feeder", _feeder),
    ("disk", _disks),
    ("ClickHouse's memory", _memory),
    ("parts", _parts),
)
