"""A database of each module's own, a direct writer into it and a client on it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from direct_writer import DirectWriter
from tables import make_tables

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local import LocalStack


@pytest.fixture(scope="module")
def database(wattnet_stack: LocalStack) -> ClickHouseSettings:
    """The tables, empty, in a database of this module's own; it goes with the stack."""
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"query_{uuid.uuid4().hex[:8]}")
    make_tables(settings)
    return settings


@pytest.fixture(scope="module")
def store(database: ClickHouseSettings) -> Iterator[DirectWriter]:
    with connect(database) as driver:
        yield DirectWriter(driver)


@pytest.fixture(scope="module")
def client(database: ClickHouseSettings) -> Iterator[Client]:
    with Client(database.address, database=database.database) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A metric name that no other test uses."""
    return f"metric_x{uuid.uuid4().hex[:12]}"
