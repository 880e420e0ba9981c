"""What can stop an import. What merely cannot be carried is in the report.

wattnet.clickhouse.StorageError
├── LegacyDatabaseError     there is no database of wattnet-storage 1.x there, or it cannot be read or written into
└── LegacyInterruptedError  a server went away in the midst: run the import again, it goes on where it stopped
"""

from __future__ import annotations

from wattnet.clickhouse import ClickHouseUnavailableError, StorageError


class LegacyDatabaseError(StorageError):
    """Nothing to import there, or no right to do it."""


class LegacyInterruptedError(ClickHouseUnavailableError):
    """A server stopped answering. What is stored stays; the next run goes on behind it."""
