"""Where values are missing that a series' own step says should be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._answer import to_answer
from wattnet.query._calendar import Clock
from wattnet.query._errors import QuestionError
from wattnet.query._findings import Gap
from wattnet.query._points import Length, to_points
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
    points.warn()
    rows = list(_gaps(points, None if wanted is None else Length(wanted, zone), zone, *asked.range_us()))
    return Table(Gap, rows if question.limit is None else rows[: question.limit], zone)


def _gaps(points: Points, wanted: Length | None, zone: tzinfo, start_us: int, end_us: int) -> Iterator[Gap]:
    answer = points.answer
    for place, match in enumerate(answer.series):
        first, after = np.searchsorted(answer.position, [place, place + 1])
        begins = np.append(start_us, np.maximum(points.end[first:after], start_us))
        ends = np.append(np.maximum(answer.timestamp[first:after], start_us), end_us)
        for row in np.flatnonzero(begins < ends).tolist():
            begin, end = int(begins[row]), int(ends[row])
            # The step of the value before it; of the next one where there is none.
            known = points.lengths[points.codes[max(first + row - 1, first)]] if first < after else None
            length = wanted or known
            missing = None if length is None else _fit(length, begin, end)
            if missing != 0:
                yield Gap(match.labels, _moment(begin, zone), _moment(end, zone), missing)


def _fit(length: Length, begin_us: int, end_us: int) -> int:
    """How many whole steps."""
    step = length.step
    clock = Clock.of(length.zone, begin_us, end_us + step.longest_us)
    count = (end_us - begin_us) // step.longest_us
    while clock.plus(np.array([begin_us]), step.times(count + 1))[0] <= end_us:
        count += 1
    return count


def _moment(us: int, zone: tzinfo) -> datetime:
    return (EPOCH + us * MICROSECOND).astimezone(zone)
