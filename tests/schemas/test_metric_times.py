"""The two times of a metric: what is a moment, and which moments are taken."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from schemas.made import T0, UTC, metric

from wattnet.schemas import MetricTimeError, NaiveTimeError, TimeRangeError


@pytest.mark.parametrize("argument", ["timestamp", "knowledge_time"])
class TestTimes:
    """Both times obey the same rules at the boundary."""

    def test_naive_is_refused(self, argument: str) -> None:
        with pytest.raises(NaiveTimeError, match="no UTC offset"):
            metric(**{argument: datetime(2025, 3, 1)})  # noqa: DTZ001  that is the point

    @pytest.mark.parametrize("moment", ["2025-03-01T00:00Z", 1_740_787_200, T0.date()])
    def test_another_type_is_refused(self, argument: str, moment: Any) -> None:
        with pytest.raises(MetricTimeError, match="aware datetime"):
            metric(**{argument: moment})

    def test_no_moment_is_refused(self, argument: str) -> None:
        with pytest.raises(MetricTimeError):
            metric(**{argument: pd.NaT})

    def test_a_pandas_timestamp_becomes_a_datetime(self, argument: str) -> None:
        made = getattr(metric(**{argument: pd.Timestamp("2025-03-01T01:00:00.000001+01:00")}), argument)
        assert type(made) is datetime
        assert made == T0.replace(microsecond=1)

    def test_nanoseconds_are_not_cut_off(self, argument: str) -> None:
        with pytest.raises(MetricTimeError, match="nanoseconds"):
            metric(**{argument: pd.Timestamp("2025-03-01T00:00:00.000000001Z")})

    def test_before_1970_is_refused(self, argument: str) -> None:
        assert getattr(metric(**{argument: datetime(1970, 1, 1, tzinfo=UTC)}), f"{argument}_us") == 0
        for moment in (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
            with pytest.raises(TimeRangeError, match="1970"):
                metric(**{argument: moment})

    @pytest.mark.parametrize("hours", [-14, 14])
    def test_a_moment_beyond_the_calendar_is_refused(self, argument: str, hours: int) -> None:
        offset = timezone(timedelta(hours=hours))
        edge = datetime.min.replace(tzinfo=offset) if hours > 0 else datetime.max.replace(tzinfo=offset)
        with pytest.raises(TimeRangeError):
            metric(**{argument: edge})

    def test_the_second_half_of_a_doubled_hour_is_another_moment(self, argument: str) -> None:
        first = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Madrid"))
        early, late = metric(**{argument: first}), metric(**{argument: first.replace(fold=1)})
        assert getattr(late, argument) - getattr(early, argument) == timedelta(hours=1)


def test_timestamps_end_with_2064() -> None:
    last = datetime(2064, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert metric(timestamp=last).timestamp_us == 2_997_993_599_999_999
    with pytest.raises(TimeRangeError, match="2065"):
        metric(timestamp=last + timedelta(microseconds=1))


def test_a_knowledge_time_may_be_a_little_ahead_but_not_a_day() -> None:
    now = datetime.now(UTC)
    assert metric(knowledge_time=now + timedelta(hours=22)).knowledge_time is not None
    with pytest.raises(TimeRangeError, match="issue time"):
        metric(knowledge_time=now + timedelta(hours=24))
