"""ClickHouse: how to reach it, and the tables that everything else reads and writes."""

from __future__ import annotations

from wattnet.clickhouse._codes import heals
from wattnet.clickhouse._connection import connect
from wattnet.clickhouse._errors import ClickHouseUnavailableError, DatabaseMissingError, MigrationError, StorageError
from wattnet.clickhouse._inserts import BLOCK_ROWS, INSERT_SETTINGS
from wattnet.clickhouse._migrate import Migration, migrate_down, migrate_up, migration_status, require_migrated
from wattnet.clickhouse._settings import ClickHouseSettings
from wattnet.schemas.secrets import secret_from_file

__all__ = [
    "BLOCK_ROWS",
    "INSERT_SETTINGS",
    "ClickHouseSettings",
    "ClickHouseUnavailableError",
    "DatabaseMissingError",
    "Migration",
    "MigrationError",
    "StorageError",
    "connect",
    "heals",
    "migrate_down",
    "migrate_up",
    "migration_status",
    "require_migrated",
    "secret_from_file",
]
