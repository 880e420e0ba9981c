"""What commands for people ask ClickHouse, and how its answers and errors are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

ACCESS_DENIED = 497


def rows(client: Client, sql: str) -> list[tuple[Any, ...]]:
    """The answer's rows."""
    return [tuple(row) for row in client.query(sql).result_rows]


def code_of(exc: Exception) -> int | None:
    """ClickHouse's error code; None when it is no answer of ClickHouse but the lack of one."""
    return getattr(exc, "code", None)


def reason(exc: Exception) -> str:
    """ClickHouse's own words, without what the driver says around them."""
    found = re.search(r"DB::Exception: (.*?)(?: \(for url .*)?$", str(exc), re.DOTALL)
    return found.group(1) if found else str(exc)
