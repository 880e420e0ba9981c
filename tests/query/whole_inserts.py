"""Two programs: one makes inserts of so many rows in each of two years, one reads and counts what it sees of them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

from direct_writer import DirectWriter

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.query import Client
from wattnet.schemas import Metric

INSERTS = 15
YEARS = (2024, 2025)
SERIES = 3
HOURS = 20
ROWS = SERIES * HOURS
"""Of one insert in one year."""


def write(name: str) -> None:
    with connect(ClickHouseSettings()) as driver:
        writer = DirectWriter(driver)
        for insert in range(INSERTS):
            writer.put(
                *(
                    Metric(name, 1.0, datetime(year, 6, 1, tzinfo=timezone.utc) + hour * timedelta(hours=1), labels)
                    for series in range(SERIES)
                    for labels in ({"zone": f"Z{series}", "insert": insert},)
                    for hour in range(HOURS)
                    for year in YEARS
                )
            )


def read(name: str, found: Path) -> None:
    """Writes how many rows of an insert it ever saw in a year, how often it looked, and what sums it saw."""
    sizes, totals, looks = set[int](), set[int](), 0
    question = (
        "SELECT labels['insert'] AS insert, toYear(m.timestamp) AS year, count() FROM metrics AS m "
        "INNER JOIN (SELECT series_id, any(labels) AS labels FROM series GROUP BY series_id) AS s "
        f"USING series_id WHERE m.name = '{name}' GROUP BY insert, year"
    )
    deadline = time.monotonic() + 60
    with Client.from_env() as client, connect(ClickHouseSettings()) as driver:
        while max(totals, default=0) < INSERTS * ROWS * len(YEARS) and time.monotonic() < deadline:
            looks += 1
            by_sql = {(insert, year): count for insert, year, count in driver.query(question).result_rows}
            if not by_sql:
                continue  # the name itself is not known yet
            metrics = client.metrics(name, start="2024-01-01T00:00Z", end="2026-01-01T00:00Z").to_list()
            by_client = Counter((metric.labels["insert"], metric.timestamp.year) for metric in metrics)
            sizes |= {*by_sql.values(), *by_client.values()}
            totals |= {sum(by_sql.values()), len(metrics)}
    found.write_text(json.dumps({"sizes": sorted(sizes), "totals": sorted(totals), "looks": looks}))


if __name__ == "__main__":
    if os.environ["ROLE"] == "write":
        write(os.environ["NAME"])
    else:
        read(os.environ["NAME"], Path(os.environ["FOUND"]))
    sys.stdout.flush()
