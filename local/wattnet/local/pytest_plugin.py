"""The fixture `wattnet_stack`: real Kafka and ClickHouse for the session, started at its first use.

Loaded by pytest in every session of everyone who has the package, so nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local import LocalStack


@pytest.fixture(scope="session")
def wattnet_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running LocalStack that the session's tests share; where it cannot start, they fail."""
    from wattnet.local import LocalStack

    with LocalStack(tmp_path_factory.mktemp("wattnet")) as stack:
        yield stack
