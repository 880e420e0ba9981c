"""What is asked, and how its answer is fetched: which series are meant, then their values, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from wattnet.query._errors import QuestionError
from wattnet.query._series import find_matches
from wattnet.query._statement import Select
from wattnet.query._times import bounds, now_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from wattnet.query._database import Database
    from wattnet.query._filters import Filters
    from wattnet.query._series import Matches
    from wattnet.query._statement import Statement
    from wattnet.query._times import Moment

# Nothing is stored outside of these, and ClickHouse's own limits are further out.
_EARLIEST_US = -1
_LATEST_US = 4_102_444_800_000_000  # 2100


@dataclass(frozen=True, slots=True)
class Question:
    """A range of times of all matching series; without a start, the newest value of each."""

    name: str
    filters: Filters
    start: Moment | None = None
    end: Moment | None = None
    as_of: Moment | None = None
    history: bool = False
    newest: bool = False
    attributes: bool = False
    limit: int | None = None

    def refined(self, **changes: Any) -> Question:
        """The same with changes. Raises QuestionError for refinements that contradict each other."""
        question = replace(self, **changes)
        if question.history and question.newest:
            raise QuestionError(
                "history() and latest() exclude each other: history() has every revision of every value, latest() the "
                "newest value of each series. Leave one out"
            )
        return question

    def ask(self, database: Database) -> tuple[Matches, list[Sequence[Any]]]:
        """The series that are meant, and blocks of columns as Statement names them, in the answer's order."""
        matches, blocks = self.stream(database)
        return matches, list(blocks)

    def stream(self, database: Database) -> tuple[Matches, Iterator[Sequence[Any]]]:
        """As `ask`, with the blocks as they arrive: nothing is kept. The iterator may be left early and closed."""
        matches = find_matches(database, self.name, self.filters.labels)
        return matches, self._blocks(database, matches)

    def statements(self, matches: Matches) -> Iterator[Statement]:
        """What ClickHouse is asked for a range of time."""
        select, start_us, end_us = self._select()
        for piece in matches.pieces():
            yield (select.history if self.history else select.current)(piece, start_us, end_us)

    def _blocks(self, database: Database, matches: Matches) -> Iterator[Sequence[Any]]:
        left = self.limit
        for block in self._newest(database, matches) if self.newest else self._range(database, matches):
            if left is None:
                yield block
                continue
            yield [column[:left] for column in block]
            left -= len(block[0])
            if left <= 0:
                return

    def _range(self, database: Database, matches: Matches) -> Iterator[Sequence[Any]]:
        for statement in self.statements(matches):
            yield from database.stream(self._limited(statement.sql), statement.parameters)

    def _newest(self, database: Database, matches: Matches) -> Iterator[Sequence[Any]]:
        select, start_us, end_us = self._select()
        for piece in matches.pieces():
            if self.start is not None or self.as_of is not None:
                newest = select.newest(piece, (start_us, end_us) if self.start is not None else None)
                yield from database.stream(self._limited(newest.sql), newest.parameters)
                continue
            # Where the last value is retracted (or not of the wanted quality), an older one is the answer.
            last = select.last(piece)
            found = list(database.stream(last.sql, last.parameters))
            rest = piece.without({position for block in found for position in block[0]})
            if rest.series:
                newest = select.newest(rest)
                found += database.stream(newest.sql, newest.parameters)
            # A row a series: few, and two answers to put into one order.
            rows = sorted((row for block in found for row in zip(*block, strict=True)), key=itemgetter(0))
            if rows:
                yield list(zip(*rows, strict=True))

    def _limited(self, sql: str) -> str:
        return sql if self.limit is None else f"{sql}\nLIMIT {self.limit:d}"

    def _select(self) -> tuple[Select, int, int]:
        now = now_us()
        start_us = end_us = 0
        if self.start is not None and self.end is not None:
            start_us, end_us = bounds(self.start, self.end, now_us=now)
        as_of_us = None if self.as_of is None else _within(self.as_of.at(now))
        select = Select(self.name, self.filters.quality, self.attributes, as_of_us)
        return select, _within(start_us), _within(end_us)


def _within(us: int) -> int:
    return min(max(us, _EARLIEST_US), _LATEST_US)
