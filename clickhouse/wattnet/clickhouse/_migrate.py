"""The tables, as numbered migrations with checksums, applied by clickhouse-migrations over HTTP."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from wattnet.clickhouse._cluster import MIGRATIONS_TABLE_ENGINE, for_cluster
from wattnet.clickhouse._cluster import SETTINGS as CLUSTER_SETTINGS
from wattnet.clickhouse._codes import heals
from wattnet.clickhouse._connection import connect, driver_options, in_trouble, unavailable
from wattnet.clickhouse._errors import MigrationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from clickhouse_connect.driver.client import Client
    from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster

    from wattnet.clickhouse._settings import ClickHouseSettings

REMEDIES = {
    "md5-mismatch": (
        "it was changed after it had been applied, or applied with another CLICKHOUSE_CLUSTER; install the version, or "
        "set the cluster, that applied it"
    ),
    "unknown": "this version does not know it; install a newer wattnet-storage",
    "pending": "run `wattnet migrate up`",
}
MADE_VIEW = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO")
# Everybody sees the tables that he has any right on.
FED_BY_INGEST = """
    SELECT arrayJoin(dependencies_table) FROM system.tables
    WHERE database = {database:String} AND name IN ('metrics_ingest', 'metrics_ingest_local')
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step; `state` is applied, pending, md5-mismatch (its text changed) or unknown (a newer one's)."""

    version: int
    name: str
    state: str
    applied_at: datetime | None


def migrate_up(settings: ClickHouseSettings) -> list[Migration]:
    """Create the database and apply what is pending, in order; returns what this call applied. Idempotent."""
    with _migrations(settings) as (cluster, path):
        applied = {
            migration.version for migration in cluster.migrate(settings.database, path, cluster_name=settings.cluster)
        }
    return [migration for migration in migration_status(settings) if migration.version in applied]


def migrate_down(settings: ClickHouseSettings, *, steps: int = 1) -> list[int]:
    """Take back the newest `steps` migrations, **with the data in their tables**; returns their versions."""
    with _migrations(settings) as (cluster, path):
        return list(cluster.rollback(settings.database, path, steps=steps))


def migration_status(settings: ClickHouseSettings, *, client: Client | None = None) -> list[Migration]:
    """Every migration that this version or the database knows, by version. Changes nothing.

    Raises ClickHouseUnavailableError while ClickHouse is in trouble, MigrationError for what it refuses.

    `client` is one of that database that is open anyway: to open others takes longer than to ask.
    """
    with _migrations(settings, client) as (cluster, path):
        names = {
            int(file.name.split("_")[0]): file.name.split(".")[0] for file in path.iterdir() if file.suffix == ".sql"
        }
        with _waiting_out(settings):
            rows = cluster.status(settings.database, path)
        return [Migration(row.version, names.get(row.version, "?"), row.state, row.applied_at) for row in rows]


def require_migrated(settings: ClickHouseSettings, *, client: Client | None = None) -> None:
    """Raise MigrationError, with the remedy, unless the database has exactly this version's tables.

    A user who may not see which migrations were applied (a consumer needs no more than to insert and to read the
    ledger) is told what it can see: that metrics_ingest feeds every table. `client` as in migration_status().
    """
    behind = [migration for migration in migration_status(settings, client=client) if migration.state != "applied"]
    if not behind or (all(one.state == "pending" for one in behind) and _feeds_every_table(settings, client)):
        return
    migration = behind[0]
    raise MigrationError(
        f"database {settings.database!r} at {settings.address}: migration {migration.version} "
        f"({migration.name}) is {migration.state}: {REMEDIES[migration.state]}"
    )


def _feeds_every_table(settings: ClickHouseSettings, client: Client | None) -> bool:
    """Whether all views of this version hang on metrics_ingest, as far as this user may know."""
    with nullcontext(client) if client else connect(settings) as asked:
        try:
            with _waiting_out(settings):
                seen = asked.query(FED_BY_INGEST, parameters={"database": settings.database}).result_rows
        except ClickHouseError as exc:
            raise MigrationError(f"database {settings.database!r} at {settings.address}: {exc}").caused_by(
                exc
            ) from None
    return _views() <= {view for (view,) in seen}


def _views() -> set[str]:
    """What hangs on metrics_ingest when all migrations are applied."""
    scripts = (one for one in (files("wattnet.clickhouse") / "migrations").iterdir() if ".down." not in one.name)
    return {view for script in scripts for view in MADE_VIEW.findall(script.read_text(encoding="utf-8"))}


@contextmanager
def _waiting_out(settings: ClickHouseSettings) -> Iterator[None]:
    """Turn errors that pass into ClickHouseUnavailableError: what was asked changes nothing, and can be asked again."""
    try:
        yield
    except DatabaseError as exc:
        if isinstance(exc, OperationalError) and exc.code is None:
            raise unavailable(settings, exc).caused_by(exc) from None
        if heals(exc.code):
            raise in_trouble(settings, exc).caused_by(exc) from None
        raise


@contextmanager
def _scripts(cluster: str | None) -> Iterator[Path]:
    """The folder of the migrations: as they are, or as a cluster takes them."""
    with as_file(files("wattnet.clickhouse") / "migrations") as path, TemporaryDirectory() as rendered:
        if cluster is None:
            yield path
            return
        for file in path.glob("*.sql"):
            script = for_cluster(file.read_text(encoding="utf-8"), cluster)
            (Path(rendered) / file.name).write_text(script, encoding="utf-8")
        yield Path(rendered)


@contextmanager
def _migrations(
    settings: ClickHouseSettings, open_client: Client | None = None
) -> Iterator[tuple[ClickhouseCluster, Path]]:
    # Imported late: programs that only read or send need no migration tool.
    from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
    from clickhouse_migrations.connection import ClickhouseConnectConnection
    from clickhouse_migrations.exceptions import MigrationException

    class Borrowed(ClickhouseConnectConnection):  # type: ignore[misc]  # it has no types
        def __exit__(self, *_: object) -> None:
            """Its owner closes it."""

    class Cluster(ClickhouseCluster):  # type: ignore[misc]  # nor has it
        def connection(self, db_name: str | None = None) -> ClickhouseConnectConnection:
            if open_client is not None:
                return Borrowed(open_client)
            # The tool's own way knows not every TLS option.
            options = driver_options(settings) | ({"settings": CLUSTER_SETTINGS} if settings.cluster else {})
            client = clickhouse_connect.get_client(**options, database=db_name or None)
            return ClickhouseConnectConnection(client)

    cluster = Cluster(
        driver="clickhouse-connect", migrations_table_engine=MIGRATIONS_TABLE_ENGINE if settings.cluster else None
    )
    # The tool logs by logging.debug(), which gives a root logger without handlers one that writes to stderr.
    root, placeholder = logging.getLogger(), logging.NullHandler()
    root.addHandler(placeholder)
    try:
        with _scripts(settings.cluster) as path:
            yield cluster, path
    except OperationalError as exc:
        if exc.code is None:
            raise unavailable(settings, exc).caused_by(exc) from None
        raise MigrationError(f"database {settings.database!r} at {settings.address}: {exc}").caused_by(exc) from None
    except (MigrationException, ClickHouseError) as exc:
        raise MigrationError(f"database {settings.database!r} at {settings.address}: {exc}").caused_by(exc) from None
    finally:
        root.removeHandler(placeholder)
