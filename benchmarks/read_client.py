"""`python -m benchmarks.read_client`: what the query client adds to a query, on a million rows; takes a minute.

A hundred and twenty series by a year of hours, a tenth of it revised. Each read becomes a pandas frame, and beside it
stand, asked by turns in the same run:

    statement  the client's own statement, its answer taken as bytes: what ClickHouse needs for it
    query_df   the same statement as clickhouse-connect's frame (it has no labels)

The client's processor time is of this process alone: it does not depend on what else the machine does.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.local import LocalStack
from wattnet.query import Client
from wattnet.query._series import find_matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.query import Query

NAME = "zone_generation"
ZONES, HOURS, ROUNDS = 60, 8_760, 5
SETTINGS = {"do_not_merge_across_partitions_select_final": 1}
FILL = """
    INSERT INTO metrics_ingest (topic, topic_id, `partition`, `offset`, kafka_time, claim_first, claim_next,
        claim_messages, name, value, timestamp, labels, knowledge_time)
    SELECT 'direct', {topic_id:String}, 0, number, now64(3), 0, {rows:Int64}, {rows:Int64}, {name:String},
        1000 + 500 * sin(hour / 24) + cityHash64(number) % 1000 / 7, toDateTime64('2024-01-01 00:00:00', 6, 'UTC')
        + toIntervalHour(hour) AS time, map('zone', concat('Z', toString(intDiv(series, 2))),
        'production_type', series % 2 ? 'wind' : 'solar', 'unit', 'MW', 'source', 'entsoe', 'datasource', 'bench'),
        time + toIntervalHour({lag:Int64})
    FROM (SELECT number, intDiv(number, {hours:UInt64}) AS series, number % {hours:UInt64} AS hour
        FROM numbers({rows:UInt64}) WHERE number % {every:UInt64} = 0)
"""


def main() -> None:
    """Make the data, measure, print."""
    console = Console()
    with LocalStack(progress=console.print) as stack, connect(_settings(stack)) as driver:
        fill(driver)
        console.print("measuring…")
        with Client(stack.clickhouse_url) as client:
            chosen: dict[str, dict[str, object]] = {
                "a series by a year": {"zone": "Z7", "production_type": "wind"},
                "50 series by a year": {"zone": [f"Z{number}" for number in range(25)]},
                "a million rows": {},
            }
            table = Table(title="To pandas, and the same beside it (ms, medians)")
            for column in ("", "rows", "client", "its processor", "statement", "query_df"):
                table.add_column(column, justify="left" if not column else "right")
            for what, labels in chosen.items():
                query = client.metrics(NAME, start="2024-01-01", end="2025-01-01", as_of=None, **labels)
                table.add_row(what, *_measure(client, driver, query))
            console.print(table)


def _settings(stack: LocalStack) -> ClickHouseSettings:
    return ClickHouseSettings.from_url(stack.clickhouse_url)


def fill(driver: Driver) -> None:
    """All first values in one insert, the revisions in another, as two calls of a module would come."""
    rows = 2 * ZONES * HOURS
    for lag, every in ((2, 1), (30, 10)):
        given = {"topic_id": f"bench-{lag}", "name": NAME, "rows": rows, "hours": HOURS, "lag": lag, "every": every}
        driver.command(FILL, parameters=given)


def _measure(client: Client, driver: Driver, query: Query) -> list[str]:
    matches = find_matches(client._database, NAME, query._question.filters.labels)
    query.to_pandas()  # from here on the client knows the states of the values
    [statement] = query._question.statements(matches, client._database.states.of(NAME))
    settings = {**SETTINGS, "max_final_threads": 1} if statement.small else SETTINGS
    ways: list[Callable[[], object]] = [
        query.to_pandas,
        lambda: driver.raw_query(statement.sql, statement.parameters, settings, fmt="Native"),
        lambda: driver.query_df(statement.sql, statement.parameters, settings),
    ]
    took: list[list[float]] = [[] for _ in ways]
    processor = []
    for _ in range(ROUNDS):
        for number, way in enumerate(ways):
            used, began = time.process_time(), time.perf_counter()
            way()
            took[number].append((time.perf_counter() - began) * 1000)
            if not number:
                processor.append((time.process_time() - used) * 1000)
    ours, *others = (median(one) for one in took)
    ratios = [f"{other:,.0f} ({ours / other:.2f} x)" for other in others]
    return [f"{len(query.to_pandas()):,}", f"{ours:,.0f}", f"{median(processor):,.0f}", *ratios]


if __name__ == "__main__":
    main()
