"""One way to open a ClickHouse client, with the options that every part needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from wattnet.clickhouse._errors import ClickHouseUnavailableError, DatabaseMissingError, StorageError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse._settings import ClickHouseSettings

UNKNOWN_DATABASE = 81

# The driver logs each refused connection itself; it is raised here as an error, once.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


def connect(
    settings: ClickHouseSettings,
    *,
    connect_timeout_s: float = 10,
    timeout_s: float = 300,
    compress: bool | str = True,
) -> Client:
    """Open a client that threads may share: without a session, and with times as aware UTC.

    Raises ClickHouseUnavailableError when nothing answers, DatabaseMissingError when the database is not there,
    StorageError for whatever else ClickHouse says (a wrong password, for one).
    """
    try:
        return clickhouse_connect.get_client(
            interface="https" if settings.secure else "http",
            host=settings.host,
            port=settings.port,
            username=settings.user,
            password=settings.password.get_secret_value(),
            database=settings.database,
            secure=settings.secure,
            compress=compress,
            connect_timeout=connect_timeout_s,
            send_receive_timeout=timeout_s,
            tz_mode="aware",
            # Sessions serialize a client's queries; nothing here needs state between two statements.
            autogenerate_session_id=False,
            client_name="wattnet-storage",
        )
    except DatabaseError as exc:
        if exc.code == UNKNOWN_DATABASE:
            raise DatabaseMissingError(
                f"{settings.address} has no database {settings.database!r}: "
                "create it with `wattnet migrate up`, or set CLICKHOUSE_DATABASE"
            ) from exc
        if isinstance(exc, OperationalError) and exc.code is None:
            raise unavailable(settings) from exc
        raise StorageError(f"ClickHouse at {settings.address} refused the connection: {exc}") from exc


def unavailable(settings: ClickHouseSettings) -> ClickHouseUnavailableError:
    """The error for an address at which nothing answers."""
    return ClickHouseUnavailableError(
        f"no ClickHouse answers at {settings.address}: start it, or set CLICKHOUSE_HOST and CLICKHOUSE_PORT"
    )
