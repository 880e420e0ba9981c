"""A query client for a command, with no more loaded than reading needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wattnet.query import Client


def open_client(*, tz: str = "UTC", timeout_s: float = 60.0) -> Client:
    """A client for what the settings say. Raises BadSettingsError for those that are wrong, all at once."""
    from wattnet.cli._settings import read_one
    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.query import Client

    quiet_libraries()
    read_one(ClickHouseSettings)
    return Client.from_env(tz=tz, timeout_s=timeout_s)


def quiet_libraries() -> None:
    """Their logs and warnings go nowhere: what matters is raised. As _logging.keep_quiet, but without structlog."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(capture=True)
