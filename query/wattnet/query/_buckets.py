"""An answer in buckets: made of what ClickHouse aggregated, or of values and their intervals; and gaps filled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.query._answer import Answer, Text, joined, to_answer
from wattnet.query._energy import integrated, unit_of
from wattnet.query._points import to_points
from wattnet.query._weights import weighed
from wattnet.schemas import ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wattnet.query._database import Database
    from wattnet.query._question import Question
    from wattnet.query._resampling import Resampling
    from wattnet.query._series import Matches


def to_buckets(
    database: Database,
    question: Question,
    resampling: Resampling,
    matches: Matches,
    blocks: Sequence[Sequence[Any]],
) -> Answer:
    """The answer to a question whose moments are fixed, from the blocks of its statements."""
    start_us, end_us = question.range_us()
    edges = resampling.edges(start_us, end_us)
    if resampling.integrates:
        values = to_answer(matches, blocks, attributes=True)
        unit_of(values)  # before anything is said about steps
        points = to_points(values, resampling.zone)
        points.warn()
        answer = integrated(
            points,
            edges,
            start_us,
            end_us,
            power=resampling.how == "power",
            fill=resampling.fill,
            min_coverage=resampling.min_coverage,
        )
    else:
        count = joined(blocks, 5, np.int64)
        answer = replace(to_answer(matches, blocks, attributes=False), count=count)
        if resampling.weighs:
            answer = weighed(database, question, matches, answer, joined(blocks, 6, np.bool_), edges)
        if resampling.fill is not None:
            answer = _filled(answer, count, edges[:-1], resampling.fill)
    if question.limit is not None:
        answer = answer.taken(slice(question.limit))
    return replace(answer, zone=resampling.zone, step=resampling.step.iso)


def _filled(answer: Answer, count: NDArray[np.int64], starts: NDArray[np.int64], fill: str | float) -> Answer:
    """With every bucket of the range for each series that has one. Those that are added have count 0 and no quality."""
    present, place = np.unique(answer.position, return_inverse=True)
    shape = (len(present), len(starts))
    at = (place.reshape(-1), np.searchsorted(starts, answer.timestamp))
    row = np.full(shape, -1)
    row[at] = np.arange(len(answer.timestamp))
    value = np.full(shape, np.nan)
    value[at] = answer.value
    hole = row < 0
    if fill == "interpolate":
        for number in range(len(present)):
            known = np.flatnonzero(~hole[number])
            value[number] = np.interp(starts, starts[known], value[number, known], left=np.nan, right=np.nan)
        # Where there was a value it stays bit for bit.
        value[at] = answer.value
    elif fill == "previous":
        last = np.maximum.accumulate(np.where(hole, -1, np.arange(len(starts))), axis=1)
        value = np.where(last < 0, np.nan, np.take_along_axis(value, np.maximum(last, 0), axis=1))
    else:
        value[hole] = 0.0 if fill == "zero" else float(fill)
    # Before the first value, and for interpolation after the last one, nothing is known.
    kept = ~(hole & np.isnan(value))
    series, bucket = np.nonzero(kept)
    row, added = row[kept], hole[kept]
    newest = np.zeros(len(answer.series), np.int64)
    np.maximum.at(newest, answer.position, answer.knowledge_time)
    position = present[series]
    return replace(
        answer,
        position=position,
        timestamp=starts[bucket],
        value=value[kept],
        valid=~added & answer.valid[row],
        zone_status=Text(ZONE_STATUSES, np.where(added, np.int32(0), answer.zone_status.codes[row])),
        data_state=Text(("",), np.zeros(len(row), np.int32)),
        knowledge_time=np.where(added, newest[position], answer.knowledge_time[row]),
        count=np.where(added, 0, count[row]),
    )
