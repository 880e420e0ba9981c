"""Into which buckets of time values go, what is made of those in one, and how ClickHouse is asked for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

from wattnet.query import _rollup as rollup
from wattnet.query._calendar import bucket_edges, runs
from wattnet.query._errors import QuestionError
from wattnet.query._points import points_statement
from wattnet.query._rank import KNOWLEDGE_US, VALID, ZONE_STATUS, together
from wattnet.query._statement import Statement
from wattnet.query._step import DAY_US, HOUR_US, SECOND_US, parse_step
from wattnet.schemas import suggest

if TYPE_CHECKING:
    from datetime import tzinfo

    import numpy as np
    from numpy.typing import NDArray

    from wattnet.query._series import Piece
    from wattnet.query._statement import Select
    from wattnet.query._step import Step

_AGGREGATES = {
    "mean": "avg(value)",
    "sum": "sum(value)",
    "min": "min(value)",
    "max": "max(value)",
    "first": "argMin(value, us)",
    "last": "argMax(value, us)",
    "count": "toFloat64(count())",
}
_INTEGRALS = ("energy", "power")
_HOWS = (*_AGGREGATES, *_INTEGRALS)
_FILLS = ("zero", "previous", "interpolate")
_MAX_BUCKETS = 10_000_000

# The bucket of each row's `us`: buckets stand in runs of equal width, and `starts` is where each run begins.
_START = """
  roundDown(us, {starts:Array(Int64)}) AS run,
  transform(run, {starts:Array(Int64)}, {widths:Array(Int64)}, toInt64(1)) AS width,
  run + intDiv(us - run, width) * width AS start"""
_RANK = together(
    f"min({VALID.format(rank='rank')})",
    f"min({ZONE_STATUS.format(rank='rank')})",
    f"max({KNOWLEDGE_US.format(rank='rank')})",
)
# What rows have beyond the columns that are named here ClickHouse does not read.
_BUCKETS = """WITH {start}
SELECT position, start, {aggregate} AS value, {rank} AS rank, toLowCardinality('') AS data_state,
  toInt64({count}) AS count{uneven}
FROM (
{rows}
)
GROUP BY position, start
ORDER BY position, start"""
# Whether the values of a bucket are not the same number at the same distance all over it. Then their steps may differ,
# or some are missing: the client looks closer. In buckets of days it is seen by the hour, as the roll-up has it.
_UNEVEN = """,
  length(arraySort({places}) AS places) > 1 AND NOT (
    length(places) * ((places[(countEqual(places, places[1]) AS alike) + 1] - places[1]) AS apart) = alike * (
      intDiv(least(start + any(width), {{end_us:Int64}}), {unit}) - intDiv(greatest(start, {{start_us:Int64}}), {unit}))
    AND arrayAll((place, number) -> place = places[1] + apart * intDiv(number - 1, alike),
      places, arrayEnumerate(places))) AS uneven"""
_VALUES = """SELECT position, value, rank, toUnixTimestamp64Micro(timestamp) AS us FROM (
{values}
)"""


@dataclass(frozen=True, slots=True)
class Resampling:
    """What `Query.resample` asks for."""

    step: Step
    how: str
    zone: tzinfo
    fill: str | float | None
    min_coverage: float = 1.0
    """The share of a bucket's time within the range that must have values, or it has no energy (or power)."""

    @classmethod
    def parse(cls, step: object, how: object, *, zone: tzinfo, fill: object, min_coverage: object = 1.0) -> Resampling:
        """Read the arguments. Raises QuestionError."""
        if how not in _HOWS:
            meant = suggest(how, _HOWS) if isinstance(how, str) else None
            hint = f"did you mean {meant!r}?" if meant else f"give one of {', '.join(_HOWS)}"
            raise QuestionError(f"how={how!r} is no way to make one value of several: {hint}")
        return cls(parse_step(step), str(how), zone, _fill(fill), _min_coverage(min_coverage, str(how)))

    @property
    def integrates(self) -> bool:
        """Whether each value counts for its interval rather than once."""
        return self.how in _INTEGRALS

    @property
    def weighs(self) -> bool:
        """Whether values weigh by their time where their steps differ; statements have a column `uneven` then."""
        return self.how == "mean"

    @property
    def rows_are_buckets(self) -> bool:
        """Whether ClickHouse's answer is this one's as it comes."""
        return not self.integrates and self.fill is None

    def edges(self, start_us: int, end_us: int) -> NDArray[np.int64]:
        """Where the buckets of a range begin, and the last one's end. Raises QuestionError for too many."""
        if (end_us - start_us) // (self.step.us or DAY_US) > _MAX_BUCKETS:
            raise QuestionError(
                f"more than {_MAX_BUCKETS:,} buckets of {self.step.iso} lie in the range: take a longer step or a "
                "shorter range"
            )
        return bucket_edges(self.step, self.zone, start_us, end_us)

    def statement(self, select: Select, piece: Piece, start_us: int, end_us: int) -> Statement:
        """One SELECT: a row a bucket, columns as in a Statement, count, of a mean uneven; of energy a row a value."""
        if self.integrates:
            return points_statement(select, piece, start_us, end_us)
        edges = self.edges(start_us, end_us)
        unit_us = SECOND_US if self.step.us else HOUR_US
        if self._is_rolled_up(edges) and rollup.is_worth_it(select, piece, start_us, end_us):
            aggregate, count = rollup.AGGREGATES[self.how], rollup.COUNT
            rows = rollup.rows(select, piece, start_us, end_us, hours=self.weighs)
            places = rollup.HOURS
        else:
            aggregate, count = _AGGREGATES[self.how], "count()"
            values = select.current(piece, start_us, end_us)
            rows = replace(values, sql=_VALUES.format(values=values.sql))
            places = f"groupArray(intDiv(us, {unit_us}))"
        starts, widths = runs(edges)
        uneven = _UNEVEN.format(places=places, unit=unit_us) if self.weighs else ""
        sql = _BUCKETS.format(start=_START, aggregate=aggregate, rank=_RANK, count=count, uneven=uneven, rows=rows.sql)
        return Statement(sql, {**rows.parameters, "starts": starts, "widths": widths})

    def _is_rolled_up(self, edges: NDArray[np.int64]) -> bool:
        return self.how in rollup.AGGREGATES and not (edges % DAY_US).any()


def _min_coverage(given: object, how: str) -> float:
    if not isinstance(given, (int, float)) or isinstance(given, bool) or not 0 < given <= 1:
        raise QuestionError(f"min_coverage={given!r} is no share of a bucket's time: give more than 0, and at most 1")
    if given != 1 and how not in _INTEGRALS:
        raise QuestionError(
            f"min_coverage={given!r} says from which coverage on a bucket has an energy, and how={how!r} takes the "
            "values that there are: leave it out, or resample by 'energy' or 'power'"
        )
    return float(given)


def _fill(given: object) -> str | float | None:
    if given is None or (isinstance(given, str) and given in _FILLS):
        return given
    if isinstance(given, (int, float)) and not isinstance(given, bool) and isfinite(given):
        return float(given)
    raise QuestionError(
        f"fill={given!r} is no way to fill gaps: give 'zero', 'previous', 'interpolate' or a number, or leave it out "
        "and gaps stay gaps"
    )
