"""`python -m benchmarks.boards [FOLDER] [ROWS]`: what Grafana's boards read and take, at scale.

The tables are made in FOLDER once (50 M rows by default: minutes) and used again by the next run. Each query of the
boards is asked for a week, a month and a year of one zone, after the roll-up's passes; it fails where one reads more
than the budget. Rows read and their ratio to what the values themselves would take are what other machines may be
compared by.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from grafana.expansion import expanded, queries
from rich.console import Console
from rich.table import Table

from benchmarks.grid import fill
from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.local import LocalStack

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client as Driver

ROWS = 50_000_000
BUDGET = 500_000
"""Rows that one query may read: as many as a year of a zone's generation, 54 series by the hour, has with revisions."""
END = datetime(2026, 1, 1, tzinfo=timezone.utc)
RANGES = {"a week": 7, "a month": 30, "a year": 365}
VARIABLES = {
    "zone": ["ES"],
    "datasource": ["entsoe", "national-operator", "estimated-mix"],
    "scope": ["life-cycle"],
    "name": ["zone_load"],
    "as_of": ["2025-12-20 00:00:00"],
}


def main() -> int:
    """Make the tables where they are not there yet; ask and print. 1 where the budget was overdrawn."""
    console = Console()
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    rows = int(sys.argv[2].replace("_", "")) if len(sys.argv) > 2 else ROWS
    with (
        LocalStack(folder, progress=console.print) as stack,
        connect(ClickHouseSettings.from_url(stack.clickhouse_url)) as driver,
    ):
        if not _number(driver, "SELECT count() FROM metrics"):
            fill(driver, rows, told=console.print)
        before, began = -1, time.perf_counter()
        while before != (before := _number(driver, "SELECT max(pass) FROM rollup")):
            for act in ("REFRESH", "WAIT"):
                driver.command(f"SYSTEM {act} VIEW rollup_pass")
        console.print(f"{before} passes of the roll-up, {time.perf_counter() - began:,.0f} s")
        table = Table(title=f"{_number(driver, 'SELECT count() FROM metrics'):,} rows")
        for column in ("", *(f"{span}, {unit}" for span in RANGES for unit in ("rows read", "ms"))):
            table.add_column(column, justify="left" if not column else "right")
        most = 0
        for one in queries():
            cells = []
            for days in RANGES.values():
                read, took_ms = _ask(driver, one.sql, days)
                most = max(most, read)
                cells += [f"{read:,}", f"{took_ms:,.0f}"]
            table.add_row(f"{one.board.removeprefix('wattnet-')}: {one.what}", *cells)
    console.print(table)
    console.print(f"the most that one query read: {most:,} rows; the budget is {BUDGET:,}")
    return int(most > BUDGET)


def _ask(driver: Driver, sql: str, days: int) -> tuple[int, float]:
    text = expanded(sql, END - timedelta(days=days), END, variables=VARIABLES)
    began = time.perf_counter()
    answer = driver.query(text)
    return int(answer.summary["read_rows"]), (time.perf_counter() - began) * 1000


def _number(driver: Driver, sql: str) -> int:
    return int(driver.query(sql).result_rows[0][0])


if __name__ == "__main__":
    sys.exit(main())
