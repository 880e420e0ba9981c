"""An embedded ClickHouse alone. Tests may stop and kill it, if they start it again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from local.clickhouse_alone import Running

from wattnet.local._folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = DataFolder(tmp_path_factory.mktemp("clickhouse it's a \\ folder"))
    running = Running(folder)
    yield running
    running.service.stop()
    folder.unlock()


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    client = running.client()
    yield client
    client.close()


@pytest.fixture
def table(client: Client) -> str:
    name = f"t_{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {name} (number UInt64, text String) ENGINE = MergeTree ORDER BY number")
    return name
