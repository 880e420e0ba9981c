"""Where values are missing that a series' own step says should be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._answer import to_answer
from wattnet.query._calendar import Clock
from wattnet.query._errors import QuestionError
from wattnet.query._findings import Gap
from wattnet.query._points import to_points
from wattnet.query._resampling import Resampling
from wattnet.query._step import Step, parse_gap_step
from wattnet.query._table import Table
from wattnet.query._times import EPOCH, MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from wattnet.query._database import Database
    from wattnet.query._points import Points
    from wattnet.query._question import Question


def find_gaps(database: Database, question: Question, step: object, zone: tzinfo) -> Table[Gap]:
    """The gaps of a range by series, then time. Raises QuestionError for a question that has no current values."""
    if question.history or question.newest or question.resampling is not None or question.start is None:
        raise QuestionError("gaps() are those of the current values of a range: ask metrics(…).gaps()")
    wanted = None if step is None else parse_gap_step(step)
    # As energy is read: each value with its resolution, and those that reach into the range.
    reading = Resampling(Step(days=1), "energy", zone, fill=None)
    asked = question.refined(resampling=reading, attributes=False).fixed()
    matches, blocks = asked.ask(database)
    points = to_points(to_answer(matches, blocks, attributes=True), zone, step=wanted)
    rows = list(_gaps(points, wanted, zone, *asked.range_us()))
    return Table(Gap, rows if question.limit is None else rows[: question.limit], zone)


def _gaps(points: Points, wanted: Step | None, zone: tzinfo, start_us: int, end_us: int) -> Iterator[Gap]:
    answer = points.answer
    clock = Clock.of(zone, start_us, end_us)
    for place, match in enumerate(answer.series):
        first, after = np.searchsorted(answer.position, [place, place + 1])
        step = wanted or points.steps.get(place)
        begins = np.append(start_us, np.maximum(points.end[first:after], start_us))
        ends = np.append(np.maximum(answer.timestamp[first:after], start_us), end_us)
        for row in np.flatnonzero(begins < ends).tolist():
            begin, end = int(begins[row]), int(ends[row])
            missing = None if step is None else _fit(clock, step, begin, end)
            if missing != 0:
                yield Gap(match.labels, _moment(begin, zone), _moment(end, zone), missing)


def _fit(clock: Clock, step: Step, begin_us: int, end_us: int) -> int:
    """How many whole steps."""
    count = (end_us - begin_us) // step.longest_us
    while clock.plus(np.array([begin_us]), step.times(count + 1))[0] <= end_us:
        count += 1
    return count


def _moment(us: int, zone: tzinfo) -> datetime:
    return (EPOCH + us * MICROSECOND).astimezone(zone)
