"""A question that is asked when its answer is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from wattnet.query._answer import Answer
    from wattnet.query._database import Database
    from wattnet.query._question import Question
    from wattnet.schemas import Metric


class Query:
    """Nothing is read before `to_list`, `to_pandas`, `to_polars` or `to_arrow`; each of them asks anew.

    Rows stand by series (by zone, then by the other labels), then by time. A frame has the columns timestamp, value,
    one per label in alphabetical order (null where a series lacks it), valid, zone_status, data_state, knowledge_time,
    also when it is empty. All times are aware UTC with microseconds, values are Float64 bit for bit.

    Reading raises UnknownNameError and UnknownLabelError, DatabaseMissingError and ClickHouseUnavailableError.
    """

    __slots__ = ("_database", "_question")

    def __init__(self, database: Database, question: Question) -> None:
        self._database = database
        self._question = question

    def to_list(self) -> list[Metric]:
        """A Metric for each row, without attributes."""
        from wattnet.query._frames import to_list

        return to_list(self._answer())

    def to_pandas(self) -> pd.DataFrame:
        """A frame with a RangeIndex, times as datetime64[us, UTC]."""
        from wattnet.query._frames import to_pandas

        return to_pandas(self._answer())

    def to_polars(self) -> pl.DataFrame:
        """Times as Datetime("us", "UTC"), text as String."""
        from wattnet.query._frames import to_polars

        return to_polars(self._answer())

    def to_arrow(self) -> pa.Table:
        """Times as timestamp[us, UTC], text as string."""
        from wattnet.query._frames import to_arrow

        return to_arrow(self._answer())

    def __repr__(self) -> str:
        question = self._question
        asked = [question.name]
        asked += [f"{name}={'|'.join(values)}" for name, values in question.filters.labels.items()]
        asked += [f"{name}={'|'.join(values)}" for name, values in question.filters.quality.items()]
        return f"<Query {'newest ' if question.newest else ''}{' '.join(asked)}>"

    def _answer(self) -> Answer:
        # numpy is loaded with the first answer.
        from wattnet.query._answer import to_answer

        return to_answer(*self._question.ask(self._database))
