"""Which tables of wattnet-storage 1.x a database holds, and what they are made of.

1.x has a table a metric type: `timestamp`, `value`, `updated_at`, and a column a label. Its versions differ: 1.0 has
fewer tables, Float64 values and a `score_type`; a column may lack that came later. So the columns are looked at, and
nothing is taken for granted but `timestamp` and `value`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.legacy._errors import LegacyDatabaseError
from wattnet.schemas import ATTRIBUTE_LABEL_NAMES, QUALITY_LABEL_NAMES, RESERVED_LABEL_NAMES, MetricType

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

NAMES = frozenset(metric_type.value for metric_type in MetricType if metric_type is not MetricType.UNKNOWN)
# The new tables are wide of these names; a table with a series_id is one of them.
COLUMNS = """
    SELECT t.name, t.engine, c.name, c.type
    FROM system.tables AS t INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
    WHERE t.database = {database:String} AND t.name IN {names:Array(String)} AND NOT endsWith(t.engine, 'View')
    ORDER BY t.name, c.position
"""
# `from` and `to` are words of SQL: 1.x has other names for their columns.
LABELS_OF_COLUMNS = {"from_zone": "from", "to_zone": "to"}
NO_LABELS = {"timestamp", "value", "updated_at"} | QUALITY_LABEL_NAMES | ATTRIBUTE_LABEL_NAMES
WRAPPED = re.compile(r"(?:LowCardinality|Nullable)\((.*)\)")
TEXTS = re.compile(r"(String|FixedString\(\d+\)|Enum\d+\(.*\)|U?Int\d+|Bool|UUID)")
TIMES = re.compile(r"(Date|Date32|DateTime(\(.*\))?|DateTime64\(.*\))")
NUMBERS = re.compile(r"(Float32|Float64|BFloat16|U?Int\d+|Decimal.*)")


@dataclass(frozen=True, slots=True)
class LegacyTable:
    """A table of 1.x: `columns` are types by name, `replacing` says whether it has rows that later ones replaced."""

    database: str
    name: str
    columns: dict[str, str]
    replacing: bool

    @property
    def fault(self) -> str:
        """Why nothing of it can be carried; empty when it can."""
        for column, kind, wanted in (("timestamp", "a time", TIMES), ("value", "a number", NUMBERS)):
            if column not in self.columns:
                return f"the table has no column {column}"
            if not wanted.fullmatch(bare(self.columns[column])):
                return f"its column {column} is no {kind.split()[1]} but {self.columns[column]}"
        return ""

    @property
    def labels(self) -> dict[str, str]:
        """The columns that become labels, by the label's name, sorted by it."""
        names = {
            LABELS_OF_COLUMNS.get(column, column): column
            for column in self.columns
            if column not in NO_LABELS and not self._unfit(column)
        }
        return dict(sorted(names.items()))

    @property
    def unfit(self) -> dict[str, str]:
        """Columns that cannot become labels, and why."""
        return {column: why for column in self.columns if column not in NO_LABELS and (why := self._unfit(column))}

    @property
    def is_float32(self) -> bool:
        """Whether values have the precision of a Float32: what was sent as 214.17 is 214.1699981689453 when widened."""
        return bare(self.columns["value"]) == "Float32"

    def has_time(self, column: str) -> bool:
        """Whether there is such a column, with times in it."""
        return TIMES.fullmatch(bare(self.columns.get(column, ""))) is not None

    def _unfit(self, column: str) -> str:
        label = LABELS_OF_COLUMNS.get(column, column)
        if label in RESERVED_LABEL_NAMES:
            return f"column {column}: a label cannot have the name of a column"
        if label != column and label in self.columns:
            return f"column {column}: there is a column {label}, too"
        if not TEXTS.fullmatch(bare(self.columns[column])):
            return f"column {column}: {self.columns[column]} is neither a text nor a whole number"
        return ""


def bare(type_: str) -> str:
    """A type without LowCardinality and Nullable."""
    while wrapped := WRAPPED.fullmatch(type_):
        type_ = wrapped[1]
    return type_


def find_tables(client: Client, database: str, address: str) -> list[LegacyTable]:
    """Every table of 1.x, by name. Raises LegacyDatabaseError when there is none."""
    parameters = {"database": database, "names": sorted(NAMES)}
    tables: dict[str, LegacyTable] = {}
    for name, engine, column, type_ in client.query(COLUMNS, parameters=parameters).result_rows:
        if name not in tables:
            tables[name] = LegacyTable(database, name, {}, "Replacing" in engine)
        tables[name].columns[column] = type_
    found = [table for table in tables.values() if "series_id" not in table.columns]
    if not found:
        raise LegacyDatabaseError(
            f"database {database!r} at {address} has no table of wattnet-storage 1.x (zone_generation, zone_load, …): "
            "name another one with --database, or another server with --from"
        )
    return found
