"""The tables in a database of a test's own, made as the migrations leave them, in a third of the migrations' time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

MIGRATED = "migrated_once"
# A view reads tables, and a materialized view writes into one: they come after them. Without the roll-up's pass, which
# would run every minute in each database that is left standing.
DEFINITIONS = f"""
    SELECT create_table_query FROM system.tables WHERE database = '{MIGRATED}' AND name != 'rollup_pass'
    ORDER BY engine = 'MaterializedView', engine = 'View'
"""


def make_tables(settings: ClickHouseSettings) -> None:
    """Empty, in a new database. The definitions are ClickHouse's own, of what was migrated once on this server.

    Those of a cluster are migrated: that is what their tests are about.
    """
    if settings.cluster:
        migrate_up(settings)
        return
    client, definitions = _migrated_once(settings.address)
    client.command(f"CREATE DATABASE {settings.database}")
    for definition in definitions:
        client.command(definition.replace(f"{MIGRATED}.", f"{settings.database}."))
    client.command(f"INSERT INTO {settings.database}.schema_versions SELECT * FROM {MIGRATED}.schema_versions")


@cache
def _migrated_once(address: str) -> tuple[Client, list[str]]:
    settings = ClickHouseSettings.from_url(address, database=MIGRATED)
    migrate_up(settings)
    client = connect(settings)
    return client, [definition for (definition,) in client.query(DEFINITIONS).result_rows]
