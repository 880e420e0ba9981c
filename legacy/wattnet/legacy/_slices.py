"""What is carried at once: a table's month, or day, or hour, as it is now.

A slice is named by what is in it. So whoever runs the import again finds the ones that are done, and one that changed
since has another name.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Counted = Mapping[datetime, tuple[int, int]]

# A slice is one insert, and has to be one block in every table: well below the consumer's largest range.
MAX_ROWS = 500_000
NAMESPACE = uuid.UUID("7a4bd0ad-6f5f-4b0e-9a39-0a0e2c6a5f11")


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of a table with timestamps in [start, end): how many can be carried, and the sum of their hashes."""

    table: str
    start: datetime
    end: datetime
    rows: int
    hash: int

    @property
    def topic_id(self) -> str:
        """The name of this content: the same wherever the table stands, and whenever it is read."""
        span = f"{self.start.isoformat()}/{self.end.isoformat()}"
        return str(uuid.uuid5(NAMESPACE, f"{self.table} {span} {self.rows} {self.hash}"))


def cut(table: str, hours: Mapping[int, tuple[int, int]], *, max_rows: int = MAX_ROWS) -> list[Slice]:
    """Slices of a table, in order, from (rows, sum of hashes) of each hour since 1970.

    Calendar months; days of a month with more than `max_rows`; hours of such a day, however many rows one has.
    """
    times = {datetime.fromtimestamp(number * 3600, timezone.utc): counted for number, counted in hours.items()}
    return _cut(table, times, max_rows, (_month, _day, _hour))


def _cut(
    table: str, times: Counted, max_rows: int, spans: Sequence[Callable[[datetime], tuple[datetime, datetime]]]
) -> list[Slice]:
    span, *smaller = spans
    groups: dict[tuple[datetime, datetime], dict[datetime, tuple[int, int]]] = {}
    for time, counted in sorted(times.items()):
        groups.setdefault(span(time), {})[time] = counted
    slices = []
    for (start, end), inside in groups.items():
        rows = sum(count for count, _ in inside.values())
        if rows > max_rows and smaller:
            slices += _cut(table, inside, max_rows, smaller)
        else:
            slices.append(Slice(table, start, end, rows, sum(hash_ for _, hash_ in inside.values()) % 2**64))
    return slices


def _month(time: datetime) -> tuple[datetime, datetime]:
    start = time.replace(day=1, hour=0)
    return start, (start + timedelta(days=31)).replace(day=1)


def _day(time: datetime) -> tuple[datetime, datetime]:
    start = time.replace(hour=0)
    return start, start + timedelta(days=1)


def _hour(time: datetime) -> tuple[datetime, datetime]:
    return time, time + timedelta(hours=1)
