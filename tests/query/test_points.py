"""For how long values stand: by their resolution and its zone, or by the gaps around them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wattnet.query import InferredResolutionWarning
from wattnet.query._answer import Answer, Text
from wattnet.query._points import to_points
from wattnet.query._series import Match
from wattnet.schemas import ZONE_STATUSES, AttributeValueError, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from direct_writer import DirectWriter

    from wattnet.query import Client

UTC = timezone.utc
MADRID = ZoneInfo("Europe/Madrid")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000


def one_series(starts_us: Sequence[int], resolutions: Sequence[str] | None = None) -> Answer:
    count = len(starts_us)
    zeros = np.zeros(count, np.int32)
    return Answer(
        name="price_day_ahead",
        label_names=["zone"],
        series=[Match(1, "ES", {"zone": "ES"})],
        position=zeros,
        timestamp=np.array(starts_us, np.int64),
        value=np.zeros(count),
        valid=np.ones(count, np.bool_),
        zone_status=Text(ZONE_STATUSES, zeros + 2),
        data_state=Text([""], zeros),
        knowledge_time=np.zeros(count, np.int64),
        attributes=None if resolutions is None else Text(resolutions, np.arange(count, dtype=np.int32)),
    )


def minutes(starts: Sequence[float]) -> list[float]:
    """How many minutes each value stands for."""
    points = to_points(one_series([round(start * MINUTE_US) for start in starts]), UTC)
    lengths: list[float] = ((points.end - points.answer.timestamp) / MINUTE_US).tolist()
    return lengths


HOURS = [60.0 * n for n in range(8)]
QUARTERS = [480 + 15.0 * n for n in range(8)]


@pytest.mark.parametrize(
    ("starts", "lengths"),
    [
        ([*HOURS, *QUARTERS], [60.0] * 8 + [15.0] * 8),
        ([15.0 * n for n in range(8)] + [120 + 60.0 * n for n in range(8)], [15.0] * 8 + [60.0] * 8),
        # A hole within the hours, one within the quarters, and one just where the step changes.
        ([*HOURS[:3], *HOURS[4:], *QUARTERS], [60.0] * 7 + [15.0] * 8),
        ([*HOURS, *QUARTERS[:4], *QUARTERS[6:]], [60.0] * 8 + [15.0] * 6),
        ([*HOURS[:7], *QUARTERS], [60.0] * 7 + [15.0] * 8),
        # Five seconds late: the interval before it ends as ever, its own where the next one begins.
        ([0, 60, 120 + 5 / 60, 180, 240], [60, 60, 60 - 5 / 60, 60, 60]),
        ([0, 60, 240], [60, 60, 60]),
        ([0, 15], [15, 15]),
        ([7], [0]),
    ],
)
def test_a_step_that_is_not_said_is_that_of_the_gaps_around(starts: list[float], lengths: list[float]) -> None:
    assert minutes(starts) == pytest.approx(lengths)


def test_a_regular_series_keeps_its_step_whatever_is_missing() -> None:
    """Every fourth value, every fifth, …, and a whole stretch: no value stands for longer than a step."""
    for every in range(4, 12):
        starts = [60.0 * n for n in range(200) if n % every and not 70 < n < 90]
        assert set(minutes(starts)) == {60.0}, every


def test_days_are_those_of_their_own_zone_whoever_reads_them() -> None:
    """25 hours in Madrid in autumn, 23 in spring; without a zone those of the reader."""
    autumn, spring = (
        (datetime(2025, month, day, tzinfo=MADRID) - EPOCH) // timedelta(microseconds=1)
        for month, day in ((10, 26), (3, 30))
    )
    for said, reader, hours in (
        ("P1D Europe/Madrid", UTC, (23, 25)),
        ("P1D Europe/Madrid", ZoneInfo("Asia/Tokyo"), (23, 25)),
        ("P1D UTC", MADRID, (24, 24)),
        ("P1D", UTC, (24, 24)),
        ("P1D", MADRID, (23, 25)),
        ("P1D Europe/Madird", MADRID, (23, 25)),
        ("PT24H Europe/Madrid", MADRID, (24, 24)),
    ):
        points = to_points(one_series([spring, autumn], [said, said]), reader)
        assert ((points.end - points.answer.timestamp) / 3.6e9).tolist() == list(hours), (said, reader)
        assert not points.inferred


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25)])
def test_a_local_days_total_is_whole_without_naming_its_zone_again(
    store: DirectWriter, client: Client, name: str, day: str, hours: int
) -> None:
    """The zone is kept with the value: day, month and gaps agree, by any reader's days."""
    start = datetime.fromisoformat(day).replace(tzinfo=MADRID)
    days = [start + timedelta(days=n) for n in range(-1, 3)]
    labels = {"zone": "ES", "unit": "MWh", "resolution": "P1D"}
    store.put(*(Metric(name, 24.0 if moment != start else float(hours), moment, labels) for moment in days))
    first, after = days[0].astimezone(UTC), (start + timedelta(days=3)).astimezone(UTC)
    query = client.metrics(name, start=first, end=after)
    assert query.with_attributes().to_list()[0].attributes == {"resolution": "P1D", "resolution_tz": "Europe/Madrid"}
    assert query.gaps().to_list() == []
    for step in ("1d", "1mo", "1h"):
        frame = query.resample(step, "energy").to_pandas()
        assert frame["value"].sum() == pytest.approx(3 * 24 + hours)
        assert frame["value"].notna().all()
    hourly = query.resample("1h", "energy").to_pandas()
    assert len(hourly) == 3 * 24 + hours
    assert hourly["value"].tolist() == pytest.approx([1.0] * len(hourly))


def test_a_resampled_day_brings_its_zone_and_can_be_sent_back(store: DirectWriter, client: Client, name: str) -> None:
    """What resample makes of hours in Madrid is read as these days again, in UTC too."""
    first, after = datetime(2025, 10, 25, tzinfo=MADRID), datetime(2025, 10, 28, tzinfo=MADRID)
    hours = int((after.astimezone(UTC) - first.astimezone(UTC)) / timedelta(hours=1))
    moments = [first.astimezone(UTC) + timedelta(hours=n) for n in range(hours)]
    labels = {"zone": "ES", "unit": "MW", "resolution": "PT1H"}
    store.put(*(Metric(name, 1.0, moment, labels) for moment in moments))
    query = client.metrics(name, start=first, end=after)
    days = query.resample("1d", "energy", tz="Europe/Madrid").to_list()
    assert [(day.value, day.attributes["resolution_tz"]) for day in days] == [
        (hours, "Europe/Madrid") for hours in (24.0, 25.0, 24.0)
    ]
    assert {day.attributes["resolution_tz"] for day in query.resample("1d", "max").to_list()} == {"UTC"}
    assert all("resolution_tz" not in hour.attributes for hour in query.resample("1h", "energy").to_list())
    store.put(*days)
    again = client.metrics(name, start=first, end=after, unit="MWh")
    assert again.gaps().to_list() == []
    assert again.resample("1h", "energy").to_pandas()["value"].tolist() == pytest.approx([1.0] * hours)


def test_gaps_over_a_change_of_step_are_those_that_there_are(store: DirectWriter, client: Client, name: str) -> None:
    """Said or inferred, each gap counts the steps of its own side."""
    start = datetime(2025, 9, 30, tzinfo=UTC)
    hours = [n for n in range(24) if n not in (5, 6)]
    quarters = [24 + n / 4 for n in range(96) if n not in (40, 41, 42)]
    for product in ("said", "inferred"):
        for moments, resolution in ((hours, "PT1H"), (quarters, "PT15M")):
            labels = {"zone": "ES", "product": product, "resolution": resolution if product == "said" else None}
            store.put(*(Metric(name, 1.0, start + timedelta(hours=hour), labels) for hour in moments))
    query = client.metrics(name, start=start, end=start + timedelta(hours=48))
    with pytest.warns(InferredResolutionWarning, match="from the gaps around them, PT15M, PT1H"):
        gaps = query.gaps()
    assert [((gap.start - start) / timedelta(hours=1), gap.missing) for gap in gaps] == [(5, 2), (34, 3)] * 2


def test_a_zone_of_days_is_checked() -> None:
    for wrong in ("Europe/Madird", "+01:00", 1, "../etc/passwd"):
        with pytest.raises(AttributeValueError, match=r"resolution_tz .* is no zone of the IANA database"):
            Metric("some_load", 1.0, datetime(2025, 3, 1, tzinfo=UTC), {"resolution": "P1D", "resolution_tz": wrong})
    metric = Metric(
        "some_load", 1.0, datetime(2025, 3, 1, tzinfo=MADRID), {"resolution": "P1D", "resolution_tz": "UTC"}
    )
    assert metric.attributes["resolution_tz"] == "UTC", "what is said wins over the timestamp's zone"
    assert "resolution_tz" not in metric.labels
