"""The materialized views behind metrics_ingest, made slow or made to throw, and healed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from road import Road


@contextmanager
def condition_in(road: Road, table: str, condition: str) -> Iterator[None]:
    """The view that fills `table` asks this of each row too; inserts that run meanwhile have it until they end."""
    select = road.one(
        f"SELECT as_select FROM system.tables WHERE database = '{road.name}' AND name = 'ingest_to_{table}'"
    )
    road.client.command(f"ALTER TABLE ingest_to_{table} MODIFY QUERY SELECT * FROM ({select}) WHERE {condition}")
    try:
        yield
    finally:
        road.client.command(f"ALTER TABLE ingest_to_{table} MODIFY QUERY {select}")


def inserting(road: Road) -> bool:
    """Whether ClickHouse is at an insert into this road's tables now."""
    return bool(
        road.one(
            "SELECT count() FROM system.processes "
            f"WHERE query LIKE 'INSERT INTO metrics_ingest%' AND current_database = '{road.name}'"
        )
    )
