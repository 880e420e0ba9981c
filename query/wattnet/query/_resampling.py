"""Into which buckets of time values go, what is made of those in one, and how ClickHouse is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from wattnet.query._calendar import bucket_edges, runs
from wattnet.query._errors import QuestionError
from wattnet.query._points import points_statement
from wattnet.query._statement import Statement
from wattnet.query._step import DAY_US, parse_step
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
_HOWS = (*_AGGREGATES, "energy", "power")
_FILLS = ("zero", "previous", "interpolate")
_MAX_BUCKETS = 10_000_000

# Buckets stand in runs of equal width; `starts` is where each run begins. What the points have beyond the columns that
# are named here ClickHouse does not read.
_BUCKETS = """SELECT position, start, {aggregate} AS value, min(valid) AS valid, min(zone_status) AS zone_status,
  toLowCardinality('') AS data_state, max(knowledge_time) AS knowledge_time, toInt64(count()) AS count
FROM (
  SELECT position, value, valid, zone_status, knowledge_time, toUnixTimestamp64Micro(timestamp) AS us,
    roundDown(us, {{starts:Array(Int64)}}) AS run,
    transform(run, {{starts:Array(Int64)}}, {{widths:Array(Int64)}}, toInt64(1)) AS width,
    run + intDiv(us - run, width) * width AS start
  FROM (
{points}
  )
)
GROUP BY position, start
ORDER BY position, start"""


@dataclass(frozen=True, slots=True)
class Resampling:
    """What `Query.resample` asks for."""

    step: Step
    how: str
    zone: tzinfo
    fill: str | float | None

    @classmethod
    def parse(cls, step: object, how: object, *, zone: tzinfo, fill: object) -> Resampling:
        """Read the arguments. Raises QuestionError."""
        if how not in _HOWS:
            meant = suggest(how, _HOWS) if isinstance(how, str) else None
            hint = f"did you mean {meant!r}?" if meant else f"give one of {', '.join(_HOWS)}"
            raise QuestionError(f"how={how!r} is no way to make one value of several: {hint}")
        return cls(parse_step(step), str(how), zone, _fill(fill))

    @property
    def integrates(self) -> bool:
        """Whether each value counts for its interval rather than once."""
        return self.how in ("energy", "power")

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
        """One SELECT: a row a bucket, columns as in a Statement and then count; of energy a row a value."""
        if self.integrates:
            return points_statement(select, piece, start_us, end_us)
        points = select.current(piece, start_us, end_us)
        starts, widths = runs(self.edges(start_us, end_us))
        sql = _BUCKETS.format(aggregate=_AGGREGATES[self.how], points=points.sql)
        return Statement(sql, {**points.parameters, "starts": starts, "widths": widths})


def _fill(given: object) -> str | float | None:
    if given is None or (isinstance(given, str) and given in _FILLS):
        return given
    if isinstance(given, (int, float)) and not isinstance(given, bool) and isfinite(given):
        return float(given)
    raise QuestionError(
        f"fill={given!r} is no way to fill gaps: give 'zero', 'previous', 'interpolate' or a number, or leave it out "
        "and gaps stay gaps"
    )
