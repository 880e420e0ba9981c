"""A mean of values that stand for unequal times: each weighs by its own.

ClickHouse counts points, which is right where the steps of a bucket's values are equal. Where its values are not evenly
apart, they are read, and their intervals found as for energy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._answer import to_answer
from wattnet.query._points import LOOK_BACK_US, to_points
from wattnet.query._series import Matches
from wattnet.query._times import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from wattnet.query._answer import Answer
    from wattnet.query._database import Database
    from wattnet.query._points import Points
    from wattnet.query._question import Question

_MAX_READS = 8


def weighed(
    database: Database,
    question: Question,
    matches: Matches,
    answer: Answer,
    uneven: NDArray[np.bool_],
    edges: NDArray[np.int64],
) -> Answer:
    """The means of points, weighed by time in the buckets in which the values of a series have different steps.

    Args:
        database: Where the values of uneven buckets are read.
        question: What is asked; its moments are fixed.
        matches: The series that are meant.
        answer: A row for each series and bucket, with the mean of its points.
        uneven: Of each row, whether its values may have different steps.
        edges: Where buckets begin, and the last one's end, in microseconds.

    Returns:
        The answer, in which only values may be others. An InferredResolutionWarning says if steps were inferred.
    """
    bucket = np.searchsorted(edges, answer.timestamp)
    key = answer.position.astype(np.int64) * len(edges) + bucket
    value = answer.value.copy()
    for first, after in _spans(np.unique(bucket[uneven])):
        rows = np.flatnonzero(uneven & (bucket >= first) & (bucket < after))
        positions = np.unique(answer.position[rows])
        points = _read(database, question, matches, positions, int(edges[first]), int(edges[after]))
        keys, means = _means(points, positions, edges, *question.range_us())
        found = rows[np.isin(key[rows], keys)]
        if len(found):
            value[found] = means[np.searchsorted(keys, key[found])]
            points.warn()
    return replace(answer, value=value)


def _spans(buckets: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours as [first, after); a single one instead of many."""
    if not len(buckets):
        return
    cut = np.flatnonzero(np.diff(buckets) > 1)
    if len(cut) >= _MAX_READS:
        cut = cut[:0]
    firsts, lasts = np.append(buckets[0], buckets[cut + 1]), np.append(buckets[cut], buckets[-1])
    yield from zip(firsts.tolist(), (lasts + 1).tolist(), strict=True)


def _read(
    database: Database,
    question: Question,
    matches: Matches,
    positions: NDArray[np.int32],
    start_us: int,
    end_us: int,
) -> Points:
    """The values of these series, and of a day more on both sides: what is around a value tells its step."""
    from wattnet.query._resampling import Resampling
    from wattnet.query._step import Step

    some = Matches(matches.name, [matches.series[place] for place in positions.tolist()], matches.label_names)
    asked = replace(
        question,
        start=Moment(start_us),
        end=Moment(end_us + LOOK_BACK_US),
        resampling=Resampling(Step(days=1), "energy", question.day_zone, fill=None),
        limit=None,
        limit_each=None,
    )
    _, blocks = asked.ask(database, some)
    zone = question.day_zone if question.resampling is None else question.resampling.zone
    return to_points(to_answer(some, blocks, attributes=True), zone)


def _means(
    points: Points, positions: NDArray[np.int32], edges: NDArray[np.int64], start_us: int, end_us: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The keys (in order) and means of the buckets in which steps differ."""
    answer = points.answer
    rows = np.flatnonzero((answer.timestamp >= start_us) & (answer.timestamp < min(end_us, int(edges[-1]))))
    bucket = np.searchsorted(edges, answer.timestamp[rows], side="right") - 1
    key = positions[answer.position[rows]].astype(np.int64) * len(edges) + bucket
    first = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(first):
        return key, np.empty(0)
    steps = {length.step if length else None for length in points.lengths}
    number_of = {step: number for number, step in enumerate(steps)}
    step = np.array([number_of[length.step if length else None] for length in points.lengths])[points.codes[rows]]
    weight = (points.end - answer.timestamp)[rows].astype(np.float64)
    total = np.add.reduceat(weight, first)
    weighted = np.add.reduceat(weight * answer.value[rows], first)
    differ = (np.minimum.reduceat(step, first) != np.maximum.reduceat(step, first)) & (total > 0)
    return key[first][differ], weighted[differ] / total[differ]
