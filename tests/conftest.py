"""What tests of several parts share: a road of their own on the stack that the pytest plugin starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clickhouse_proxy import ClickHouseProxy
from road import Road

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wattnet.local import LocalStack


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """A topic, a database and a group of the test's own."""
    road = Road(wattnet_stack, tmp_path)
    yield road
    road.close()


@pytest.fixture
def proxy(wattnet_stack: LocalStack) -> Iterator[ClickHouseProxy]:
    """Stands before ClickHouse and holds inserts where a test wants them held."""
    with ClickHouseProxy(wattnet_stack.clickhouse_url) as proxy:
        yield proxy
