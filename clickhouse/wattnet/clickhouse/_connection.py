"""One way to open a ClickHouse client, with the options that every part needs."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from wattnet.clickhouse._codes import heals
from wattnet.clickhouse._errors import ClickHouseUnavailableError, DatabaseMissingError, StorageError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from wattnet.clickhouse._settings import ClickHouseSettings

UNKNOWN_DATABASE = 81
# On a cluster: a table in a subquery is the whole table. ClickHouse refuses such subqueries by default.
ACROSS_SHARDS = "distributed_product_mode"

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

    Raises ClickHouseUnavailableError when nothing answers, or with an error that passes, DatabaseMissingError when the
    database is not there, StorageError for whatever else ClickHouse says (a wrong password, for one).
    """
    try:
        client = clickhouse_connect.get_client(
            **driver_options(settings),
            database=settings.database,
            compress=compress,
            connect_timeout=connect_timeout_s,
            send_receive_timeout=timeout_s,
            tz_mode="aware",
            # Sessions serialize a client's queries; nothing here needs state between two statements.
            autogenerate_session_id=False,
            client_name="wattnet-storage",
        )
        known = client.server_settings.get(ACROSS_SHARDS)
        if known is not None and not known.readonly:
            client.set_client_setting(ACROSS_SHARDS, "global")
    except DatabaseError as exc:
        if exc.code == UNKNOWN_DATABASE:
            raise DatabaseMissingError(
                f"{settings.address} has no database {settings.database!r}: "
                "create it with `wattnet migrate up`, or set CLICKHOUSE_DATABASE"
            ).caused_by(exc) from None
        if isinstance(exc, OperationalError) and exc.code is None:
            raise unavailable(settings, exc).caused_by(exc) from None
        if heals(exc.code):
            raise in_trouble(settings, exc).caused_by(exc) from None
        raise StorageError(f"ClickHouse at {settings.address} refused the connection: {exc}").caused_by(exc) from None
    return client


def driver_options(settings: ClickHouseSettings) -> dict[str, Any]:
    """Whom the driver talks to, as whom, and whom it trusts: the same for every connection."""
    password = settings.password.get_secret_value()
    options: dict[str, Any] = {
        "interface": "https" if settings.secure else "http",
        "host": settings.host,
        "port": settings.port,
        "username": settings.user,
        "password": password,
        "secure": settings.secure,
        "verify": settings.verify,
        "ca_cert": settings.ca_cert,
    }
    if settings.client_cert:
        # Left to itself, the driver sends no password where there is a certificate.
        mode = "strict" if password else "mutual"
        options |= {"client_cert": settings.client_cert, "client_cert_key": settings.client_cert_key, "tls_mode": mode}
    return options


def unavailable(settings: ClickHouseSettings, cause: BaseException) -> StorageError:
    """The error for an address at which nobody answers, or nobody that may be trusted."""
    if (tls := _tls_failure(cause)) is not None:
        if isinstance(tls, ssl.SSLCertVerificationError):
            return StorageError(
                f"the certificate of ClickHouse at {settings.address} is not trusted ({tls.verify_message}): "
                "set CLICKHOUSE_CA_CERT to the file of the authority that signed it, CLICKHOUSE_HOST to a name in it"
            )
        return StorageError(
            f"ClickHouse at {settings.address} does not agree on TLS ({tls.reason or tls}): "
            "is it the HTTPS port, are the client's certificate and key the right ones?"
        )
    return ClickHouseUnavailableError(
        f"no ClickHouse answers at {settings.address}: start it, or set CLICKHOUSE_HOST and CLICKHOUSE_PORT"
    )


def in_trouble(settings: ClickHouseSettings, cause: DatabaseError) -> ClickHouseUnavailableError:
    """The error for a server that answers, and cannot serve now."""
    return ClickHouseUnavailableError(f"ClickHouse at {settings.address} cannot serve now: {cause}", cause.code)


def _tls_failure(error: BaseException | None) -> ssl.SSLError | None:
    """The failed handshake among an error's causes."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        # urllib3 keeps the cause of its last try in an attribute, and wraps it in its own errors' arguments.
        inner = getattr(error, "reason", None) or next((one for one in error.args if isinstance(one, Exception)), None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return None
