"""Tables as wattnet-storage 1.0 and 1.1 leave them in ClickHouse: what `SHOW CREATE TABLE` says of them, in short.

test_old_package.py holds this against the real package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clickhouse_connect.driver.client import Client

TEXT = "LowCardinality(String)"
TYPES = {
    **dict.fromkeys(("timestamp", "updated_at"), "DateTime"),
    "value": "Float32",
    "source_link": "String",
    "year": "Nullable(Int32)",
}
QUALITY = "valid updated_at zone zone_status"
POWER = f"data_state datasource {{}} unit {QUALITY}"
COLUMNS = {
    "zone_generation": POWER.format("production_type"),
    "zone_import": POWER.format("from_zone"),
    "zone_load": POWER.format(""),
    "local_score": f"scope {QUALITY}",
    "factor": "factor_type production_type scope source source_link unit updated_at year",
}
KEYS = {
    "zone_generation": "timestamp, zone, production_type",
    "zone_import": "timestamp, zone, from_zone",
    "zone_load": "timestamp, zone",
    "local_score": "timestamp, zone, scope",
    "factor": "timestamp, factor_type, production_type, scope, source",
}


def columns_of(table: str) -> dict[str, str]:
    """Types by name, as 1.1 has them."""
    return {name: TYPES.get(name, TEXT) for name in ("timestamp", "value", *COLUMNS[table].split())}


@dataclass(frozen=True, slots=True)
class OldDatabase:
    """A database of 1.x."""

    driver: Client
    name: str

    def create(self, table: str, *, but: Mapping[str, str | None] | None = None) -> None:
        """A table of 1.1; `but` gives other types, or None for a column that is not there."""
        columns = {name: type_ for name, type_ in {**columns_of(table), **(but or {})}.items() if type_}
        engine = "ReplacingMergeTree(updated_at)" if "updated_at" in columns else "ReplacingMergeTree"
        listed = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        self.driver.command(f"CREATE DATABASE IF NOT EXISTS {self.name}")
        self.driver.command(f"CREATE TABLE {self.name}.{table} ({listed}) ENGINE = {engine} ORDER BY ({KEYS[table]})")

    def put(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Rows in one insert, as 1.x makes it; what a row does not say is empty."""
        names = sorted({name for row in rows for name in row})
        empty = {"value": 0.0}
        self.driver.insert(
            table,
            [[row.get(name, empty.get(name, "")) for name in names] for row in rows],
            column_names=names,
            database=self.name,
            settings={"async_insert": 0},
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What it says."""
        return [tuple(row) for row in self.driver.query(sql.replace("OLD", self.name)).result_rows]
