"""How good forecasts were, by how long before the event they were made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._answer import to_answer
from wattnet.query._errors import QuestionError
from wattnet.query._findings import ForecastAccuracy
from wattnet.query._series import Matches, find_matches
from wattnet.query._step import parse_gap_step
from wattnet.query._table import Table
from wattnet.query._times import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattnet.query._answer import Answer
    from wattnet.query._database import Database
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
    said = _answer(database, replace(question, history=True), matches, forecasts)
    happened = _answer(database, question, matches, of_actuals)
    rows: list[ForecastAccuracy] = []
    for place, (forecast, pair) in enumerate(zip(forecasts, pairs, strict=True)):
        rows += _by_lead(forecast, said, place, happened, of_actuals.index(actuals[pair]), step_us)
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
    return to_answer(some, blocks, attributes=False)


def _by_lead(
    forecast: Match, said: Answer, place: int, happened: Answer, actual: int, step_us: int
) -> list[ForecastAccuracy]:
    rows = slice(*np.searchsorted(said.position, [place, place + 1]))
    actuals = slice(*np.searchsorted(happened.position, [actual, actual + 1]))
    time, known, value = said.timestamp[rows], said.knowledge_time[rows], said.value[rows]
    times = happened.timestamp[actuals]
    if not len(times):
        return []
    at = np.minimum(np.searchsorted(times, time), len(times) - 1)
    # A withdrawn forecast (NaN) said nothing.
    both = np.flatnonzero((times[at] == time) & ~np.isnan(value))
    error = value[both] - happened.value[actuals][at[both]]
    leads, which, counts = np.unique((time - known)[both] // step_us, return_inverse=True, return_counts=True)
    bias, mae, squares = (
        np.bincount(which.reshape(-1), weights, len(leads)) / counts for weights in (error, np.abs(error), error**2)
    )
    return [
        ForecastAccuracy(forecast.labels, lead * step_us * MICROSECOND, count, *scores)
        for lead, count, *scores in zip(
            leads.tolist(), counts.tolist(), bias.tolist(), mae.tolist(), np.sqrt(squares).tolist(), strict=True
        )
    ]
