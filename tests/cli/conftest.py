"""A shell of the test's own, and a database of the module's own for it to read."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from direct_writer import DirectWriter
from shell import Shell
from tables import make_tables

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.consumer import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from road import Road

    from wattnet.local import LocalStack


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """In an empty folder, so that no `.env` is read."""
    monkeypatch.chdir(tmp_path)
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def database(wattnet_stack: LocalStack) -> ClickHouseSettings:
    """The tables, empty, in a database of the module's own."""
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"cli_{uuid.uuid4().hex[:8]}")
    make_tables(settings)
    return settings


@pytest.fixture(scope="module")
def store(database: ClickHouseSettings) -> Iterator[DirectWriter]:
    """What stands in the tables, without a road."""
    with connect(database) as driver:
        yield DirectWriter(driver)


@pytest.fixture
def reader(shell: Shell, database: ClickHouseSettings) -> Shell:
    """A shell that reads the module's database."""
    shell.env |= {
        "CLICKHOUSE_HOST": database.host,
        "CLICKHOUSE_PORT": str(database.port),
        "CLICKHOUSE_DATABASE": database.database,
    }
    return shell


@pytest.fixture
def letters(road: Road) -> Iterator[DeadLetters]:
    """The dead letters of this road."""
    with DeadLetters.open(road.clickhouse) as letters:
        yield letters
