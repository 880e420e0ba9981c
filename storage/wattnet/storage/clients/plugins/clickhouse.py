"""Straight into ClickHouse, without Kafka: for scripts, tests, and readers. The same tables, the same rules."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from wattnet.clickhouse import ClickHouseSettings, ClickHouseUnavailableError, DatabaseMissingError, connect
from wattnet.storage._direct import DirectWriter
from wattnet.storage._errors import NotReadyError
from wattnet.storage._plugin_settings import plugin_settings
from wattnet.storage.clients.plugins._tables import TablesClient
from wattnet.storage.utils import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.storage.config import StorageConfig

LOG = log.get(__name__)

_NATIVE_PORT = 9000
# Everybody sees the tables that he has any right on: a reader metrics, a writer metrics_ingest.
_TABLES = """
    SELECT count() FROM system.tables
    WHERE database = currentDatabase() AND name IN ('metrics', 'metrics_ingest')
"""


class ClickHouseConfig(ClickHouseSettings):
    """ClickHouse's address from arguments, else CLICKHOUSE_* in the environment, else the defaults; it reads no `.env`.

    connect_retries      how many times a repository tries to reach it when it is made
    connect_retry_delay  how many seconds it waits between two tries
    """

    model_config = SettingsConfigDict(env_file=None)

    connect_retries: int = Field(default=5, ge=1)
    connect_retry_delay: float = Field(default=3, ge=0)


class ClickHouseClient(TablesClient):
    """Writes one insert a call, under a token of its own: acknowledged is stored, and seen by the next query.

    Raises NotReadyError (a RuntimeError) when ClickHouse does not answer in `connect_retries` tries, or its tables are
    not there yet; StorageError for what else it says.
    """

    config_class = ClickHouseConfig

    def __init__(self, config: StorageConfig) -> None:
        settings = plugin_settings(ClickHouseConfig, "clickhouse", config)
        super().__init__(config, settings, DirectWriter(_reached(settings)))


def _reached(settings: ClickHouseConfig, *, pause: Callable[[float], object] = time.sleep) -> Driver:
    """A connection to a database with its tables, which may come up at the same time as this program."""
    for attempt in range(1, settings.connect_retries + 1):
        try:
            return _with_tables(settings)
        except (ClickHouseUnavailableError, DatabaseMissingError) as exc:  # noqa: PERF203  each is a connection
            if attempt == settings.connect_retries:
                hint = f". Port {_NATIVE_PORT} is the native protocol's: the one over HTTP has 8123"
                raise NotReadyError(
                    f"ClickHouse not available at {settings.host}:{settings.port} after {attempt} attempts, cannot "
                    f"start: {exc}{hint if settings.port == _NATIVE_PORT else ''}"
                ).caused_by(exc) from None
            LOG.warning("ClickHouse is not ready (try %d of %d): %s", attempt, settings.connect_retries, exc)
            pause(settings.connect_retry_delay)
    raise AssertionError("there is one try at least")


def _with_tables(settings: ClickHouseConfig) -> Driver:
    driver = connect(settings)
    if driver.query(_TABLES).result_rows[0][0]:
        return driver
    driver.close()
    raise DatabaseMissingError(
        f"database {settings.database!r} has no tables: run `wattnet init` or `wattnet migrate up`"
    )
