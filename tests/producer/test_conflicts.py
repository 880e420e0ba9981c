"""Two values of one point: refused with both, or sent with a warning, never silently the last."""

from __future__ import annotations

import asyncio
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from frames import T0, tidy, wide

from wattnet.producer import (
    AsyncProducer,
    ConflictingValuesError,
    ConflictingValuesWarning,
    MemoryProducer,
    ProducerConfigError,
)
from wattnet.producer import _frame_conflicts as frame_conflicts
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)
AT = r"own_name\{zone=ES\} at 2025-03-01T00:00:00\+00:00"


@pytest.fixture
def producer() -> Iterator[MemoryProducer]:
    producer = MemoryProducer()
    yield producer
    producer.close()


def price(value: float | None, hour: int = 0, **more: Any) -> Metric:
    known = more.pop("knowledge_time", None)
    return Metric("own_name", value, T0 + hour * HOUR, {"zone": "ES", **more}, knowledge_time=known)


def values(producer: MemoryProducer) -> list[float | None]:
    return [metric.value for metric in producer.sent]


def test_a_list_is_refused_as_a_whole(producer: MemoryProducer) -> None:
    with pytest.raises(
        ConflictingValuesError, match=rf"2 values differ .*: {AT} is 1.0 \(metric 0\) and 2.0 \(metric 1\)"
    ):
        producer.send_many([price(1.0), price(2.0), price(None), price(5.0, 1)])
    assert values(producer) == []
    many = [price(float(n), n % 100) for n in range(10_000)]
    with pytest.raises(ConflictingValuesError, match=r"9,900 values differ .*; and 9,897 more, counted from 0"):
        producer.send_many(many)


def test_what_comes_one_by_one_is_refused_at_the_second_value(producer: MemoryProducer) -> None:
    with pytest.raises(
        ConflictingValuesError, match=rf"1 value differs .*: {AT} is 1.0 \(metric 0\) and 2.0 \(metric 2\)"
    ):
        producer.send_many(iter([price(1.0), price(5.0, 1), price(2.0), price(6.0, 2)]))
    assert values(producer) == [1.0, 5.0]


def test_a_caller_may_ask_for_a_warning(producer: MemoryProducer) -> None:
    for metrics in ([price(1.0), price(2.0)], iter([price(1.0), price(2.0)])):
        with pytest.warns(ConflictingValuesWarning, match=f"{AT} is 1.0 .* All are sent, and the last one") as caught:
            producer.send_many(metrics, conflicts="warn")
        assert caught[0].filename == __file__
    assert values(producer) == [1.0, 2.0] * 2
    with pytest.raises(ProducerConfigError, match="'ignore'"):
        producer.send_many([], conflicts="ignore")  # type: ignore[arg-type]  # that is the point


def test_what_is_no_conflict(producer: MemoryProducer) -> None:
    """Equal values, other qualities, other times, and what is known at another time."""
    fine = [
        price(1.0),
        price(1.0, data_state="final"),
        price(2.0, valid=False),
        price(3.0, zone_status="preview"),
        price(4.0, knowledge_time=T0),
        price(5.0, knowledge_time=T0 + HOUR),
        price(6.0, 1),
        price(7.0, own="label"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        producer.send_many(fine)
    with pytest.raises(ConflictingValuesError, match=r"is 4.0 .* and 1.0"):
        producer.send_many([fine[4], fine[0]], knowledge_time=T0)


def test_asyncio(producer: MemoryProducer) -> None:
    with pytest.raises(ConflictingValuesError):
        asyncio.run(AsyncProducer.of(producer).send_many([price(1.0), price(2.0)]))
    frame = tidy(timestamp=T0, zone="ES")
    with pytest.warns(ConflictingValuesWarning):
        asyncio.run(AsyncProducer.of(producer).send_frame(frame, metric_type="own_name", conflicts="warn"))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_is_refused_as_a_whole_or_warned_of(producer: MemoryProducer, library: str) -> None:
    frame: Any = tidy(timestamp=[T0, T0 + HOUR, T0], zone="ES")
    if library == "polars":
        frame = pytest.importorskip("polars").from_pandas(frame)
    with pytest.raises(ConflictingValuesError, match=rf"1 value differs .*{AT} is 1.0 \(row 0\) and 3.0 \(row 2\)"):
        producer.send_frame(frame, metric_type="own_name")
    assert values(producer) == []
    with pytest.warns(ConflictingValuesWarning, match=r"is 1.0 \(row 0\) and 3.0 \(row 2\)") as caught:
        assert producer.send_frame(frame, metric_type="own_name", conflicts="warn") == 3
    assert caught[0].filename == __file__
    assert values(producer) == [1.0, 2.0, 3.0]


def test_rows_keep_their_numbers_where_some_are_skipped(producer: MemoryProducer) -> None:
    frame = tidy(timestamp=T0, zone="ES", value=[np.nan, 2.0, 3.0])
    with pytest.raises(ConflictingValuesError, match=r"is 2.0 \(row 1\) and 3.0 \(row 2\)"):
        producer.send_frame(frame, metric_type="own_name", missing="skip")
    with pytest.raises(ConflictingValuesError, match=r"2 values differ .* is None \(row 0\) and 2.0 \(row 1\)"):
        producer.send_frame(frame, metric_type="own_name", missing="retract")


def test_the_times_that_hold_are_those_that_count(producer: MemoryProducer) -> None:
    known = pd.Series([T0, T0 + HOUR, pd.NaT]).dt.as_unit("us")
    frame = tidy(timestamp=T0, zone="ES", knowledge_time=known)
    assert producer.send_frame(frame, metric_type="own_name") == 3
    for knowledge_time in ("now", T0):
        with pytest.raises(ConflictingValuesError, match="2 values differ"):
            producer.send_frame(frame, metric_type="own_name", knowledge_time=knowledge_time)
    with pytest.raises(ConflictingValuesError, match=r"is 2.0 \(row 0\) and 3.0 \(row 1\)"):
        producer.send_frame(frame[1:].assign(knowledge_time=known.iloc[[2, 2]].array), metric_type="own_name")


def test_columns_that_differ_in_data_state_only_are_one_point(producer: MemoryProducer) -> None:
    """What a source says of its data does not decide which of two revisions is current."""
    frame = tidy(timestamp=T0, zone="ES", data_state=["a", "b", "b"], value=[1.0, 1.0, 1.0])
    assert producer.send_frame(frame, metric_type="own_name") == 3
    with pytest.raises(ConflictingValuesError):
        producer.send_frame(frame.assign(value=[1.0, 2.0, 2.0]), metric_type="own_name")
    two = pd.DataFrame([[1.0, 2.0]], index=pd.DatetimeIndex([T0]), columns=["a", "b"])
    labels: dict[str, dict[str, object]] = {name: {"zone": "ES", "data_state": name} for name in ("a", "b")}
    with pytest.raises(ConflictingValuesError, match=r"is 1.0 \(row 0\) and 2.0 \(row 0\)"):
        producer.send_frame(two, metric_type="own_name", columns=labels)


def test_a_wide_frame_with_a_time_twice(producer: MemoryProducer) -> None:
    """Fine where its values are equal; where one lacks, there is none to differ."""
    arguments: dict[str, Any] = {"metric_type": "own_name", "labels": {"zone": "ES"}}
    frame = wide().iloc[[0, 1, 0]]
    assert producer.send_frame(frame, **arguments) == 5
    frame.iloc[2, 0] = np.nan
    assert producer.send_frame(frame, **arguments) == 4
    with pytest.raises(ConflictingValuesError, match=r"1 value differs .* is 1.0 \(row 0\) and None \(row 2\)"):
        producer.send_frame(frame, **arguments, missing="retract")


def test_rows_whose_hashes_are_equal_by_chance_are_compared(
    producer: MemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_conflicts, "_MIXING", [np.uint64(0)] * 3)
    assert producer.send_frame(tidy(), metric_type="own_name") == 3
    with pytest.raises(ConflictingValuesError, match="1 value differs"):
        producer.send_frame(tidy(timestamp=T0, zone=["ES", "PT", "PT"]), metric_type="own_name")
