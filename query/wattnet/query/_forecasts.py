"""How good forecasts were, by how long before the event they were made.

A forecast's value is compared with what happened in its whole interval: of power, prices and the like that is the mean,
weighted by time, of the actual values in it, of energy their sum. Where the actual values do not fill the interval
exactly, there is nothing to compare with, and the value is counted as unpaired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.query._answer import Text, to_answer
from wattnet.query._errors import QuestionError, UnpairedForecastWarning
from wattnet.query._findings import ForecastAccuracy
from wattnet.query._points import LOOK_BACK_US, to_points
from wattnet.query._series import Matches, find_matches
from wattnet.query._step import parse_gap_step
from wattnet.query._table import Table
from wattnet.query._times import MICROSECOND, Moment
from wattnet.query._units import UNITS
from wattnet.schemas import warn_caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wattnet.query._answer import Answer
    from wattnet.query._database import Database
    from wattnet.query._points import Points
    from wattnet.query._question import Question
    from wattnet.query._series import Match


def forecast_accuracy(database: Database, question: Question, lead_step: object) -> Table[ForecastAccuracy]:
    """See `Client.forecast_error`. Raises QuestionError where there is nothing to compare."""
    step = parse_gap_step(lead_step)
    if step.months:
        raise QuestionError(f"lead_step={lead_step!r} has no fixed length: give days, hours or less")
    step_us = timedelta(days=step.days, microseconds=step.us) // MICROSECOND
    question = question.fixed()
    labels = {name: values for name, values in question.filters.labels.items() if name != "forecast"}
    matches = find_matches(database, question.name, labels)
    kinds = question.filters.labels.get("forecast")
    forecasts = [m for m in matches.series if "forecast" in m.labels and (not kinds or m.labels["forecast"] in kinds)]
    actuals = [match for match in matches.series if "forecast" not in match.labels]
    if not forecasts:
        raise QuestionError(
            f"no series of {question.name} that matches is a forecast{'' if kinds is None else f' {kinds}'}: forecasts "
            "have a label 'forecast', which says which one it is"
        )
    pairs = [_actual_of(forecast, actuals, question.name) for forecast in forecasts]
    of_actuals = [actuals[place] for place in sorted(set(pairs))]
    start_us, end_us = question.range_us()
    history = replace(question, history=True, attributes=True)
    said = _answer(database, history, matches, forecasts)
    # The interval of the last forecast may reach beyond the range.
    longer = replace(question, start=Moment(start_us), end=Moment(end_us + LOOK_BACK_US), attributes=True)
    happened = to_points(_with_resolutions(_answer(database, longer, matches, of_actuals)), question.day_zone)
    intervals = to_points(_newest_revisions(_with_resolutions(said)), question.day_zone)
    rows: list[ForecastAccuracy] = []
    lacking = straddling = 0
    for place, (forecast, pair) in enumerate(zip(forecasts, pairs, strict=True)):
        energy = (unit := UNITS.get(forecast.labels.get("unit", ""))) is not None and unit.energy
        actual = _Actual.of(happened, of_actuals.index(actuals[pair]), energy=energy)
        some, holes, longer_steps = _by_lead(forecast, said, intervals, place, actual, step_us)
        rows += some
        lacking += holes
        straddling += longer_steps
    if lacking or straddling:
        warn_caller(
            f"{lacking + straddling:,} values of forecasts of {question.name} could not be compared: the actual series "
            f"lacks values in the intervals of {lacking:,}, and has longer steps than {straddling:,}",
            UnpairedForecastWarning,
        )
    return Table(ForecastAccuracy, rows, question.day_zone)


def _actual_of(forecast: Match, actuals: Sequence[Match], name: str) -> int:
    """The place of what happened: equal in all labels but `forecast`, or in all but the datasource if it is the one."""
    apart = {"forecast", "datasource"}
    wanted = {label: value for label, value in forecast.labels.items() if label not in apart}
    found = [
        place
        for place, match in enumerate(actuals)
        if {label: value for label, value in match.labels.items() if label not in apart} == wanted
    ]
    same = [place for place in found if actuals[place].labels.get("datasource") == forecast.labels.get("datasource")]
    chosen = same or found
    if len(chosen) == 1:
        return chosen[0]
    said = ", ".join(f"{label}={value}" for label, value in forecast.labels.items())
    if not chosen:
        raise QuestionError(
            f"the forecast {name}{{{said}}} has no series of what happened: one with the same labels and no label "
            "'forecast' (datasource may differ)"
        )
    sources = ", ".join(sorted(actuals[place].labels.get("datasource", "none") for place in chosen))
    raise QuestionError(
        f"what happened to the forecast {name}{{{said}}} comes from several datasources ({sources}), none of which is "
        "its own: nobody knows which one it should be compared with"
    )


def _answer(database: Database, question: Question, matches: Matches, series: Sequence[Match]) -> Answer:
    some, blocks = question.ask(database, Matches(matches.name, series, matches.label_names))
    return to_answer(some, blocks, attributes=True)


def _with_resolutions(answer: Answer) -> Answer:
    """With what `to_points` reads in the place of attributes: each value's resolution, and whose days it has."""
    if answer.attributes is None:
        raise AssertionError("the answer was asked for with attributes")
    described = [json.loads(text) if text else {} for text in answer.attributes.values]
    texts = [f"{one.get('resolution', '')} {one.get('resolution_tz', '')}".strip() for one in described]
    return replace(answer, attributes=Text(texts, answer.attributes.codes))


def _newest_revisions(answer: Answer) -> Answer:
    """Of a history, one row for each series and timestamp."""
    key = np.stack([answer.position.astype(np.int64), answer.timestamp])
    return answer.taken(np.append((key[:, 1:] != key[:, :-1]).any(axis=0), np.ones(min(1, key.shape[1]), np.bool_)))


@dataclass(frozen=True, slots=True)
class _Actual:
    """The values of the series of what happened, with the interval of each, in microseconds."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    value: NDArray[np.float64]
    energy: bool

    @classmethod
    def of(cls, points: Points, place: int, *, energy: bool) -> _Actual:
        """Those of one series."""
        rows = slice(*np.searchsorted(points.answer.position, [place, place + 1]))
        return cls(points.answer.timestamp[rows], points.end[rows], points.answer.value[rows], energy)

    def over(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
        """What happened in each interval; NaN where the values do not fill it exactly.

        Where nobody knows how long a value stands, here or there, the one with the same timestamp is meant.
        """
        found = np.full(len(start), np.nan)
        first = np.searchsorted(self.start, start)
        after = np.maximum(np.searchsorted(self.start, end), first)
        length = self.end - self.start
        begun = np.flatnonzero(
            (first < len(self.start)) & (self.start[np.minimum(first, len(self.start) - 1)] == start)
        )
        alone = begun[(after[begun] - first[begun] <= 1)]
        same = (self.end[first[alone]] == end[alone]) | (length[first[alone]] == 0) | (start[alone] == end[alone])
        found[alone[same]] = self.value[first[alone[same]]]
        several = begun[after[begun] - first[begun] > 1]
        several = several[self.end[after[several] - 1] <= end[several]]
        bounds = np.stack([first[several], after[several]], axis=1).reshape(-1)

        def total(column: NDArray[Any]) -> NDArray[Any]:
            return np.add.reduceat(np.append(column, 0), bounds)[::2]

        if len(several):
            covered = total(length)
            amount = total(self.value) if self.energy else total(self.value * length) / np.maximum(covered, 1)
            whole = covered == end[several] - start[several]
            found[several[whole]] = amount[whole]
        return found

    def straddles(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a value begins before the interval and reaches into it, or ends behind it."""
        if not len(self.start):
            return np.zeros(len(start), np.bool_)
        before = np.searchsorted(self.start, start, side="right") - 1
        reaches = (before >= 0) & (self.end[before] > start)
        last = np.searchsorted(self.start, end) - 1
        ends_behind = (last >= 0) & (self.start[last] >= start) & (self.end[last] > end)
        return (reaches & (self.start[before] < start)) | ends_behind


def _by_lead(
    forecast: Match, said: Answer, intervals: Points, place: int, actual: _Actual, step_us: int
) -> tuple[list[ForecastAccuracy], int, int]:
    """The errors by lead time; how many values have holes in their intervals, and how many longer steps."""
    rows = slice(*np.searchsorted(said.position, [place, place + 1]))
    given = np.flatnonzero(~np.isnan(said.value[rows]))  # a forecast that was retracted said nothing
    time, known, value = said.timestamp[rows][given], said.knowledge_time[rows][given], said.value[rows][given]
    own = slice(*np.searchsorted(intervals.answer.position, [place, place + 1]))
    end = intervals.end[own][np.searchsorted(intervals.answer.timestamp[own], time)]
    happened = actual.over(time, end) if len(actual.start) else np.full(len(time), np.nan)
    # What lies ahead of the last actual value has not happened yet.
    is_past = time < max(actual.end[-1], actual.start[-1] + 1) if len(actual.start) else np.ones(len(time), np.bool_)
    paired = ~np.isnan(happened)
    unpaired = ~paired & is_past
    straddling = unpaired & actual.straddles(time, end)
    counted = np.flatnonzero(paired | unpaired)
    error = np.where(paired, value - happened, 0.0)[counted]
    leads, which = np.unique((time - known)[counted] // step_us, return_inverse=True)
    which = which.reshape(-1)
    count, missing, bias, mae, squares = (
        np.bincount(which, weights, len(leads))
        for weights in (paired[counted], unpaired[counted], error, np.abs(error), error**2)
    )
    accuracy = []
    for number, lead in enumerate(leads.tolist()):
        pairs = int(count[number])
        sums = (bias[number], mae[number], squares[number])
        mean, absolute, square = (float(one) / pairs if pairs else None for one in sums)
        scores = (mean, absolute, None if square is None else square**0.5)
        accuracy.append(
            ForecastAccuracy(forecast.labels, lead * step_us * MICROSECOND, pairs, *scores, int(missing[number]))
        )
    return accuracy, int((unpaired & ~straddling).sum()), int(straddling.sum())
