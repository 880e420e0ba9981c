"""One database for all tests of this folder, each with zones of its own, and a repository straight into it."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from wattnet.clickhouse import ClickHouseSettings, migrate_up
from wattnet.storage import MetricsRepository, StorageConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local import LocalStack

_zones = itertools.count()


@pytest.fixture(scope="session")
def plugin_configs(wattnet_stack: LocalStack) -> dict[str, dict[str, Any]]:
    """What both plugins are told; the topic is nobody's, and no consumer reads it."""
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"storage_{uuid.uuid4().hex[:8]}")
    migrate_up(settings)
    address = {"host": settings.host, "port": settings.port, "database": settings.database}
    return {"clickhouse": address, "kafka": {"bootstrap_servers": wattnet_stack.bootstrap_servers}}


@pytest.fixture(scope="session")
def config(plugin_configs: dict[str, dict[str, Any]]) -> StorageConfig:
    return StorageConfig(60, ["clickhouse"], plugin_configs)


@pytest.fixture(scope="session")
def repository(config: StorageConfig) -> Iterator[MetricsRepository]:
    with MetricsRepository(config) as repository:
        yield repository


@pytest.fixture
def zone() -> str:
    """A zone that no other test uses."""
    return f"Z{next(_zones)}"
