"""A look at a whole table before anything is carried: one question to ClickHouse, which reads it once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.legacy._report import LeftOut, TableReport
from wattnet.legacy._rows import quoted, survey
from wattnet.legacy._slices import Slice, cut

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from wattnet.legacy._tables import LegacyTable

ASSUMED = (
    "they do not say whether they are valid: taken as valid",
    "they have no zone_status: taken as complete",
    "they do not say when they were written: taken as known at their timestamps",
)
SHORTEST = "their values are Float32: each is taken as the shortest decimal that it stands for, such as 214.17"


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to carry, and the report as far as it is known: nothing is carried yet."""

    slices: tuple[Slice, ...]
    report: TableReport


def look_through(client: Client, table: LegacyTable) -> Survey:
    """Count and name what a table holds."""
    all_of_it = f"SELECT count() FROM {quoted(table.database)}.{quoted(table.name)}"
    stored = client.query(all_of_it).result_rows[0][0]
    if table.fault:
        faults = (LeftOut(table.fault, stored),) if stored else ()
        return Survey((), TableReport(table.name, rows=stored, rows_left_out=faults))
    hours: dict[int, tuple[int, int]] = {}
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    assumed: Counter[str] = Counter()
    unfit: Counter[str] = Counter()
    for hour, reason, count, hash_, *silent, example, said in client.query(survey(table)).result_rows:
        unfit.update(dict(zip(table.unfit.values(), said, strict=True)))
        reasons[reason] += count
        if reason:
            examples[reason] = min(example, examples.get(reason, example))
        else:
            hours[hour] = (count, hash_)
            assumed.update(dict(zip(ASSUMED, silent, strict=True)))
    if table.is_float32:
        assumed[SHORTEST] = sum(count for count, _ in hours.values())
    rows = reasons.total()
    report = TableReport(
        table.name,
        rows=rows,
        replaced=max(stored - rows, 0),
        rows_left_out=tuple(LeftOut(why, reasons[why], examples[why]) for why in sorted(examples)),
        columns_left_out=tuple(LeftOut(why, count) for why, count in unfit.items() if count),
        assumed=tuple((what, count) for what, count in assumed.items() if count),
    )
    return Survey(tuple(cut(table.name, hours)), report)
