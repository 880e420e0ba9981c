"""The tables in a database of a test's own, made as the migrations leave them, in a fifth of the migrations' time."""

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
    made = [one.replace(f"{MIGRATED}.", f"{settings.database}.") for one in definitions]
    filled = f"INSERT INTO {settings.database}.schema_versions SELECT * FROM {MIGRATED}.schema_versions"
    # The embedded engine takes several statements at once, in half the time.
    client.command(";\n".join([f"CREATE DATABASE {settings.database}", *made, filled]))


@cache
def _migrated_once(address: str) -> tuple[Client, list[str]]:
    settings = ClickHouseSettings.from_url(address, database=MIGRATED)
    migrate_up(settings)
    client = connect(settings)
    return client, [definition for (definition,) in client.query(DEFINITIONS).result_rows]
