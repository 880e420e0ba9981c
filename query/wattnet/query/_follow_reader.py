"""One reader of what follow() gives: where it stands, and what comes behind that. It never waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from wattnet.query._errors import ResumeError
from wattnet.query._follow_changes import turns, windows
from wattnet.query._follow_place import Place
from wattnet.query._follow_series import order
from wattnet.query._rank import taken_apart
from wattnet.query._times import EPOCH
from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from wattnet.query._follow_changes import Revision, Turn
    from wattnet.query._follow_place import Point
    from wattnet.query._follow_series import MetSeries
    from wattnet.query._follow_table import Table
    from wattnet.query._series import Match

MAX_SERIES = 1_000
"""In one statement, as for all questions."""
TORN_S = 3600
"""How long an insert may take until its series can be seen."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became the current value at a point of a series.

    metric     the revision that is current now, with its quality and knowledge_time, without attributes; its value is
               None where the value was withdrawn
    previous   the one that was current before; None where no value was, and in the snapshot
    snapshot   whether it belongs to the snapshot: what was there when following began
    stored_at  when ClickHouse took the revision in, aware UTC with milliseconds
    """

    metric: Metric
    previous: Metric | None
    snapshot: bool
    stored_at: datetime
    place: Place = field(repr=False)

    @property
    def token(self) -> str:
        """Where this change is: `follow(…, resume=token)` goes on behind it, in any process, on any day."""
        return self.place.token


class Reader:
    """`place` is where reading stands, None until the first turn. Whoever takes a change sets it to the change's."""

    def __init__(self, question: str, name: str, table: Table, series: MetSeries, place: Place | None) -> None:
        self.place = place
        self._question = question
        self._name = name
        self._table = table
        self._series = series

    def turn(self) -> Iterator[Change]:
        """What can be seen now and lies behind the place.

        Raises ResumeError where the place means nothing in this table, and what reading raises.
        """
        uuid, newest = self._table.newest()
        if self.place is None:
            self.place = self._beginning(uuid, newest)
        place = self.place
        if place.table != uuid or place.insert > newest:
            raise ResumeError(
                "ClickHouse's table metrics is not the one that was followed (it was made anew, or restored), so what "
                "changed since cannot be told: begin anew with resume=None, and take the snapshot for what is true"
            )
        if place.snapshot:
            yield from self._snapshot(place)
            place = self.place = replace(place, snapshot=False, after=None)
        while place.insert < newest or place.after is not None:
            yield from self._inserts(place, newest)
            if self.place == place:
                return
            place = self.place

    def _beginning(self, uuid: str, newest: int) -> Place:
        self._series.all()  # raises for a name or label that nothing has
        lately = self._table.lately(newest, within_s=TORN_S)
        missing = self._series.look_up(lately)
        insert = min([newest, *(lately[id_] - 1 for id_ in missing)])
        return Place(self._question, uuid, self._table.start_us, snapshot=True, insert=insert)

    def _snapshot(self, place: Place) -> Iterator[Change]:
        series = self._series.all()
        if place.after is not None:
            reached = order(self._reached(place.after))
            series = [match for match in series if order(match) >= reached]
        for piece in _pieces(series):
            for revision in self._table.current(piece, place.insert, place.after):
                match = piece[revision.position]
                yield self._change(match, None, revision, place, place.insert)

    def _inserts(self, place: Place, newest: int) -> Iterator[Change]:
        low = place.insert if place.after is None else place.insert - 1
        arrived, high = self._table.arrived(low, newest)
        missing = self._series.look_up({one.series_id for one in arrived})
        torn = (one.insert for one in arrived if one.series_id in missing and one.age_s < TORN_S)
        high = min([high, *(insert - 1 for insert in torn)])
        if high < place.insert:
            return
        meant = {match.series_id for match in self._series.meant({one.series_id for one in arrived})}
        rows: Counter[int] = Counter()
        for one in arrived:
            if one.insert <= high and one.series_id in meant:
                rows[one.insert] += one.rows
        for first, last in windows(rows, low=low, high=high):
            within = {one.series_id for one in arrived if first < one.insert <= last}
            single = sum(first < insert <= last for insert in rows) == 1
            yield from self._window(place, first, last, self._series.meant(within), single=single)
            self.place = replace(place, insert=last, after=None)
        self.place = replace(place, insert=high, after=None)

    def _window(self, place: Place, low: int, high: int, series: Sequence[Match], *, single: bool) -> Iterator[Change]:
        reached = None
        if place.after is not None and low < place.insert:
            reached = (place.insert, order(self._reached(place.after)), place.after.timestamp_us)
        found = (
            (match, turn)
            for piece in _pieces(series)
            for turn in turns(self._table.revisions(piece, low, high), low=low)
            for match in (piece[turn.now.position],)
            if reached is None or _key(match, turn) > reached
        )
        # A single insert may be large, and what is read of it stands in order.
        for match, turn in found if single else sorted(found, key=lambda one: _key(*one)):
            yield self._change(match, turn.before, turn.now, place, turn.now.insert)

    def _reached(self, after: Point) -> Match:
        self._series.look_up([after.series_id])
        for match in self._series.meant([after.series_id]):
            return match
        raise ResumeError(
            f"the token names a series ({after.series_id}) that ClickHouse does not have any more: begin anew with "
            "resume=None"
        )

    def _change(self, match: Match, before: Revision | None, now: Revision, place: Place, insert: int) -> Change:
        return Change(
            metric=self._metric(match, now),
            previous=None if before is None or before.retracted else self._metric(match, before),
            snapshot=place.snapshot,
            stored_at=_moment(now.stored_at_ms * 1000),
            place=place.at(insert, match.series_id, now.timestamp_us),
        )

    def _metric(self, match: Match, revision: Revision) -> Metric:
        valid, zone_status, knowledge_us = taken_apart(revision.rank)
        return Metric.from_stored(
            self._name,
            None if revision.retracted else revision.value,
            _moment(revision.timestamp_us),
            match.labels,
            knowledge_time=_moment(knowledge_us),
            valid=valid,
            zone_status=ZONE_STATUSES[zone_status],
            data_state=revision.data_state,
        )


def _moment(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _key(match: Match, turn: Turn) -> tuple[int, object, int]:
    return turn.now.insert, order(match), turn.now.timestamp_us


def _pieces(series: Sequence[Match]) -> Iterator[Sequence[Match]]:
    for first in range(0, len(series), MAX_SERIES):
        yield series[first : first + MAX_SERIES]
