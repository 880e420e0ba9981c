"""Whoever reads while somebody writes sees only whole inserts within a year."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from query.whole_inserts import INSERTS, ROWS, YEARS
from warm_process import WarmProcess

if TYPE_CHECKING:
    from wattnet.clickhouse import ClickHouseSettings

TESTS = Path(__file__).parent.parent


def test_two_processes_that_read_while_one_writes(database: ClickHouseSettings, name: str, tmp_path: Path) -> None:
    """By the client and by SQL, however often they look: all rows of an insert in a year, or none."""
    env = {
        **os.environ,
        "CLICKHOUSE_HOST": database.host,
        "CLICKHOUSE_PORT": str(database.port),
        "CLICKHOUSE_DATABASE": database.database,
        "NAME": name,
    }
    program = TESTS / "query" / "whole_inserts.py"

    def start(number: int, role: str) -> WarmProcess:
        mine = {**env, "ROLE": role, "FOUND": str(tmp_path / f"found-{number}")}
        return WarmProcess([], env=mine, stderr=tmp_path / f"errors-{number}", folder=TESTS, program=program)

    for number in range(3):
        (tmp_path / f"errors-{number}").touch()
    processes = [start(number, role) for number, role in enumerate(("read", "read", "write"))]
    try:
        for number, process in enumerate(processes):
            assert process.wait(90) == 0, (tmp_path / f"errors-{number}").read_text()
    finally:
        for process in processes:
            process.kill()
    for number in (0, 1):
        found = json.loads((tmp_path / f"found-{number}").read_text())
        assert found["sizes"] == [ROWS]
        assert found["totals"][-1] == INSERTS * ROWS * len(YEARS)
        assert len(found["totals"]) > 3, "it looked in the midst of writing"
