"""The model runs without real time, whatever is tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol.member import by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _by_hand() -> Iterator[None]:
    with by_hand():
        yield
