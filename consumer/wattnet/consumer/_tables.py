"""ClickHouse as the commands that look into the tables need it: a client, and its errors as this package's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from wattnet.clickhouse import ClickHouseUnavailableError, StorageError, connect, heals, require_migrated
from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse import ClickHouseSettings


def open_tables(settings: ClickHouseSettings) -> Client:
    """A client of a database with this version's tables; raises ServiceUnavailableError or ConfigurationError."""
    with opening_clickhouse():
        client = connect(settings)
        require_migrated(settings, client=client)
        return client


@contextmanager
def opening_clickhouse() -> Iterator[None]:
    """Turn what connect and require_migrated raise into ServiceUnavailableError or ConfigurationError."""
    try:
        yield
    except ClickHouseUnavailableError as exc:
        raise ServiceUnavailableError(str(exc)).caused_by(exc) from None
    except StorageError as exc:
        raise ConfigurationError(str(exc)).caused_by(exc) from None


@contextmanager
def asking_clickhouse() -> Iterator[None]:
    """Turn what the driver raises into ServiceUnavailableError, or ConfigurationError for what does not heal."""
    try:
        yield
    except Error as exc:
        if not heals(exc.code):
            raise ConfigurationError(f"ClickHouse refuses: {exc}. Check the user's rights").caused_by(exc) from None
        raise ServiceUnavailableError(f"ClickHouse does not answer: {exc}").caused_by(exc) from None
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
        raise ServiceUnavailableError(f"ClickHouse does not answer: {exc}").caused_by(exc) from None
