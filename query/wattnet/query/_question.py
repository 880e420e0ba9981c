"""What is asked, and how its answer is fetched: which series are meant, then their values, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timezone
from typing import TYPE_CHECKING

from wattnet.query._errors import QuestionError
from wattnet.query._remembered import with_matches
from wattnet.query._series import find_matches
from wattnet.query._statement import Select
from wattnet.query._states import coded, is_known
from wattnet.query._step import DAY_US
from wattnet.query._times import Moment, bounds, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date, datetime, tzinfo
    from typing import Any

    from wattnet.query._database import Database
    from wattnet.query._filters import Filters
    from wattnet.query._resampling import Resampling
    from wattnet.query._series import Matches, Piece
    from wattnet.query._statement import Statement

# Nothing is stored outside of these, and ClickHouse's own limits are further out.
_EARLIEST_US = -1
_LATEST_US = 4_102_444_800_000_000  # 2100

# Two series by a year, of all series together. Splitting FINAL among threads costs more than they would save.
_SMALL_US = 2 * 366 * DAY_US
_NOT_WITH_BUCKETS = {"history": "history", "latest": "newest", "with_attributes": "attributes"}
# For a newest value that is not at the newest point: a few days back first, for that is where it nearly always is.
_SEARCHED_DAYS = (8, 400, None)


@dataclass(frozen=True, slots=True)
class Question:
    """A range of times of all matching series; without a start, the newest value of each."""

    name: str
    filters: Filters
    zone: tzinfo | None = None
    """Whose clock times without an offset mean, and in which answers are; None: such times are refused."""
    start: Moment | None = None
    end: Moment | None = None
    as_of: Moment | None = None
    history: bool = False
    newest: bool = False
    attributes: bool = False
    limit: int | None = None
    limit_each: int | None = None
    """Of each series' rows; more may come."""
    resampling: Resampling | None = None

    @property
    def day_zone(self) -> tzinfo:
        """Whose days dates and steps mean."""
        return self.zone or timezone.utc

    def moment(self, given: datetime | date | str, *, argument: str) -> Moment:
        """A time as it is meant here. Raises TimeError."""
        return Moment.parse(given, argument=argument, zone=self.zone, day_zone=self.day_zone)

    def refined(self, **changes: Any) -> Question:
        """The same with changes; newest values and energy are of actuals, unless forecasts are asked for.

        Raises QuestionError for refinements that contradict each other.
        """
        question = replace(self, **changes)
        if question.newest or (question.resampling is not None and question.resampling.integrates):
            question = replace(question, filters=question.filters.actuals_only())
        if question.history and question.newest:
            raise QuestionError(
                "history() and latest() exclude each other: history() has every revision of every value, latest() the "
                "newest value of each series. Leave one out"
            )
        if question.resampling is not None:
            for refinement, given in _NOT_WITH_BUCKETS.items():
                if getattr(question, given):
                    raise QuestionError(
                        f"{refinement}() and resample() exclude each other: buckets are made of the current values "
                        "(or those as_of a moment) of a range. Leave one out"
                    )
        return question

    def ask(self, database: Database, matches: Matches | None = None) -> tuple[Matches, list[Sequence[Any]]]:
        """The series that are meant, and blocks of columns as Statement names them, in the answer's order.

        matches  when they are known already, or only some of them are meant
        Raises RowLimitError for an answer of more rows than the database's max_rows.
        """
        if matches is None:
            return with_matches(database, self.name, self.filters.labels, lambda found: self._all(database, found))
        return matches, self._all(database, matches)

    def stream(self, database: Database) -> tuple[Matches, Iterator[Sequence[Any]]]:
        """As `ask`, with the blocks as they arrive: nothing is kept, and there is no limit of rows.

        The iterator may be left early and closed.
        """
        matches = find_matches(database, self.name, self.filters.labels)
        return matches, self._blocks(matches, lambda one: database.stream(one.sql, one.parameters))

    def statements(self, matches: Matches, states: tuple[str, ...] = ()) -> Iterator[Statement]:
        """What ClickHouse is asked first for each piece of the series; it gives data_state as places in `states`."""
        select, start_us, end_us = self._select()
        select = replace(select, states=states)
        if self._is_kept():
            yield select.kept({} if matches.every else self.filters.labels)
            return
        for piece in matches.pieces():
            if self.resampling is not None:
                statement = self.resampling.statement(select, piece, start_us, end_us)
            elif self.history:
                statement = select.history(piece, start_us, end_us)
            elif not self.newest:
                statement = select.current(piece, start_us, end_us)
            else:
                statement = select.newest(piece, range_us=None if self.start is None else (start_us, end_us))
            if self.start is not None:
                statement = _sized(statement, piece, end_us - start_us)
            yield self._limited(statement)

    def _all(self, database: Database, matches: Matches) -> list[Sequence[Any]]:
        rows = 0

        def counted(statement: Statement) -> list[Sequence[Any]]:
            nonlocal rows
            blocks = database.blocks(statement.sql, statement.parameters, rows_before=rows, small=statement.small)
            rows += sum(len(block[0]) for block in blocks)
            return blocks

        if self._has_states():
            if states := database.states.of(self.name):
                blocks = list(self._blocks(matches, counted, states))
                if is_known(blocks):
                    return [coded(block, states) for block in blocks]
                rows = 0
            blocks = list(self._blocks(matches, counted))
            database.states.learn(self.name, blocks)
            return blocks
        return list(self._blocks(matches, counted))

    def _blocks(
        self,
        matches: Matches,
        read: Callable[[Statement], Iterable[Sequence[Any]]],
        states: tuple[str, ...] = (),
    ) -> Iterator[Sequence[Any]]:
        left = self._rows_limit()
        for block in self._newest(matches, read) if self._is_kept() else self._read(matches, read, states):
            if left is None:
                yield block
                continue
            yield [column[:left] for column in block]
            left -= len(block[0])
            if left <= 0:
                return

    def _read(
        self, matches: Matches, read: Callable[[Statement], Iterable[Sequence[Any]]], states: tuple[str, ...]
    ) -> Iterator[Sequence[Any]]:
        for statement in self.statements(matches, states):
            yield from read(statement)

    def _has_states(self) -> bool:
        """Whether data_state comes with every value: buckets have none, and newest values are few."""
        return not self.newest and (self.resampling is None or self.resampling.integrates)

    def _is_kept(self) -> bool:
        """Whether a table holds the answer: the newest values of all, as they are known now."""
        return self.newest and self.start is None and self.as_of is None

    def _newest(
        self, matches: Matches, read: Callable[[Statement], Iterable[Sequence[Any]]]
    ) -> Iterator[Sequence[Any]]:
        """A row a series. Where that of the newest point is retracted or not of the wanted quality: an older one."""
        select, _, _ = self._select()
        position = {match.series_id: number for number, match in enumerate(matches.series)}
        rows = {
            position[series_id]: row
            for block in read(select.kept({} if matches.every else self.filters.labels))
            for series_id, *row in zip(*block, strict=True)
            if series_id in position  # not one that came after the others were looked up
        }
        for days in _SEARCHED_DAYS:
            for piece in matches.whole().without(rows).parts():
                statement = select.newest(piece, days=days)
                for block in read(statement if days is None else _sized(statement, piece, days * DAY_US)):
                    rows |= {number: row for number, *row in zip(*block, strict=True)}
        if rows:
            numbers = sorted(rows)
            yield [numbers, *zip(*(rows[number] for number in numbers), strict=True)]

    def fixed(self) -> Question:
        """The same with the moments that relative ones are now: what is asked twice is asked of one range."""
        now = now_us()
        start, end, as_of = (None if one is None else Moment(one.at(now)) for one in (self.start, self.end, self.as_of))
        return replace(self, start=start, end=end, as_of=as_of)

    def range_us(self) -> tuple[int, int]:
        """The half-open range in microseconds since 1970."""
        _, start_us, end_us = self._select()
        return start_us, end_us

    def _limited(self, statement: Statement) -> Statement:
        if not self._rows_are_the_answers():
            return statement
        if self.limit is not None:
            return statement.limited(self.limit)
        return statement if self.limit_each is None or self.newest else statement.limited_each(self.limit_each)

    def _rows_limit(self) -> int | None:
        return self.limit if self._rows_are_the_answers() else None

    def _rows_are_the_answers(self) -> bool:
        return self.resampling is None or self.resampling.rows_are_buckets

    def _select(self) -> tuple[Select, int, int]:
        now = now_us()
        start_us = end_us = 0
        if self.start is not None and self.end is not None:
            start_us, end_us = bounds(self.start, self.end, now_us=now)
        as_of_us = None if self.as_of is None else within(self.as_of.at(now))
        select = Select(self.name, self.filters.quality, self.attributes, as_of_us)
        return select, within(start_us), within(end_us)


def _sized(statement: Statement, piece: Piece, range_us: int) -> Statement:
    return replace(statement, small=len(piece.series) * range_us <= _SMALL_US)


def within(us: int) -> int:
    """The nearest moment that ClickHouse can be asked about."""
    return min(max(us, _EARLIEST_US), _LATEST_US)
