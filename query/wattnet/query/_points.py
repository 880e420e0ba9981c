"""Values with the interval that each of them stands for: from its timestamp to the next step of its series.

The step is the value's attribute `resolution`, an ISO 8601 duration, where the module gave it. Where it did not, it is
the most frequent gap between the values of the series, and a warning says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._calendar import Clock
from wattnet.query._errors import InferredResolutionWarning
from wattnet.query._step import DAY_US, HOUR_US, Step, parse_duration
from wattnet.schemas import warn_caller

if TYPE_CHECKING:
    from datetime import tzinfo

    from numpy.typing import NDArray

    from wattnet.query._answer import Answer
    from wattnet.query._series import Piece
    from wattnet.query._statement import Select, Statement

# A value of a local day, the longest that is usual, may have begun so long before the range and reach into it.
LOOK_BACK_US = 25 * HOUR_US
_FAR_US = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Points:
    """An answer's rows with the end of each one's interval, in microseconds, and the steps of its series.

    An interval ends where the next value of its series begins, if that is earlier: nothing is counted twice. One whose
    step nobody knows (a single value, no resolution) has no length.
    """

    answer: Answer
    end: NDArray[np.int64]
    steps: dict[int, Step]
    """By position in answer.series: the step of its last value. A series is missing here if its step is unknown."""


def points_statement(select: Select, piece: Piece, start_us: int, end_us: int) -> Statement:
    """The current values whose intervals may lie in the range, with `resolution` in the place of attributes."""
    return replace(select, attributes=False, resolution=True).current(piece, start_us - LOOK_BACK_US, end_us)


def to_points(answer: Answer, zone: tzinfo, *, step: Step | None = None) -> Points:
    """Find each value's interval; `step` wins over what values say. The answer's attributes are its resolutions.

    Days and months of a resolution are those of the zone's calendar. Issues an InferredResolutionWarning.
    """
    start, position = answer.timestamp, answer.position
    if not len(start):
        return Points(answer, start, {})
    codes, known = _given(answer) if step is None else (np.zeros(len(start), np.int32), [step])
    unknown = np.flatnonzero(np.array([given is None for given in known], np.bool_)[codes])
    inferred = _inferred(answer, position[unknown])
    longest = max((one.longest_us for one in (*known, *inferred.values()) if one is not None), default=0)
    clock = Clock.of(zone, int(start.min()), int(start.max()) + longest)

    end = start.copy()
    for code, given in enumerate(known):
        if given is not None:
            rows = np.flatnonzero(codes == code)
            end[rows] = clock.plus(start[rows], given)
    for one, given in inferred.items():
        rows = unknown[position[unknown] == one]
        end[rows] = clock.plus(start[rows], given)

    same = position[1:] == position[:-1]
    following = np.full(len(start), _FAR_US)
    following[:-1][same] = start[1:][same]
    last = np.append(np.flatnonzero(~same), len(start) - 1).tolist()
    steps = {int(position[row]): known[codes[row]] or inferred.get(int(position[row])) for row in last}
    return Points(answer, np.minimum(end, following), {place: found for place, found in steps.items() if found})


def _given(answer: Answer) -> tuple[NDArray[np.int32], list[Step | None]]:
    if answer.attributes is None:
        return np.zeros(len(answer.timestamp), np.int32), [None]
    return answer.attributes.codes, [parse_duration(text or "") for text in answer.attributes.values]


def _inferred(answer: Answer, wanted: NDArray[np.int32]) -> dict[int, Step]:
    """The most frequent gap of each of these series; the shorter of equally frequent ones."""
    found: dict[int, Step] = {}
    lone = 0
    for position in np.unique(wanted).tolist():
        first, after = np.searchsorted(answer.position, [position, position + 1])
        gaps, counts = np.unique(np.diff(answer.timestamp[first:after]), return_counts=True)
        if len(gaps):
            us = int(gaps[np.argmax(counts)])
            # 24 hours are a day of the calendar, or every spring and autumn had a hole.
            found[position] = Step(days=us // DAY_US) if us % DAY_US == 0 else Step(us=us)
        else:
            lone += 1
    texts = ", ".join(sorted({step.iso for step in found.values()}))
    for count, said in (
        (len(found), f"values without the attribute 'resolution': it was inferred as their most frequent gap, {texts}"),
        (lone, "a single value without the attribute 'resolution': nobody knows its interval, so it counts for none"),
    ):
        if count:
            warn_caller(
                f"{count} of {len(answer.series)} series of {answer.name} have {said}", InferredResolutionWarning
            )
    return found
