"""What can go wrong between this package and ClickHouse.

StorageError
├── ClickHouseUnavailableError   no answer: not running, wrong address, network
├── DatabaseMissingError         ClickHouse answers, the database or its tables are not there
└── MigrationError               the tables and this version's migrations do not fit
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of all errors that this package raises."""


class ClickHouseUnavailableError(StorageError):
    """ClickHouse did not answer at its address."""


class DatabaseMissingError(StorageError):
    """The database or its tables do not exist yet."""


class MigrationError(StorageError):
    """A migration failed, or the applied ones are not the ones of this version."""
