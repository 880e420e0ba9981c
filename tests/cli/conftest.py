"""The fixture `wattnet`: the command in a folder of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def wattnet(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    for process in command.started:
        if process.poll() is None:
            process.kill()
            process.wait()
