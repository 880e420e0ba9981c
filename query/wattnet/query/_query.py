"""A question that is refined step by step, and asked when its answer is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.query._errors import QuestionError
from wattnet.query._times import zone as parse_zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from wattnet.query._answer import Answer
    from wattnet.query._database import Database
    from wattnet.query._findings import Gap
    from wattnet.query._question import Question
    from wattnet.query._resampling import Resampling
    from wattnet.query._table import Table
    from wattnet.schemas import Metric

_ROWS_SHOWN = 10


class Query:
    """What `Client.metrics` and `Client.latest` return. Immutable: each refinement makes a new one.

        client.metrics("zone_load", zone="ES", start="-1d").valid_only().to_pandas()

    Nothing is read before `to_…` or `iter_…`; each of them asks anew. Rows stand by series (by zone, then by the other
    labels), then by time. A frame has the columns timestamp, value, one per label in alphabetical order (null where a
    series lacks it), valid, zone_status, data_state, knowledge_time, also when it is empty. Its times are
    aware, in the client's tz (UTC unless given), with microseconds; those of Metrics are in UTC. Values are Float64
    bit for bit.

    Reading raises UnknownNameError and UnknownLabelError, DatabaseMissingError and ClickHouseUnavailableError.
    """

    __slots__ = ("_database", "_question")

    def __init__(self, database: Database, question: Question) -> None:
        self._database = database
        self._question = question

    def as_of(self, moment: datetime | date | str) -> Query:
        """What was known at that moment: only revisions with knowledge_time <= `moment` count."""
        return self._refined(as_of=self._question.moment(moment, argument="as_of"))

    def history(self) -> Query:
        """Every revision of every value instead of the current ones, in the order in which they became known.

        One that withdraws the value has none: None in a list, null in a frame (NaN in pandas).
        """
        return self._refined(history=True)

    def latest(self) -> Query:
        """The newest current value of each series within the range, one row per series.

        Forecasts do not count unless the label `forecast` is asked for.
        """
        return self._refined(newest=True)

    def valid_only(self) -> Query:
        """Without the points whose current value is not valid."""
        return self._refined(filters=self._question.filters.with_quality("valid", "true"))

    def with_attributes(self) -> Query:
        """With what describes each value: Metric.attributes, and a last column `attributes` (JSON, '' when none)."""
        return self._refined(attributes=True)

    def limit(self, rows: int) -> Query:
        """The first `rows` rows only; of a wide frame the first so many timestamps, with the values of all series."""
        if type(rows) is not int or rows < 1:
            raise QuestionError(f"limit({rows!r}) is no number of rows: give an int of at least 1")
        return self._refined(limit=rows)

    def resample(
        self,
        step: str,
        how: str = "mean",
        *,
        tz: str | None = None,
        fill: str | float | None = None,
        min_coverage: float = 1.0,
    ) -> Query:
        """The current values in buckets of time: a row a bucket and series, `timestamp` is the bucket's start.

        step  what divides a day ("15min", "1h", "6h"), "1d", "1w" (from Monday), months that divide a year ("1mo",
              "3mo") or "1y"; also ISO 8601, "PT15M", "P1D"
        how   "mean", "sum", "min", "max", "first", "last", "count": of the values whose timestamps lie in the bucket,
              each counted once; where their steps differ (prices by the hour, then by 15 minutes), a mean weighs each
              by its interval, whatever the unit. "energy", "power": of each value's interval, see below
        tz    whose days and hours: an IANA zone, the client's unless given. Frames show times in it
        fill  what stands where there is no value: "zero", "previous", "interpolate" or a number; else gaps stay gaps

        min_coverage  of energy and power: the share of a bucket's time (within the range) that must have values

        A bucket begins whenever the zone's clock shows a multiple of the step: local days have 23, 24 or 25 hours. An
        hour that the clock shows twice is two buckets; a step longer than the change takes it in (a block of 6 hours
        lasts 7 that day). Buckets are half-open. One that the range cuts has only what lies within the range.

        valid is whether all values of the bucket are, zone_status the least of theirs, knowledge_time the latest,
        data_state ''. A last column `count` says how many values there are; Metrics have it as an attribute. Buckets
        without values are absent. `fill` puts one there for each series that has any: count 0, not valid, "missing".

        Energy and power are those of actuals, unless the label `forecast` is asked for: forecasts would be summed with
        what they forecast. "energy" makes MWh of MW (and kWh of kW, …) and keeps MWh, "power" makes MW of MWh; the
        label `unit` is changed. A value stands for the interval from its timestamp to the next step of its series: its
        attribute `resolution`, else the most frequent gap around it, which an InferredResolutionWarning says. It ends
        earlier where the next value begins. What straddles an edge of a bucket or of the range is split by time; values
        up to 25 hours before the range count for what they reach into it. A last column `coverage` says which share of
        the whole bucket has values. A bucket with less of them than `min_coverage` is null, which an
        IncompleteBucketWarning says; one with more has the energy of that share, not of the whole, and its mean power.
        `fill` here fills that time: with the power before it, on a line between the powers beside it, or with a power
        in the unit of the series (MW).

        Raises QuestionError for a step or `how` that there is not, UnitError when energy is read of series with
        different units or of other units than W, kW, MW, GW, TW and the same with h.
        """
        from wattnet.query._resampling import Resampling

        zone = self._question.day_zone if tz is None else parse_zone(tz)
        return self._refined(resampling=Resampling.parse(step, how, zone=zone, fill=fill, min_coverage=min_coverage))

    def to_list(self) -> list[Metric]:
        """A Metric for each row; with attributes only after `with_attributes`."""
        from wattnet.query._frames import to_list

        return to_list(self._answer())

    def to_pandas(self, *, wide: bool = False) -> pd.DataFrame:
        """A frame with a RangeIndex, times as datetime64[us, zone].

        With `wide` a DatetimeIndex `timestamp` and a column of values a series, named by the labels in which the
        series differ: by its value where they differ in one, else a MultiIndex of those labels.
        """
        from wattnet.query._frames import to_pandas

        if wide:
            from wattnet.query._wide import wide_pandas

            return wide_pandas(self._wide_answer())
        return to_pandas(self._answer())

    def to_polars(self, *, wide: bool = False) -> pl.DataFrame:
        """Times as Datetime("us", zone), text as String.

        With `wide` the columns timestamp and one of values a series, named by the labels in which they differ.
        """
        from wattnet.query._frames import to_polars

        if wide:
            from wattnet.query._wide import wide_polars

            return wide_polars(self._wide_answer())
        return to_polars(self._answer())

    def to_arrow(self, *, wide: bool = False) -> pa.Table:
        """Times as timestamp[us, zone], text as string; `wide` as in `to_polars`."""
        from wattnet.query._frames import to_arrow

        if wide:
            from wattnet.query._wide import wide_arrow

            return wide_arrow(self._wide_answer())
        return to_arrow(self._answer())

    def to_series(self) -> pd.Series[float]:
        """The values of the one series that matches: a DatetimeIndex `timestamp`, named as the metric.

        Raises QuestionError when several match: it names the labels that tell them apart.
        """
        from wattnet.query._wide import one_series

        return one_series(self._wide_answer())

    def iter_rows(self) -> Iterator[Metric]:
        """The same as `to_list`, one by one as they arrive: memory stays small at any size."""
        from wattnet.query._frames import to_list

        for answer in self._answers():
            yield from to_list(answer)

    def iter_batches(self, *, max_bytes: int = 16 * 1024 * 1024) -> Iterator[pa.RecordBatch]:
        """The columns of `to_arrow` in batches of at most `max_bytes`, as they arrive: memory stays flat at any size.

        A batch has one row at least, and ends where a block of ClickHouse's answer does (some 65,000 rows).
        """
        from wattnet.query._batches import batches, check

        check(max_bytes)
        return batches(self._answers(), max_bytes)

    def gaps(self, step: str | None = None, *, tz: str | None = None) -> Table[Gap]:
        """Where each series has no current value in the range: from where a value ends to where the next one begins.

        step  from one value to the next ("15min", "PT15M", "1d"); without it each value's attribute `resolution`, else
              the most frequent gap around it, which an InferredResolutionWarning says
        tz    whose days a step of days or months means, and in which times are: the client's unless given

        What is shorter than a step is no gap: a range need not begin with a value, nor end with the end of one. A
        series that matches and has no value at all is one gap, as long as the range. Quality counts:
        `valid_only().gaps()` takes invalid values for missing.
        """
        from wattnet.query._gaps import find_gaps

        return find_gaps(
            self._database, self._question, step, self._question.day_zone if tz is None else parse_zone(tz)
        )

    def explain(self) -> str:
        """What reading this costs: the series that match, the SQL with its parameters, the rows that it would read."""
        from wattnet.query._explain import explain

        return explain(self._database, self._question)

    def plot(self, **options: Any) -> Any:
        """Draw the wide frame: `options` go to pandas' DataFrame.plot, whose axes are returned. Needs matplotlib."""
        from wattnet.query._wide import draw

        return draw(self.to_pandas(wide=True), self._question.name, options)

    def _repr_html_(self) -> str:
        """In a notebook: what is asked, and the first rows."""
        from html import escape

        first = self if self._question.limit else self.limit(_ROWS_SHOWN + 1)
        frame = first.to_pandas()
        more = "" if len(frame) <= _ROWS_SHOWN else f"<p>the first {_ROWS_SHOWN} rows</p>"
        return f"<p>{escape(repr(self))}</p>{frame.head(_ROWS_SHOWN).to_html(index=False)}{more}"

    def __repr__(self) -> str:
        question = self._question
        asked = [question.name]
        asked += [f"{name}={'|'.join(values)}" for name, values in question.filters.labels.items()]
        asked += [f"{name}={'|'.join(values)}" for name, values in question.filters.quality.items()]
        kind = "newest " if question.newest else "history of " if question.history else ""
        if question.resampling is not None:
            kind = f"{question.resampling.how} by {question.resampling.step.iso} of "
        return f"<Query {kind}{' '.join(asked)}>"

    def _refined(self, **changes: object) -> Query:
        return Query(self._database, self._question.refined(**changes))

    def _answer(self) -> Answer:
        # numpy is loaded with the first answer.
        from wattnet.query._answer import to_answer

        if self._question.resampling is not None:
            return self._buckets(self._question.resampling)
        matches, blocks = self._question.ask(self._database)
        return to_answer(matches, blocks, attributes=self._question.attributes, zone=self._question.day_zone)

    def _buckets(self, resampling: Resampling) -> Answer:
        from wattnet.query._buckets import to_buckets
        from wattnet.query._energy import warn_of_incomplete

        question = self._question.fixed()
        matches, blocks = question.ask(self._database)
        answer = to_buckets(self._database, question, resampling, matches, blocks)
        warn_of_incomplete(answer, resampling.how)
        return answer

    def _wide_answer(self) -> Answer:
        if self._question.history:
            raise QuestionError(
                "a history has several values a point, and no place for them in a wide frame: read it long"
            )
        rows = self._question.limit
        if rows is None:
            return self._answer()
        from wattnet.query._wide import first_times

        # Among the first so many times of all series are only such of the first so many of each.
        return first_times(self._refined(limit=None, limit_each=rows)._answer(), rows)

    def _answers(self) -> Iterator[Answer]:
        """Block by block."""
        from wattnet.query._answer import to_answer

        if self._question.resampling is not None:
            # Buckets are few, and gaps are filled from what stands before them.
            yield self._buckets(self._question.resampling)
            return
        matches, blocks = self._question.stream(self._database)
        for block in blocks:
            yield to_answer(matches, [block], attributes=self._question.attributes, zone=self._question.day_zone)
