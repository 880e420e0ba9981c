"""Many rows at once become the same bytes as one by one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
from hostile import EPOCH, metrics, microseconds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattnet.schemas import METRIC_FINGERPRINT, Metric, MetricEncoder, TimeRangeError, single_object_header
from wattnet.schemas.columns import ColumnEncoder, knowledge_times_refused, timestamps_refused

HEADER = single_object_header(METRIC_FINGERPRINT)


def in_columns(sent: list[Metric], known_us: list[int]) -> list[tuple[bytes, bytes]]:
    columns = ColumnEncoder(MetricEncoder(HEADER), sent)
    values = columns.encode(
        np.arange(len(sent)),
        np.array([np.nan if metric.value is None else metric.value for metric in sent]),
        np.array([metric.timestamp_us for metric in sent], np.int64),
        np.array(known_us, np.int64),
    )
    return list(zip(columns.keys, values, strict=True))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(st.tuples(metrics(), microseconds), max_size=5))
def test_the_bytes_are_those_of_the_encoder(rows: list[tuple[Metric, int]]) -> None:
    one_by_one = MetricEncoder(HEADER)
    assert in_columns([metric for metric, _ in rows], [us for _, us in rows]) == [
        one_by_one.encode(metric, us) for metric, us in rows
    ]


def test_every_length_of_a_time_and_of_a_value() -> None:
    lengths = [1 << bits for bits in range(50)]
    sent = [
        Metric("x", value, EPOCH + timedelta(microseconds=us), {"l": "x" * (us % 3)})
        for us in lengths
        for value in (None, -0.0)
    ]
    known_us = [us - 1 for us in lengths for _ in range(2)][::-1]
    one_by_one = MetricEncoder(HEADER)
    assert in_columns(sent, known_us) == [
        one_by_one.encode(metric, us) for metric, us in zip(sent, known_us, strict=True)
    ]


def test_times_are_refused_where_metric_refuses_them() -> None:
    now = datetime.now(timezone.utc)
    minute = timedelta(minutes=1)
    moments = [
        EPOCH - timedelta(microseconds=1),
        EPOCH,
        datetime(2065, 1, 1, tzinfo=timezone.utc) - timedelta(microseconds=1),
        datetime(2065, 1, 1, tzinfo=timezone.utc),
        now + timedelta(hours=23) - minute,
        now + timedelta(hours=23) + minute,
    ]
    times_us = np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments], np.int64)

    def refused(timestamp: datetime, knowledge_time: datetime) -> bool:
        try:
            Metric("x", 1.0, timestamp, knowledge_time=knowledge_time)
        except TimeRangeError:
            return True
        return False

    assert timestamps_refused(times_us).tolist() == [refused(moment, EPOCH) for moment in moments]
    assert knowledge_times_refused(times_us).tolist() == [refused(EPOCH, moment) for moment in moments]
