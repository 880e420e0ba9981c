"""A question that is refined step by step, and asked when its answer is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.query._errors import QuestionError
from wattnet.query._times import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from wattnet.query._answer import Answer
    from wattnet.query._database import Database
    from wattnet.query._question import Question
    from wattnet.schemas import Metric

_ROWS_SHOWN = 10


class Query:
    """What `Client.metrics` and `Client.latest` return. Immutable: each refinement makes a new one.

        client.metrics("zone_load", zone="ES", start="-1d").valid_only().to_pandas()

    Nothing is read before `to_…` or `iter_…`; each of them asks anew. Rows stand by series (by zone, then by the other
    labels), then by time. A frame has the columns timestamp, value, one per label in alphabetical order (null where a
    series lacks it), valid, zone_status, data_state, knowledge_time, also when it is empty. All times are aware UTC
    with microseconds, values are Float64 bit for bit.

    Reading raises UnknownNameError and UnknownLabelError, DatabaseMissingError and ClickHouseUnavailableError.
    """

    __slots__ = ("_database", "_question")

    def __init__(self, database: Database, question: Question) -> None:
        self._database = database
        self._question = question

    def as_of(self, moment: datetime | date | str) -> Query:
        """What was known at that moment: only revisions with knowledge_time <= `moment` count."""
        return self._refined(as_of=Moment.parse(moment, argument="as_of", day_zone=self._question.day_zone))

    def history(self) -> Query:
        """Every revision of every value instead of the current ones, in the order in which they became known.

        One that withdraws the value has none: None in a list, null in a frame (NaN in pandas).
        """
        return self._refined(history=True)

    def latest(self) -> Query:
        """The newest current value of each series within the range: one row a series."""
        return self._refined(newest=True)

    def valid_only(self) -> Query:
        """Without the points whose current value is not valid."""
        return self._refined(filters=self._question.filters.with_quality("valid", "true"))

    def with_attributes(self) -> Query:
        """With what describes each value: Metric.attributes, and a last column `attributes` (JSON, '' when none)."""
        return self._refined(attributes=True)

    def limit(self, rows: int) -> Query:
        """The first `rows` rows only."""
        if type(rows) is not int or rows < 1:
            raise QuestionError(f"limit({rows!r}) is no number of rows: give an int of at least 1")
        return self._refined(limit=rows)

    def to_list(self) -> list[Metric]:
        """A Metric for each row; with attributes only after `with_attributes`."""
        from wattnet.query._frames import to_list

        return to_list(self._answer())

    def to_pandas(self, *, wide: bool = False) -> pd.DataFrame:
        """A frame with a RangeIndex, times as datetime64[us, UTC].

        With `wide` a DatetimeIndex `timestamp` and a column of values a series, named by the labels in which the
        series differ: by its value where they differ in one, else a MultiIndex of those labels.
        """
        from wattnet.query._frames import to_pandas

        if wide:
            from wattnet.query._wide import wide_pandas

            return wide_pandas(self._wide_answer())
        return to_pandas(self._answer())

    def to_polars(self, *, wide: bool = False) -> pl.DataFrame:
        """Times as Datetime("us", "UTC"), text as String.

        With `wide` the columns timestamp and one of values a series, named by the labels in which they differ.
        """
        from wattnet.query._frames import to_polars

        if wide:
            from wattnet.query._wide import wide_polars

            return wide_polars(self._wide_answer())
        return to_polars(self._answer())

    def to_arrow(self, *, wide: bool = False) -> pa.Table:
        """Times as timestamp[us, UTC], text as string; `wide` as in `to_polars`."""
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

    def explain(self) -> str:
        """What reading this costs: the series that match, the SQL with its parameters, the rows that it would read."""
        from wattnet.query._explain import explain

        return explain(self._database, self._question)

    def plot(self, **options: Any) -> Any:
        """Draw the wide frame: `options` go to pandas' DataFrame.plot, whose axes are returned. Needs matplotlib."""
        from wattnet.query._frames import needs

        frame = self.to_pandas(wide=True)
        with needs("matplotlib", "pip install matplotlib"):
            return frame.plot(**{"title": self._question.name, "xlabel": "", **options})

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
        return f"<Query {kind}{' '.join(asked)}>"

    def _refined(self, **changes: object) -> Query:
        return Query(self._database, self._question.refined(**changes))

    def _answer(self) -> Answer:
        # numpy is loaded with the first answer.
        from wattnet.query._answer import to_answer

        matches, blocks = self._question.ask(self._database)
        return to_answer(matches, blocks, attributes=self._question.attributes)

    def _wide_answer(self) -> Answer:
        if self._question.history:
            raise QuestionError(
                "a history has several values a point, and no place for them in a wide frame: read it long"
            )
        return self._answer()

    def _answers(self) -> Iterator[Answer]:
        """Block by block."""
        from wattnet.query._answer import to_answer

        matches, blocks = self._question.stream(self._database)
        for block in blocks:
            yield to_answer(matches, [block], attributes=self._question.attributes)
