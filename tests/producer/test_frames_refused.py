"""A frame that is wrong is refused as a whole, by an error that names the column and the rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from frames import T0, X, tidy, wide

from wattnet.producer import (
    ConflictingValuesError,
    FrameError,
    MemoryProducer,
    ProducerConfigError,
)
from wattnet.schemas import (
    LabelError,
    MetricError,
    MetricNameError,
    MetricTimeError,
    MetricValueError,
    MissingLabelError,
    NaiveTimeError,
    QualityError,
    ReservedLabelError,
    TimeRangeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def producer() -> Iterator[MemoryProducer]:
    producer = MemoryProducer()
    yield producer
    producer.close()


def unnamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename_axis(columns=None)


LOAD = {"unit": "MW", "datasource": "test", "data_state": "final"}
REFUSED: list[tuple[Callable[[], Any], dict[str, Any], type[Exception], str]] = [
    # No frame, or no layout.
    (lambda: [1, 2], X, FrameError, "list is no frame"),
    (lambda: wide()["wind"], X, FrameError, "to_frame"),
    (lambda: pl.from_pandas(tidy()).lazy(), X, FrameError, "collect"),
    (lambda: unnamed(wide()), X, FrameError, "columns='production_type'"),
    (tidy, {**X, "columns": "zone"}, FrameError, "column 'value'.*columns="),
    (tidy, {**X, "missing": "ignore"}, FrameError, "'ignore'"),
    (lambda: tidy().drop(columns="timestamp"), X, FrameError, "no column 'timestamp'"),
    (lambda: tidy().set_index("timestamp", drop=False), X, FrameError, "column 'timestamp' and an index"),
    (lambda: tidy().set_index("zone"), X, FrameError, "index 'zone'.*reset_index"),
    (lambda: tidy().set_index(["timestamp", "zone"]), X, FrameError, "reset_index"),
    (lambda: tidy().set_axis(["timestamp", "value", "value"], axis=1), X, FrameError, "two columns are named 'value'"),
    # Said twice, or not at all.
    (tidy, {}, FrameError, "metric_type="),
    (wide, {}, FrameError, "metric_type="),
    (lambda: tidy(valid=True, zone_status="complete", knowledge_time=T0, count=4), X, FrameError, "'count'.*drop"),
    (lambda: tidy(name="a"), X, FrameError, "metric_type=.*'name'"),
    (lambda: tidy(name="a", metric_type="a"), {}, FrameError, "'metric_type' and 'name'"),
    (tidy, {**X, "labels": {"zone": "FR"}}, FrameError, "'zone'"),
    (wide, {**X, "labels": {"production_type": "a"}}, FrameError, "'production_type'"),
    (lambda: tidy(attributes="{}"), {**X, "attributes": {"run": "1"}}, FrameError, "'attributes'"),
    # Columns that are no series of their own.
    (wide, {**X, "columns": ["a", "b"]}, FrameError, "2 labels.*1 levels"),
    (wide, {**X, "columns": {"solar": {"a": "1"}}}, FrameError, "nothing of column 'wind'"),
    (wide, {**X, "columns": {"solar": {}, "wind": {}, "sun": {}}}, FrameError, "'sun'"),
    (wide, {**X, "columns": {"solar": "a", "wind": "b"}}, FrameError, "dict"),
    (wide, {**X, "columns": {"solar": {}, "wind": {}}}, FrameError, "'solar' and 'wind' are one series"),
    (lambda: wide().iloc[[0, 1, 0]].assign(wind=[1, 2, 3]), X, ConflictingValuesError, r"is 1.0 \(row 0\) and 3.0"),
    (tidy, {**X, "conflicts": "skip"}, ProducerConfigError, "'skip': give 'raise' or 'warn'"),
    (wide, {**X, "columns": "limit"}, ReservedLabelError, "'limit'.*column 'solar'"),
    # Times.
    (lambda: wide().tz_localize(None), X, NaiveTimeError, "'index'.*tz_localize"),
    (lambda: tidy(timestamp=pd.date_range("2025", periods=3)), X, NaiveTimeError, "'timestamp'.*tz_localize"),
    (lambda: pl.from_pandas(tidy(timestamp=pd.date_range("2025", periods=3))), X, NaiveTimeError, "replace_time_zone"),
    (lambda: tidy(timestamp=["2025-03-01T00:00Z"] * 3), X, MetricTimeError, r"'timestamp'.*to_datetime"),
    (lambda: pl.from_pandas(tidy(timestamp=[1, 2, 3])), X, MetricTimeError, r"'timestamp' holds int64.*unit="),
    (lambda: tidy(timestamp=pd.Series([T0, T0, T0.replace(tzinfo=None)], dtype=object)), X, NaiveTimeError, r"row 2\)"),
    (lambda: tidy(timestamp=pd.Series([T0, pd.NaT, T0])), X, MetricTimeError, "missing.*row 1"),
    (lambda: tidy(timestamp=pd.to_datetime([1, 0, 2000], utc=True)), X, MetricTimeError, r"nanoseconds.*row 0\)"),
    (lambda: tidy(timestamp=pd.to_datetime([0, -1, 4e9], unit="s", utc=True).as_unit("s")), X, TimeRangeError,
     r"1969-12-31.*rows 1, 2"),
    # Values.
    (lambda: tidy(value=[1, np.inf, -np.inf]), X, MetricValueError, r"inf is not finite.*column 'value', rows 1, 2"),
    (lambda: tidy(value=["1", "2", "3"]), X, MetricValueError, "'value'.*str"),
    (lambda: pl.from_pandas(tidy(value=["1", "2", "3"])), X, MetricValueError, "'value'.*float64"),
    (lambda: tidy(value=[True, False, True]), X, MetricValueError, "'value' holds bool"),
    (lambda: tidy(value=[1, 2, Decimal(3)]), X, MetricValueError, "Decimal.*row 2"),
    (lambda: wide().assign(wind=[1, 2, np.inf]), X, MetricValueError, "column 'wind', row 2"),
    # Series.
    (lambda: tidy(zone=["ES", None, ""]), {"metric_type": "zone_load", "labels": LOAD}, MissingLabelError,
     "zone.*rows 1, 2"),
    (tidy, {"metric_type": "zone_load", "strict": True}, MissingLabelError, "unit.*strict.*rows 0, 1, 2"),
    (lambda: tidy(name=["a", "No", "a"]), {}, MetricNameError, "'No'.*row 1"),
    (lambda: tidy(year=[2024.0, np.nan, 2025.0]), X, LabelError, "'year' is 2024.0.*rows 0, 2"),
    (lambda: tidy(stored_at="a"), X, ReservedLabelError, "'stored_at'"),
    (lambda: tidy(zone_status=["complete", "good", "complete"]), X, QualityError, "'good'.*row 1"),
    (lambda: tidy(attributes=["{}", "{]", "[1]"]), X, MetricError, "no JSON.*rows 1, 2"),
    (lambda: tidy(scope=[["a"], ["a"], ["b"]]), X, FrameError, "'scope' holds a list in row 0"),
    (lambda: pl.from_pandas(tidy()).with_columns(scope=pl.Series([["a"], ["a"], ["b"]])), X, FrameError, "'scope'"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "arguments", "error", "said"), REFUSED)
def test_a_frame_that_is_wrong_is_refused_as_a_whole(
    producer: MemoryProducer, frame: Callable[[], Any], arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        producer.send_frame(frame(), **arguments)
    assert type(caught.value) is error or error is MetricError
    assert producer.sent == []


def test_many_wrong_rows_are_counted(producer: MemoryProducer) -> None:
    frame = pd.DataFrame(
        {"value": [np.inf] * 5_000}, index=pd.date_range(T0, periods=5_000, freq="s", name="timestamp")
    )
    with pytest.raises(MetricValueError, match="rows 0, 1, 2, 3, 4 and 4,995 more, counted from 0"):
        producer.send_frame(frame, metric_type="x")
