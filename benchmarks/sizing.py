"""`python -m benchmarks.sizing`: rows, servers and disk for so many zones, from measured figures.

`python -m benchmarks.sizing FOLDER` measures how many bytes a row takes on disk, there.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from benchmarks.grid import SERIES_A_ZONE, ZONES

# Measured by this program: 3.5 M rows of benchmarks.grid and a million of the ledger, merged.
BYTES_A_ROW = 7.39
BYTES_A_LEDGER_ROW = 21.3
# Record, key and what Kafka adds, before compression: name, value, two times, six labels.
BYTES_A_MESSAGE = 250

DAYS_A_YEAR = 365
SECONDS_A_DAY = 86_400
# A range and partition at least every flush interval, while something arrives.
PARTITIONS = 12
FLUSH_INTERVAL_S = 2.0
# A disk that is more than half full has no room for its largest merge.
FILL = 0.5


@dataclass(frozen=True, slots=True)
class Grid:
    """What arrives: of each zone so many series, each so many times a day, a share of the values once more."""

    name: str
    zones: int
    series_a_zone: int = SERIES_A_ZONE
    values_a_day: int = 96
    revised: float = 0.1

    @property
    def series(self) -> int:
        return self.zones * self.series_a_zone

    @property
    def rows_a_day(self) -> int:
        return round(self.series * self.values_a_day * (1 + self.revised))

    @property
    def rows_a_year(self) -> int:
        return self.rows_a_day * DAYS_A_YEAR

    @property
    def rows_a_second(self) -> float:
        return self.rows_a_day / SECONDS_A_DAY

    @property
    def rows_a_second_at_once(self) -> float:
        """When all values of one moment come within a minute."""
        return self.rows_a_day / self.values_a_day / 60


@dataclass(frozen=True, slots=True)
class Size:
    """What a grid needs for `years`, on servers with disks of `disk_bytes`, where ClickHouse takes so many rows."""

    grid: Grid
    rows_a_second: float
    years: int = 10
    disk_bytes: float = 4e12
    kafka_days: int = 7
    kafka_copies: int = 3

    @property
    def bytes_a_year(self) -> float:
        """Of `metrics`, one copy."""
        return self.grid.rows_a_year * BYTES_A_ROW

    @property
    def ledger_bytes_a_year(self) -> float:
        """At most: as if every partition had a range in every flush interval."""
        return DAYS_A_YEAR * SECONDS_A_DAY / FLUSH_INTERVAL_S * PARTITIONS * BYTES_A_LEDGER_ROW

    @property
    def shards(self) -> int:
        return ceil((self.bytes_a_year + self.ledger_bytes_a_year) * self.years / (self.disk_bytes * FILL))

    @property
    def kafka_bytes(self) -> float:
        return self.grid.rows_a_day * self.kafka_days * BYTES_A_MESSAGE * self.kafka_copies

    def lines(self) -> dict[str, str]:
        """The sizing page's column."""
        grid = self.grid
        return {
            "zones, series": f"{grid.zones:,}, {grid.series:,}",
            "rows a day": f"{grid.rows_a_day:,}",
            "rows a second, on average": f"{grid.rows_a_second:,.1f}",
            "the same when each quarter of an hour comes within a minute": f"{grid.rows_a_second_at_once:,.0f}",
            "of what one consumer stores": f"{grid.rows_a_second_at_once / self.rows_a_second:.2%}",
            "`metrics`, rows a year": f"{grid.rows_a_year / 1e6:,.0f} M",
            "`metrics`, disk a year, one copy": _bytes(self.bytes_a_year),
            "`ledger`, disk a year, one copy, at most": _bytes(self.ledger_bytes_a_year),
            f"shards, for {self.years} years on disks of {_bytes(self.disk_bytes)}, half full": f"{self.shards}",
            "rows in a partition (a year, in a shard)": f"{grid.rows_a_year / self.shards / 1e6:,.0f} M",
            f"Kafka, {self.kafka_days} days in {self.kafka_copies} copies": _bytes(self.kafka_bytes),
            "hours to store a year anew, all shards at once": (
                f"{grid.rows_a_year / self.shards / self.rows_a_second / 3600:,.1f}"
            ),
        }


EUROPE = sum(not zone.startswith("US-") for zone in ZONES)
GRIDS = (Grid("Europe today", EUROPE), Grid("a thousand times that", EUROPE * 1000))


def page() -> str:
    """The sizing page's table."""
    results = json.loads(Path(__file__).with_name("results.json").read_text(encoding="utf-8"))
    columns = [Size(grid, results["drain_rows_per_s"]["ours"]).lines() for grid in GRIDS]
    rows = [(line, *(column[line] for column in columns)) for line in columns[0]]
    head = ("", *(grid.name for grid in GRIDS))
    return (
        "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in (head, ("---", "---:", "---:"), *rows))
        + "\n"
    )


def measure(folder: Path, rows: int = 3_500_000) -> dict[str, float]:
    """Bytes a row on disk, merged, of a grid's history and of a ledger; the tables are made in `folder`."""
    from benchmarks.grid import fill
    from wattnet.clickhouse import ClickHouseSettings, connect
    from wattnet.local import LocalStack

    with LocalStack(folder) as stack:
        client = connect(ClickHouseSettings.from_url(stack.clickhouse_url))
        client.command("SYSTEM STOP VIEW rollup_pass")
        fill(client, rows, told=print)
        client.command(_LEDGER)
        for table in ("metrics", "ledger"):
            client.command(f"OPTIMIZE TABLE {table} FINAL")
        return {str(table): float(size) for table, size in client.query(_BYTES).result_rows}


# A range of nine messages in each partition, six times a second.
_LEDGER = """
    INSERT INTO ledger
        (topic, topic_id, `partition`, claim_first, claim_next, claim_messages, first_offset, last_offset, messages,
         stored_at)
    SELECT 'wattnet.metrics', 'w8enuDbiT6W/42RCmPZqzg', number % 12, intDiv(number, 12) * 9 + rand() % 9 AS first,
           first + 9, 9, first, first + 8, 9,
           toDateTime64('2026-01-01 00:00:00', 3) + toIntervalMillisecond(number * 167)
    FROM numbers(1000000)
"""
_BYTES = """
    SELECT table, sum(bytes_on_disk) / sum(rows) FROM system.parts
    WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table
"""


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}".replace(".0 ", " ")
    return f"{count:,.0f} B"


if __name__ == "__main__":
    print(measure(Path(sys.argv[1])) if len(sys.argv) > 1 else page(), end="")
