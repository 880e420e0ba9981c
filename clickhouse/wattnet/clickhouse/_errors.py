"""What can go wrong between this package and ClickHouse.

StorageError (a wattnet.schemas.WattnetError)
├── ClickHouseUnavailableError   no answer (not running, wrong address, network), or one that passes (no memory left)
├── DatabaseMissingError         ClickHouse answers, the database or its tables are not there
└── MigrationError               the tables and this version's migrations do not fit
"""

from __future__ import annotations

from wattnet.schemas import WattnetError


class StorageError(WattnetError):
    """Base of all errors that this package raises; `cause` is what clickhouse_connect raised."""


class ClickHouseUnavailableError(StorageError):
    """ClickHouse did not answer at its address, or with an error that passes: `code` is ClickHouse's, if it has one."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class DatabaseMissingError(StorageError):
    """The database or its tables do not exist yet."""


class MigrationError(StorageError):
    """A migration failed, or the applied ones are not the ones of this version."""
