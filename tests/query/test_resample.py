"""Buckets of time: the same as a plain loop over a zone's clock finds, in every zone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattnet.query import QuestionError
from wattnet.query._calendar import Clock, bucket_edges, runs
from wattnet.query._step import DAY_US, parse_duration, parse_step
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from direct_writer import DirectWriter

    from wattnet.query import Client, Query

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
MADRID = ZoneInfo("Europe/Madrid")
ZONES = [
    *("UTC", "Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("America/Sao_Paulo", "America/Havana", "Africa/Casablanca", "Pacific/Apia", "Asia/Beirut", "America/St_Johns"),
]


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def bucket_of(moment: datetime, step: str, zone: ZoneInfo, *, repeats_whole_steps: bool) -> object:
    """What names a moment's bucket, read off the wall clock."""
    local = moment.astimezone(zone)
    if step == "1d":
        return local.date()
    if step == "1w":
        return local.date() - timedelta(days=local.weekday())
    if step.endswith("mo"):
        return (local.year * 12 + local.month - 1) // int(step[:-2])
    if step == "1y":
        return local.year
    minutes = {"15min": 15, "30min": 30, "1h": 60, "2h": 120, "6h": 360}[step]
    block = (local.hour * 60 + local.minute) // minutes
    return local.date(), block, local.utcoffset() if repeats_whole_steps else None


@settings(max_examples=100, deadline=None)
@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    step=st.sampled_from(["15min", "30min", "1h", "2h", "6h", "1d", "1w", "1mo", "3mo", "1y"]),
    year=st.integers(2005, 2030),
    which=st.integers(0, 3),
    before=st.integers(0, 160),
)
def test_edges_are_where_the_wall_clock_says(zone: ZoneInfo, step: str, year: int, which: int, before: int) -> None:
    """Around every kind of change of clocks, walked in steps of a quarter of an hour."""
    clock = Clock.of(zone, us(datetime(year, 1, 1, tzinfo=UTC)), us(datetime(year + 1, 1, 1, tzinfo=UTC)))
    changes = clock.starts[1:].tolist() or [us(datetime(year, 3, 1, tzinfo=UTC))]
    start = EPOCH + timedelta(microseconds=changes[which % len(changes)]) - before * QUARTER
    # On a grid: St John's changed its clocks at one minute past midnight.
    start = EPOCH + (start - EPOCH) // QUARTER * QUARTER
    walked = [start + number * QUARTER for number in range(200)]
    edges = bucket_edges(parse_step(step), zone, us(walked[0]), us(walked[-1] + QUARTER))
    assert edges[0] <= us(walked[0]) < edges[1], "the first bucket holds the start"
    assert edges[-2] <= us(walked[-1]) < edges[-1], "the last one the last moment"

    offsets = [moment.astimezone(zone).utcoffset() or timedelta() for moment in walked]
    back = [a - b for a, b in pairwise(offsets) if a > b]
    size = parse_step(step).us
    whole = bool(back) and all(size and (change // timedelta(microseconds=1)) % size == 0 for change in back)
    buckets = np.searchsorted(edges, [us(moment) for moment in walked], side="right")
    seen: dict[object, int] = {}
    for moment, bucket in zip(walked, buckets.tolist(), strict=True):
        name = bucket_of(moment, step, zone, repeats_whole_steps=whole)
        if zone.key == "America/St_Johns" and year < 2012 and back:
            continue  # the clock went back from 00:01 to 23:01: the new day had begun already
        assert seen.setdefault(name, bucket) == bucket, f"{moment} is in the same bucket as all of {name}"
    assert len(set(seen.values())) == len(seen), "and no bucket has two names"


def test_lengths_of_days_and_blocks_when_clocks_change() -> None:
    def hours(step: str, zone: str, day: datetime) -> list[float]:
        start = us(day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
        end = us((day + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
        widths: list[float] = (np.diff(bucket_edges(parse_step(step), ZoneInfo(zone), start, end)) / 3.6e9).tolist()
        return widths

    spring, autumn = datetime(2025, 3, 30), datetime(2025, 10, 26)  # noqa: DTZ001  local
    assert (hours("1d", "Europe/Madrid", spring), hours("1d", "Europe/Madrid", autumn)) == ([23], [25])
    assert (len(hours("1h", "Europe/Madrid", spring)), len(hours("1h", "Europe/Madrid", autumn))) == (23, 25)
    assert hours("6h", "Europe/Madrid", spring) == [5, 6, 6, 6]
    assert hours("6h", "Europe/Madrid", autumn) == [7, 6, 6, 6]
    lord_howe = datetime(2025, 4, 6)  # noqa: DTZ001  back by half an hour at 02:00
    assert hours("1d", "Australia/Lord_Howe", lord_howe) == [24.5]
    assert hours("1h", "Australia/Lord_Howe", lord_howe)[:3] == [1, 1.5, 1]
    assert set(hours("30min", "Australia/Lord_Howe", lord_howe)) == {0.5}
    # Back from 03:45 to 02:45, in the midst of a bucket: it goes on.
    assert hours("1h", "Pacific/Chatham", lord_howe) == [1] * 25


def test_runs_are_few_and_are_the_edges() -> None:
    year = us(datetime(2024, 1, 1, tzinfo=UTC)), us(datetime(2025, 1, 1, tzinfo=UTC))
    for step, most in (("15min", 1), ("1h", 1), ("1d", 5), ("1mo", 13)):
        edges = bucket_edges(parse_step(step), MADRID, *year)
        starts, widths = runs(edges)
        again = [np.arange(a, b, w) for a, b, w in zip(starts, [*starts[1:], edges[-1]], widths, strict=True)]
        assert np.array_equal(np.concatenate(again), edges[:-1])
        assert len(starts) <= most


def test_steps_are_read_and_refused() -> None:
    same = {"15min": "PT15M", "1h": "PT1H", "1d": "P1D", "1w": "P7D", "3mo": "P3M", "1y": "P1Y", "P1W": "P7D"}
    assert {text: parse_step(text).iso for text in same} == same
    assert [parse_duration(text) for text in ("", "P", "PT", "PT0S", "1h", "PT1.5H", "P999999Y")] == [None] * 7
    long = parse_duration("P1Y2M3DT4H5M6S")
    assert long is not None
    assert long.iso == "P1Y2M3DT4H5M6S"
    for text in ("7h", "2d", "5mo", "2y", "P1DT1H"):
        with pytest.raises(QuestionError, match="no buckets that begin"):
            parse_step(text)
    for bad in ("", "1", "99999y", "h", "-1h", "0min", "1 fortnight", 3600, None):
        with pytest.raises(QuestionError, match="step"):
            parse_step(bad)


# A zone, and a day on which its clocks change.
CHANGES = [("Europe/Madrid", "2025-10-26"), ("Australia/Lord_Howe", "2025-04-06"), ("Asia/Kathmandu", "2025-04-06")]
AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "mean": lambda values: sum(values) / len(values),
    "sum": sum,
    "min": min,
    "max": max,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "count": len,
}


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_clickhouse_puts_each_value_into_the_bucket_of_its_moment(
    store: DirectWriter, client: Client, name: str, zone: str, day: str
) -> None:
    """Current values only, every way to make one of several, on days whose clocks change, hour by hour."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - 10 * HOUR
    moments = [start + number * timedelta(minutes=20) for number in range(180) if number % 7]
    values = [float((number * 37) % 101) for number in range(len(moments))]
    labels = {"zone": "ES", "unit": "MW"}
    store.put(*(Metric(name, -1.0, moment, labels) for moment in moments))
    store.put(*(Metric(name, value, moment, labels) for moment, value in zip(moments, values, strict=True)))
    query = client.metrics(name, start=moments[0], end=moments[-1] + HOUR)
    hows = {"1h": ["mean"], "6h": [*AGGREGATES] if zone == "Europe/Madrid" else ["sum"], "1d": ["count"]}
    for step, asked in hows.items():
        edges = bucket_edges(parse_step(step), ZoneInfo(zone), us(moments[0]), us(moments[-1] + HOUR))
        groups: dict[int, list[float]] = {}
        for moment, value in zip(moments, values, strict=True):
            bucket = int(edges[np.searchsorted(edges, us(moment), side="right") - 1])
            groups.setdefault(bucket, []).append(value)
        for how in asked:
            aggregate = AGGREGATES[how]
            frame = query.resample(step, how, tz=zone).to_pandas()
            assert str(frame["timestamp"].dt.tz) == zone
            assert [us(moment.to_pydatetime()) for moment in frame["timestamp"]] == list(groups)
            assert frame["value"].tolist() == pytest.approx([aggregate(group) for group in groups.values()])
            assert frame["count"].tolist() == [len(group) for group in groups.values()]


@pytest.fixture
def query(store: DirectWriter, client: Client, name: str) -> Query:
    """Wind at 0:00, 0:30 (invalid, preview), 3:00 and 3:30 UTC, known late; solar at 1:00, revised and withdrawn."""
    t0 = datetime(2025, 3, 1, tzinfo=UTC)

    def metric(value: float | None, hour: float, known: int, kind: str, **more: Any) -> Metric:
        labels = {"zone": "ES", "production_type": kind, "unit": "MW", **more}
        return Metric(name, value, t0 + hour * HOUR, labels, knowledge_time=t0 + known * HOUR)

    store.put(
        metric(1.0, 0, 10, "wind"),
        metric(3.0, 0.5, 11, "wind", valid=False, zone_status="preview"),
        metric(5.0, 3, 10, "wind"),
        metric(7.0, 3.5, 12, "wind"),
        metric(9.0, 1, 10, "solar"),
        metric(2.0, 2, 10, "solar"),
        metric(None, 2, 13, "solar"),
    )
    return client.metrics(name, start=t0, end=t0 + 5 * HOUR)


def rows(query: Query) -> list[tuple[str, int, float | None, int]]:
    """Type, hour, value and count."""
    return [
        (metric.labels["production_type"], metric.timestamp.hour, metric.value, int(metric.attributes["count"]))
        for metric in query.to_list()
    ]


def test_a_bucket_is_as_good_as_its_worst_value(query: Query) -> None:
    hourly = query.resample("1h").to_list()
    solar, night, morning = hourly
    assert (solar.valid, solar.zone_status, solar.data_state) == (True, "complete", "")
    assert (night.value, night.valid, night.zone_status) == (2.0, False, "preview")
    assert night.knowledge_time == datetime(2025, 3, 1, 11, tzinfo=UTC), "the latest of its values'"
    assert morning.attributes == {"resolution": "PT1H", "count": "2"}
    assert rows(query.valid_only().resample("1h"))[1] == ("wind", 0, 1.0, 1), "what is left out is not in the bucket"
    assert rows(query.resample("1h").as_of("2025-03-01T10:00Z")) == [
        ("solar", 1, 9.0, 1),
        ("solar", 2, 2.0, 1),
        ("wind", 0, 1.0, 1),
        ("wind", 3, 5.0, 1),
    ]


def test_gaps_stay_gaps_unless_they_are_filled(query: Query) -> None:
    assert rows(query.resample("1h")) == [("solar", 1, 9.0, 1), ("wind", 0, 2.0, 2), ("wind", 3, 6.0, 2)]
    wind = [("wind", 0, 2.0, 2), ("wind", 1, 0.0, 0), ("wind", 2, 0.0, 0), ("wind", 3, 6.0, 2), ("wind", 4, 0.0, 0)]
    zero = query.resample("1h", fill="zero")
    assert rows(zero)[5:] == wind
    assert [row[2] for row in rows(query.resample("1h", fill=-1))] == [-1, 9, -1, -1, -1, 2, -1, -1, 6, -1]
    previous = [row[1:3] for row in rows(query.resample("1h", fill="previous"))]
    assert previous == [(1, 9), (2, 9), (3, 9), (4, 9), (0, 2), (1, 2), (2, 2), (3, 6), (4, 6)]
    interpolated = [row[1:3] for row in rows(query.resample("1h", fill="interpolate"))]
    assert interpolated == [(1, 9), (0, 2), (1, pytest.approx(10 / 3)), (2, pytest.approx(14 / 3)), (3, 6)]
    added = zero.to_list()[6]
    assert (added.value, added.valid, added.zone_status) == (0.0, False, "missing")


def test_every_form_has_the_buckets(query: Query) -> None:
    asked = query.resample("1d", "max", tz="Asia/Kathmandu")
    frame = asked.to_pandas()
    assert list(frame.columns)[-2:] == ["knowledge_time", "count"]
    assert frame["timestamp"].iloc[0].isoformat() == "2025-03-01T00:00:00+05:45"
    polars = asked.to_polars()
    assert str(polars.schema["timestamp"]).startswith("Datetime(time_unit='us', time_zone='Asia/Kathmandu'")
    assert polars["value"].to_list() == asked.to_arrow()["value"].to_pylist() == [9.0, 7.0]
    assert str(asked.to_pandas(wide=True).index.tz) == "Asia/Kathmandu"  # type: ignore[attr-defined]
    assert asked.to_arrow(wide=True).schema.field("timestamp").type.tz == "Asia/Kathmandu"
    assert len(asked.limit(1).to_list()) == len(asked.resample("1h", fill=0).limit(1).to_list()) == 1
    assert list(asked.iter_rows()) == asked.to_list()
    assert "roundDown" in asked.explain()
    empty = query.as_of("1970-01-01T00:00Z").resample("1h", fill="zero").to_pandas()
    assert (len(empty), str(empty["count"].dtype), str(empty["valid"].dtype)) == (0, "int64", "bool")


def test_contradictions_are_refused_at_once(query: Query, client: Client, name: str) -> None:
    with pytest.raises(QuestionError, match="did you mean 'energy'"):
        query.resample("1h", "enrgy")
    with pytest.raises(QuestionError, match="fill='last'"):
        query.resample("1h", fill="last")
    with pytest.raises(QuestionError, match="no zone"):
        query.resample("1h", tz="Europe/Madird")
    for refused in (query.history, query.latest, query.with_attributes):
        with pytest.raises(QuestionError, match="exclude each other"):
            refused().resample("1h")
    with pytest.raises(QuestionError, match="buckets"):
        client.metrics(name, start="1970-01-01", end="2090-01-01").resample("1s").to_list()


def test_a_week_and_a_month_begin_where_the_calendar_says() -> None:
    start = us(datetime(2025, 3, 5, tzinfo=UTC))
    week, month, year = (
        EPOCH + timedelta(microseconds=int(bucket_edges(parse_step(step), MADRID, start, start + DAY_US)[0]))
        for step in ("1w", "1mo", "1y")
    )
    assert week.astimezone(MADRID).isoformat() == "2025-03-03T00:00:00+01:00"
    assert month.astimezone(MADRID).isoformat() == "2025-03-01T00:00:00+01:00"
    assert year.astimezone(MADRID).isoformat() == "2025-01-01T00:00:00+01:00"


def test_a_month_later_is_within_the_month() -> None:
    """A value of a month that begins on the 31st ends with February, at the same time of the local day."""
    clock = Clock.of(MADRID, 0, us(datetime(2030, 1, 1, tzinfo=UTC)))
    begin = datetime(2025, 1, 31, 12, tzinfo=MADRID)
    for step, end in (("P1M", "2025-02-28T12:00:00+01:00"), ("P2M", "2025-03-31T12:00:00+02:00")):
        duration = parse_duration(step)
        assert duration is not None
        later = int(clock.plus(np.array([us(begin.astimezone(UTC))]), duration)[0])
        assert (EPOCH + timedelta(microseconds=later)).astimezone(MADRID).isoformat() == end
