"""`python -m benchmarks.reads FOLDER [ROWS]`: how long the query client's reads take, at scale.

The tables are made in FOLDER once (70 M rows by default: minutes) and used again by the next run. Beside each read
stand its target and the raw query: the same statements, their answers taken as bytes. The ratio says what the client
adds; it and not the milliseconds is what other machines may be compared by.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.grid import fill
from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.local import LocalStack
from wattnet.query import Client
from wattnet.query._series import find_matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.query import Query

ROWS = 70_000_000
ROUNDS = 9
LOAD, GENERATION = "zone_load", "zone_generation"
SOLAR = {"production_type": "solar", "datasource": "entsoe"}
YEAR = {"start": "2025-01-01T00:00Z", "end": "2026-01-01T00:00Z"}


@dataclass(frozen=True, slots=True)
class Read:
    """Something that a program reads, and within how long at 70 M rows."""

    what: str
    target_ms: float
    by_client: Callable[[], object]
    raw: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Took:
    """Medians of one read."""

    read: Read
    client_ms: float
    raw_ms: float


def main() -> None:
    """Make the tables where they are not there yet; measure and print."""
    console = Console()
    folder, rows = sys.argv[1], int(sys.argv[2].replace("_", "")) if len(sys.argv) > 2 else ROWS
    with LocalStack(folder, progress=console.print) as stack:
        settings = ClickHouseSettings.from_url(stack.clickhouse_url)
        with connect(settings) as driver, Client(stack.clickhouse_url) as client:
            if not _count(driver, "metrics"):
                fill(driver, rows, told=console.print)
            _wait_for_quiet(driver)
            counted = f"{_count(driver, 'metrics'):,} rows of {_count(driver, 'series FINAL'):,} series"
            console.print(_table([_measure(read, told=console.print) for read in _reads(client, driver)], counted))


def _wait_for_quiet(driver: Driver) -> None:
    """What ClickHouse does by itself when nothing arrived in six hours: each year becomes one part."""
    years = "SELECT partition FROM system.parts WHERE active AND database = currentDatabase() AND table = 'metrics'"
    for (year,) in driver.query(f"{years} GROUP BY partition HAVING count() > 1 ORDER BY partition").result_rows:
        driver.command(f"OPTIMIZE TABLE metrics PARTITION {year} FINAL")


def _reads(client: Client, driver: Driver) -> list[Read]:
    month = {"start": "2025-03-01T00:00Z", "end": "2025-04-01T00:00Z"}
    values = {
        "a series, a day": (20, client.metrics(LOAD, start="2025-03-01T00:00Z", end="2025-03-02T00:00Z", **_one())),
        "a series, a year": (25, client.metrics(LOAD, **YEAR, **_one())),
        "a zone, a month": (
            60,
            client.metrics(GENERATION, **month, zone="ES"),
        ),
        "60 series, a year, daily means": (300, client.metrics(GENERATION, **YEAR, **SOLAR).resample("1d", "mean")),
        "newest of all series": (100, client.latest(GENERATION)),
        "newest complete ones": (100, client.latest(GENERATION, zone_status="complete")),
    }
    by_value = "SELECT DISTINCT value FROM label_values WHERE name = 'zone_generation' AND label = 'production_type'"
    extents = (
        "SELECT any(labels), min(first_timestamp), max(last_timestamp) FROM series "
        "WHERE name = 'zone_generation' AND zone = 'ES' GROUP BY series_id"
    )
    discovery: dict[str, tuple[Callable[[], object], str]] = {
        "names": (client.names, "SELECT DISTINCT name FROM label_values"),
        "labels": (
            lambda: client.labels(GENERATION),
            "SELECT DISTINCT label FROM label_values WHERE name = 'zone_generation'",
        ),
        "label_values": (lambda: client.label_values(GENERATION, "production_type"), by_value),
        "series of a zone": (lambda: client.series(GENERATION, zone="ES"), extents),
    }
    return [
        *(
            Read(what, target_ms, query.to_pandas, _raw(client, driver, query))
            for what, (target_ms, query) in values.items()
        ),
        *(Read(what, 10, ask, partial(driver.raw_query, sql)) for what, (ask, sql) in discovery.items()),
    ]


def _one() -> dict[str, str]:
    return {"zone": "ES", "datasource": "national-operator"}


def _raw(client: Client, driver: Driver, query: Query) -> Callable[[], object]:
    """The query's own statements, without looking up the series, and without making anything of the answers."""
    question = query._question
    matches = find_matches(client._database, question.name, question.filters.labels)
    query.to_list()  # from here on the client knows the states of the values
    statements = list(question.statements(matches, client._database.states.of(question.name)))
    setting = {"do_not_merge_across_partitions_select_final": 1}

    def ask() -> None:
        for one in statements:
            small = {"max_final_threads": 1} if one.small else {}
            driver.raw_query(one.sql, one.parameters, {**setting, **small}, fmt="Native")

    return ask


def _measure(read: Read, *, told: Callable[[str], None]) -> Took:
    """By turns, so that both meet the same machine."""
    client_ms: list[float] = []
    raw_ms: list[float] = []
    for _ in range(ROUNDS):
        for ask, took in ((read.by_client, client_ms), (read.raw, raw_ms)):
            began = time.perf_counter()
            ask()
            took.append((time.perf_counter() - began) * 1000)
    told(f"{read.what}: {median(client_ms):,.0f} ms")
    return Took(read, median(client_ms), median(raw_ms))


def _count(driver: Driver, table: str) -> int:
    return int(driver.query(f"SELECT count() FROM {table}").result_rows[0][0])


def _table(all_took: list[Took], title: str) -> Table:
    table = Table(title=title)
    for column in ("", "target, ms", "client, ms", "raw query, ms", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    for took in all_took:
        ratio = took.client_ms / took.raw_ms
        numbers = (took.read.target_ms, took.client_ms, took.raw_ms)
        table.add_row(took.read.what, *(f"{ms:,.0f}" for ms in numbers), f"{ratio:.2f}")
    return table


if __name__ == "__main__":
    main()
