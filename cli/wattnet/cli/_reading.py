"""A query client for a command, with no more loaded than reading needs."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.query import Client


@contextmanager
def open_client(*, tz: str | None = None, timeout_s: float = 60.0, endless: bool = False) -> Iterator[Client]:
    """A client for what the settings say; what it warns of is said at the end, of what is `endless` at once.

    Raises BadSettingsError for settings that are wrong, all at once.
    """
    from wattnet.cli._settings import read_one
    from wattnet.cli._spoken import spoken_warnings
    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.query import Client

    quiet_libraries()
    read_one(ClickHouseSettings)
    with spoken_warnings(at_once=endless), Client.from_env(tz=tz, timeout_s=timeout_s) as client:
        yield client


def quiet_libraries() -> None:
    """What they log goes nowhere: what matters is raised. As _logging.keep_quiet, but without structlog."""
    logging.getLogger().addHandler(logging.NullHandler())
