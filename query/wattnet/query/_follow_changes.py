"""What the revisions of points say about their current values, insert by insert. Pure."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_ROWS = 50_000
"""Of several inserts, that are put into order together. A larger insert is read by itself, row by row."""


class Revision(NamedTuple):
    """A row of `metrics`. `position` is its series' place in the order of the answer."""

    position: int
    timestamp_us: int
    insert: int
    rank: int
    value: float
    retracted: bool
    data_state: str
    stored_at_ms: int


class Turn(NamedTuple):
    """By one insert, `now` became current at its point; `before` was, or nothing. Either may withdraw the value."""

    before: Revision | None
    now: Revision


def turns(revisions: Iterable[Revision], *, low: int) -> Iterator[Turn]:
    """What the inserts above `low` made current, for revisions that stand together point by point.

    The greatest rank is current, and of equal ranks the last that arrived. Of one insert only what it led to counts:
    nobody ever saw what it passed through. A revision that came again with the same content counts, and so does the
    retraction of nothing: a copy that said something else may have been there, and been merged away.
    """
    for _, of_point in groupby(revisions, key=lambda row: (row.position, row.timestamp_us)):
        current: Revision | None = None
        for insert, rows in groupby(sorted(of_point, key=attrgetter("insert", "rank")), key=attrgetter("insert")):
            best = list(rows)[-1]
            if current is not None and best.rank < current.rank:
                continue
            before, current = current, best
            if insert > low:
                yield Turn(before, best)


def windows(rows: Mapping[int, int], *, low: int, high: int, max_rows: int = MAX_ROWS) -> Iterator[tuple[int, int]]:
    """Cut the inserts in (low, high] into windows of at most `max_rows` rows, or of one insert.

    `rows` says how many rows each insert has; those that it does not name have none. Nothing when no insert has any.
    """
    first, size = low, 0
    last = low
    for insert in sorted(rows):
        if size and size + rows[insert] > max_rows:
            yield first, last
            first, size = last, 0
        size += rows[insert]
        last = insert
    if size:
        yield first, high
