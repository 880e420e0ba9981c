"""Values with the interval that each of them stands for: from its timestamp to the next step of its series.

The step is the value's attribute `resolution`, an ISO 8601 duration, where the module gave it; its days and months are
those of the zone in the attribute `resolution_tz`, else of the reader's. Without a resolution it is the most frequent
gap among the eight around the value, and a warning says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wattnet.query._calendar import Clock
from wattnet.query._errors import InferredResolutionWarning, TimeError
from wattnet.query._step import DAY_US, HOUR_US, Step, parse_duration
from wattnet.query._times import zone as parse_zone
from wattnet.schemas import warn_caller

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from wattnet.query._answer import Answer
    from wattnet.query._series import Piece
    from wattnet.query._statement import Select, Statement

# A value of a local day, the longest that is usual, may have begun so long before the range and reach into it.
LOOK_BACK_US = 25 * HOUR_US
_FAR_US = np.iinfo(np.int64).max
_AROUND = 4
"""How many gaps before a value, and how many after it, tell its step."""


class Length(NamedTuple):
    """For how long a value stands: a step, by the calendar of a zone."""

    step: Step
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Points:
    """An answer's rows with the end of each one's interval, in microseconds.

    An interval ends where the next value of its series begins, if that is earlier: nothing is counted twice. One whose
    step nobody knows (a single value, no resolution) has no length.
    """

    answer: Answer
    end: NDArray[np.int64]
    lengths: Sequence[Length | None]
    """Those that there are; None for an unknown one."""
    codes: NDArray[np.int32]
    """Of each row's length in `lengths`."""
    inferred: Sequence[str] = ()
    """What was inferred, in words."""

    def warn(self) -> None:
        """Issue an InferredResolutionWarning where a step was inferred."""
        for text in self.inferred:
            warn_caller(text, InferredResolutionWarning)


def points_statement(select: Select, piece: Piece, start_us: int, end_us: int) -> Statement:
    """The current values whose intervals may lie in the range, with their lengths in the place of attributes."""
    return replace(select, attributes=False, resolution=True).current(piece, start_us - LOOK_BACK_US, end_us)


def to_points(answer: Answer, zone: tzinfo, *, step: Step | None = None) -> Points:
    """Find each value's interval; `step` wins over what values say. The answer's attributes are `resolution` and zone.

    Days and months are those of the calendar of the value's own zone, else of `zone`.
    """
    start, position = answer.timestamp, answer.position
    lengths: list[Length | None]
    if step is not None:
        codes, lengths = np.zeros(len(start), np.int32), [Length(step, zone)]
    else:
        codes, lengths = _given(answer, zone)
    unknown = np.flatnonzero(np.array([length is None for length in lengths], np.bool_)[codes])
    inferred: list[str] = []
    if len(unknown):
        steps_us = _steps_around(answer, unknown)
        found, which = np.unique(steps_us, return_inverse=True)
        codes = codes.copy()
        codes[unknown] = len(lengths) + which.reshape(-1)
        lengths += [_length(us, zone) for us in found.tolist()]
        inferred = _words(answer, unknown, steps_us, lengths[-len(found) :])
    end = start.copy()
    for code in np.unique(codes).tolist():
        if (length := lengths[code]) is not None:
            rows = np.flatnonzero(codes == code)
            clock = Clock.of(length.zone, int(start[rows].min()), int(start[rows].max()) + length.step.longest_us)
            end[rows] = clock.plus(start[rows], length.step)
    following = np.full(len(start), _FAR_US)
    if len(start):
        same = position[1:] == position[:-1]
        following[:-1][same] = start[1:][same]
    return Points(answer, np.minimum(end, following), lengths, codes, inferred)


def _given(answer: Answer, zone: tzinfo) -> tuple[NDArray[np.int32], list[Length | None]]:
    if answer.attributes is None:
        return np.zeros(len(answer.timestamp), np.int32), [None]
    lengths: list[Length | None] = []
    for text in answer.attributes.values:
        duration, _, own_zone = (text or "").partition(" ")
        step = parse_duration(duration)
        lengths.append(None if step is None else Length(step, _zone(own_zone) or zone))
    return answer.attributes.codes, lengths


def _zone(name: str) -> tzinfo | None:
    """The zone of that name; None where this machine knows none: anybody may write an attribute."""
    try:
        return parse_zone(name) if name else None
    except TimeError:
        return None


def _length(us: int, zone: tzinfo) -> Length | None:
    if not us:
        return None
    # 24 hours are a day of the calendar, or every spring and autumn had a hole.
    return Length(Step(days=us // DAY_US) if us % DAY_US == 0 else Step(us=us), zone)


def _steps_around(answer: Answer, wanted: NDArray[np.intp]) -> NDArray[np.int64]:
    """The step of each of these rows, in microseconds: the most frequent gap around it, 0 for a single value.

    Among equally frequent ones it is the gap after the value if it is there several times, and only after it (steps
    change there), else the shortest: a longer one may be a hole.
    """
    steps = np.zeros(len(wanted), np.int64)
    for position in np.unique(answer.position[wanted]).tolist():
        first, after = np.searchsorted(answer.position, [position, position + 1])
        gaps = np.diff(answer.timestamp[first:after])
        mine = np.flatnonzero(answer.position[wanted] == position)
        if not len(gaps):
            continue
        if (gaps == gaps[0]).all():
            steps[mine] = gaps[0]
            continue
        nothing = np.full(_AROUND, -1)
        around = np.lib.stride_tricks.sliding_window_view(np.concatenate([nothing, gaps, nothing]), 2 * _AROUND)
        around = around[wanted[mine] - first]
        often = (around[:, :, None] == around[:, None, :]).sum(axis=2)
        often[around < 0] = 0
        most = often.max(axis=1)
        shortest = np.where(often == most[:, None], around, _FAR_US).min(axis=1)
        following = around[:, _AROUND]
        before = (around[:, :_AROUND] == following[:, None]).any(axis=1)
        changes = (often[:, _AROUND] == most) & (most > 1) & ~before
        steps[mine] = np.where(changes, following, shortest)
    return steps


def _words(
    answer: Answer, unknown: NDArray[np.intp], steps_us: NDArray[np.int64], found: Sequence[Length | None]
) -> list[str]:
    texts = ", ".join(sorted({length.step.iso for length in found if length is not None}))
    words = []
    for rows, said in (
        (
            steps_us > 0,
            f"values without the attribute 'resolution': it was inferred from the gaps around them, {texts}",
        ),
        (
            steps_us == 0,
            "a single value without the attribute 'resolution': nobody knows its interval, so it counts for none",
        ),
    ):
        if count := len(np.unique(answer.position[unknown[rows]])):
            words.append(f"{count} of {len(answer.series)} series of {answer.name} have {said}")
    return words
