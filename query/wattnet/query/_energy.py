"""Power and energy over buckets of time.

A value in MW that stands for the interval [t, e) is (e - t) in hours times itself in MWh; one in MWh is itself. What a
bucket has of it is the share of its interval that lies in the bucket: power is taken as constant over an interval. The
mean power of a bucket is its energy divided by its hours. (Plain integration of a step function; ENTSO-E's curve type
A01, "sequential fixed size block", says the same of published series.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._answer import Answer, Text
from wattnet.query._errors import IncompleteBucketWarning, QuestionError
from wattnet.query._series import Match
from wattnet.query._step import HOUR_US
from wattnet.query._units import one_unit
from wattnet.schemas import ZONE_STATUSES, warn_caller

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wattnet.query._points import Points
    from wattnet.query._units import Unit

_MAX_FILLED = 10_000_000


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Times with a constant power, by series, then by time."""

    position: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    value: NDArray[np.float64]
    hour_us: NDArray[np.int64]
    """The value is the energy of so many microseconds."""
    row: NDArray[np.int64]
    """In the answer; -1 for one that fills a gap."""


def integrated(
    points: Points,
    edges: NDArray[np.int64],
    start_us: int,
    end_us: int,
    *,
    power: bool,
    fill: str | float | None,
    min_coverage: float = 1.0,
) -> Answer:
    """The energy (or mean power) of each bucket that a series has a value in, or of all with `fill`.

    A bucket is NaN if a smaller share of it within [start_us, end_us) than `min_coverage` has values. Raises UnitError.
    """
    answer = points.answer
    unit = unit_of(answer)
    series = answer.series
    if unit is None:
        return replace(answer, attributes=None, count=np.empty(0, np.int64), coverage=np.empty(0))
    label = unit.of_power if power else unit.of_energy
    series = [Match(match.series_id, match.zone, {**match.labels, "unit": label}) for match in series]
    pieces = _with_gaps_filled(_pieces(points, unit), start_us, end_us, fill)
    place, number, share, row_of = _split(pieces, edges, start_us, end_us)
    amount = pieces.value[row_of] * (share / pieces.hour_us[row_of])
    real = pieces.row[row_of] >= 0

    # Pieces are in order, so the rows of one bucket stand together.
    key = place.astype(np.int64) * len(edges) + number
    first = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(first):
        return _empty(answer, series)
    place, number = place[first], number[first]
    covered = np.add.reduceat(np.where(real, share, 0), first)
    given = np.add.reduceat(share, first)
    wanted = np.minimum(edges[number + 1], end_us) - np.maximum(edges[number], start_us)
    value = np.add.reduceat(amount, first)
    if power:
        value = value / (given / HOUR_US)
    value[given < min_coverage * wanted] = np.nan

    rows = np.where(real, pieces.row[row_of], 0)
    count = np.add.reduceat(real.astype(np.int64), first)
    valid = np.minimum.reduceat(~real | answer.valid[rows], first) & (count > 0)
    status = np.minimum.reduceat(np.where(real, answer.zone_status.codes[rows], 2), first)
    known = np.maximum.reduceat(np.where(real, answer.knowledge_time[rows], 0), first)
    newest = np.zeros(len(series), np.int64)
    np.maximum.at(newest, answer.position, answer.knowledge_time)
    return Answer(
        name=answer.name,
        label_names=answer.label_names,
        series=series,
        position=place,
        timestamp=edges[number],
        value=value,
        valid=valid,
        zone_status=Text(ZONE_STATUSES, np.where(count > 0, status, 0).astype(np.int32)),
        data_state=Text(("",), np.zeros(len(place), np.int32)),
        knowledge_time=np.where(count > 0, known, newest[place]),
        count=count,
        coverage=covered / np.diff(edges)[number],
    )


def warn_of_incomplete(answer: Answer, how: str) -> None:
    """Warn of buckets without energy (IncompleteBucketWarning): how many, why, and what can be done."""
    empty = np.isnan(answer.value)
    if answer.coverage is None or not empty.any():
        return
    least, most = answer.coverage[empty].min(), answer.coverage[empty].max()
    enough = np.floor(least * 1000) / 1000 or least
    covered = f"coverage {least:.3g}" if least == most else f"coverage {least:.3g} to {most:.3g}"
    warn_caller(
        f"{int(empty.sum()):,} of {len(empty):,} buckets of {answer.name} have no {how}, because values are missing in "
        f"part of their time ({covered}): min_coverage={enough:g} takes what there is, fill= fills the holes, gaps() "
        "lists them",
        IncompleteBucketWarning,
    )


def unit_of(answer: Answer) -> Unit | None:
    """The unit of all series; None where none matches. Raises UnitError."""
    return one_unit((match.labels.get("unit") for match in answer.series), name=answer.name)


def _pieces(points: Points, unit: Unit) -> _Pieces:
    answer = points.answer
    length = points.end - answer.timestamp
    rows = np.flatnonzero(length > 0)
    return _Pieces(
        answer.position[rows],
        answer.timestamp[rows],
        points.end[rows],
        answer.value[rows],
        length[rows] if unit.energy else np.full(len(rows), HOUR_US),
        rows,
    )


def _with_gaps_filled(pieces: _Pieces, start_us: int, end_us: int, fill: str | float | None) -> _Pieces:
    """With a piece for each gap of the range; for "interpolate" one for each step that is missing in it."""
    if fill is None or not len(pieces.start):
        return pieces
    position, start, end = pieces.position, pieces.start, pieces.end
    power = pieces.value * (HOUR_US / pieces.hour_us)
    between = position[1:] == position[:-1]
    before = np.flatnonzero(between & (end[:-1] < start[1:]))
    gap_start, gap_end, gap_power, gap_place = end[before], start[before + 1], power[before], position[before]
    if fill == "interpolate":
        width = (end - start)[before]
        steps = -(-(gap_end - gap_start) // width)
        if steps.sum() > _MAX_FILLED:
            raise QuestionError(
                f"{int(steps.sum()):,} values are missing, too many to interpolate (at most {_MAX_FILLED:,}): take a "
                "shorter range, or fill='previous'"
            )
        which = np.repeat(np.arange(len(before)), steps)
        step = np.arange(len(which)) - np.repeat(np.cumsum(steps) - steps, steps)
        begin = gap_start[which] + step * width[which]
        share = (begin - start[before][which]) / (gap_end - start[before])[which]
        gap_power = gap_power[which] + (power[before + 1][which] - gap_power[which]) * share
        gap_end = np.minimum(begin + width[which], gap_end[which])
        gap_start, gap_place = begin, gap_place[which]
    else:
        last = np.append(np.flatnonzero(~between), len(position) - 1)
        gap_start = np.append(gap_start, end[last])
        gap_end = np.append(gap_end, np.full(len(last), end_us))
        gap_power = np.append(gap_power, power[last])
        gap_place = np.append(gap_place, position[last])
        if fill != "previous":
            first = np.append(0, last[:-1] + 1)
            gap_start = np.append(gap_start, np.full(len(first), start_us))
            gap_end = np.append(gap_end, start[first])
            gap_place = np.append(gap_place, position[first])
            gap_power = np.full(len(gap_start), 0.0 if fill == "zero" else float(fill))
    some = gap_start < gap_end
    count = int(some.sum())
    joined = _Pieces(
        np.append(position, gap_place[some]),
        np.append(start, gap_start[some]),
        np.append(end, gap_end[some]),
        np.append(pieces.value, gap_power[some]),
        np.append(pieces.hour_us, np.full(count, HOUR_US)),
        np.append(pieces.row, np.full(count, -1)),
    )
    order = np.lexsort((joined.start, joined.position))
    return _Pieces(
        joined.position[order],
        joined.start[order],
        joined.end[order],
        joined.value[order],
        joined.hour_us[order],
        joined.row[order],
    )


def _split(
    pieces: _Pieces, edges: NDArray[np.int64], start_us: int, end_us: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The parts of pieces in each bucket and in the range: series, bucket, microseconds, number of the piece."""
    start, end = np.maximum(pieces.start, start_us), np.minimum(pieces.end, end_us)
    inside = np.flatnonzero(start < end)
    start, end = start[inside], end[inside]
    first = np.searchsorted(edges, start, side="right") - 1
    buckets = np.searchsorted(edges, end, side="left") - first
    which = np.repeat(np.arange(len(inside)), buckets)
    number = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(buckets) - buckets, buckets)
    share = np.minimum(end[which], edges[number + 1]) - np.maximum(start[which], edges[number])
    return pieces.position[inside[which]], number, share, inside[which]


def _empty(answer: Answer, series: list[Match]) -> Answer:
    nothing = np.empty(0, np.int64)
    return replace(
        answer,
        series=series,
        position=nothing.astype(np.int32),
        timestamp=nothing,
        value=np.empty(0),
        valid=np.empty(0, np.bool_),
        zone_status=Text(ZONE_STATUSES, nothing.astype(np.int32)),
        data_state=Text((), nothing.astype(np.int32)),
        knowledge_time=nothing,
        attributes=None,
        count=nothing,
        coverage=np.empty(0),
    )
