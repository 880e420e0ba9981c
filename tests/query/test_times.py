"""Times: aware, exact, half-open, or refused with a remedy."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattnet.query import Client, TimeError, parse_time
from wattnet.query._times import EPOCH, NOW, Moment, bounds

UTC = timezone.utc
NOW_US = 1_740_787_200_000_000  # 2025-03-01T00:00Z
HOUR_US = 3_600_000_000
NAIVE = datetime(2025, 3, 1)  # noqa: DTZ001  naive on purpose


def us(given: datetime | str) -> int:
    return Moment.parse(given, argument="start").at(NOW_US)


@pytest.mark.parametrize(
    "given",
    [
        "2025-03-01T00:00:00Z",
        "2025-03-01T00:00Z",
        "2025-03-01 00:00:00+00:00",
        "2025-03-01 00:00:00 +00:00",
        "2025-03-01T01:00:00.000+01:00",
        "2025-02-28t19:00:00,000000-0500",
        "2025-03-01T05:45:00+05:45",
        "2025-03-01T02:00+02",
        " 2025-03-01T00:00:00z ",
        "now",
        "-0s",
        datetime(2025, 3, 1, tzinfo=UTC),
        datetime(2025, 3, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo")),
        pd.Timestamp("2025-03-01T01:00+01:00"),
    ],
)
def test_one_moment_in_many_spellings(given: datetime | str) -> None:
    """Any offset and the usual forms of ISO 8601 mean the same moment, on every Python."""
    assert us(given) == NOW_US


@given(st.datetimes(datetime(1970, 1, 1), datetime(2064, 12, 31)), st.integers(-14 * 60 + 1, 14 * 60 - 1))  # noqa: DTZ001  hypothesis wants naive bounds
def test_microseconds_are_exact(naive: datetime, east_minutes: int) -> None:
    """No float comes near a boundary: a datetime and its ISO text are the same integer."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=east_minutes)))
    expected = (moment - EPOCH) // timedelta(microseconds=1)
    assert us(moment) == us(moment.isoformat()) == us(moment.isoformat(sep=" ")) == expected


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("-30s", -30), ("-30m", -1800), ("-6h", -21600), ("-1d", -86400), ("-2w", -1209600), ("+2d", 172800)],
)
def test_relative_times_count_from_the_moment_of_reading(given: str, seconds: int) -> None:
    """A day is 24 hours, and '+' lies ahead."""
    assert us(given) == NOW_US + seconds * 1_000_000
    assert Moment.parse(given, argument="start").at(0) == seconds * 1_000_000


def test_the_two_hours_of_a_clock_set_back_are_two_hours() -> None:
    """02:30 in Madrid happened twice on 26 October 2025; fold says which."""
    first = datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Madrid"))
    assert us(first.replace(fold=1)) - us(first) == HOUR_US


@pytest.mark.parametrize(
    "given",
    [NAIVE, "2025-03-01T00:00:00", "2025-03-01", date(2025, 3, 1), "2025-03-01 12:00", pd.Timestamp("2025-03-01")],
)
def test_naive_times_are_refused_with_a_remedy(given: datetime | str) -> None:
    """Nobody knows which moment they mean."""
    with pytest.raises(TimeError, match=r"start=.*2025-03-01.* has no UTC offset.*timezone\.utc"):
        us(given)


@pytest.mark.parametrize(
    "given",
    [
        "", "yesterday", "-1", "1d", "-1y", "- 1d", "-1d ago", "-1.5h", "2025-13-01T00:00Z", "2025-02-29T00:00Z",
        "2025-03-01T24:00Z", "2025-03-01T00:00:60Z", "2025-03-01T00:00+25:00", "2025-03-01T00:00+01:75",
        "2025-03-01T00:00:00.1234567Z", "٢٠٢٥-03-01T00:00Z", "now-1d", "1740787200", 1740787200, 0.5, None, b"now",
        pd.NaT,
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(given: object) -> None:
    """The message names the argument and what was given."""
    with pytest.raises(TimeError, match="start="):
        us(given)  # type: ignore[arg-type]  # wrong on purpose


def test_a_date_is_the_beginning_of_its_day() -> None:
    """In the zone that is given; a day on which clocks change is as long as it is, and where midnight is skipped it
    begins when they do."""
    madrid, havana = ZoneInfo("Europe/Madrid"), ZoneInfo("America/Havana")

    def day(given: date | str, where: ZoneInfo) -> int:
        return Moment.parse(given, argument="start", day_zone=where).at(0)

    assert day("2025-03-01", madrid) == day(date(2025, 3, 1), madrid) == NOW_US - HOUR_US
    assert day("2025-03-31", madrid) - day("2025-03-30", madrid) == 23 * HOUR_US
    assert day("2025-10-27", madrid) - day("2025-10-26", madrid) == 25 * HOUR_US
    assert day("2025-03-09", havana) == us("2025-03-09T05:00Z"), "00:00 to 01:00 does not exist"
    with pytest.raises(TimeError, match=r"has no UTC offset.*tz='Europe/Madrid'"):
        Moment.parse("2025-03-01T00:00", argument="start", day_zone=madrid)
    with pytest.raises(TimeError, match="did you mean 'Europe/Madrid'"):
        Client(tz="Europe/Madird")


@pytest.mark.parametrize(
    "given", [NAIVE, "2025-03-01T00:00", "2025-03-01 00:00:00.000", "2025-03-01", date(2025, 3, 1), pd.Timestamp(NAIVE)]
)
def test_a_time_without_an_offset_is_one_of_the_zones_clock(given: datetime | str) -> None:
    """Once a zone is named, nothing has to be guessed; an offset that is there wins over it."""
    madrid = ZoneInfo("Europe/Madrid")
    assert Moment.parse(given, argument="start", zone=madrid).at(0) == NOW_US - HOUR_US
    assert Moment.parse("2025-03-01T00:00Z", argument="start", zone=madrid).at(0) == NOW_US
    assert parse_time(given, argument="start", zone=madrid) == datetime(2025, 2, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "when"), [("2025-03-30 02:30", "is left out that day"), ("2025-10-26T02:30:00", "comes twice that day")]
)
def test_what_a_clock_shows_twice_or_never_is_no_moment(clock: str, when: str) -> None:
    """The error names the zone and the remedy, for a text as for a datetime."""
    for naive in (clock, datetime.fromisoformat(clock)):
        with pytest.raises(
            TimeError, match=rf"start='{clock[:10]}.* {when} on the clock of Europe/Madrid: write it with"
        ):
            Moment.parse(naive, argument="start", zone=ZoneInfo("Europe/Madrid"))


def test_every_time_of_a_client_with_a_zone_is_of_its_clock() -> None:
    """Its metrics, as_of, balance (there the call's zone goes first), changed_since and follow."""
    client = Client("http://127.0.0.1:1", tz="Europe/Madrid")
    clock, madrid = "2025-03-01 00:00", ZoneInfo("Europe/Madrid")
    asked = client.metrics("zone_load", start=clock, end="2025-03-02 00:00").as_of(clock)._question
    assert asked.range_us() == (NOW_US - HOUR_US, NOW_US + 23 * HOUR_US)
    assert asked.as_of == Moment(NOW_US - HOUR_US)
    client.follow("zone_load", start=datetime(2025, 3, 1)).close()  # noqa: DTZ001  naive on purpose
    compared = client._comparison("2025-03-01 01:00", "2025-03-02", "1h", "Asia/Tokyo", None, None, {}).question
    assert compared.range_us() == (NOW_US - 8 * HOUR_US, NOW_US + 15 * HOUR_US)
    assert Client("http://127.0.0.1:1", tz="UTC").metrics("zone_load", start=clock)._question.start == Moment(NOW_US)
    assert compared.day_zone != madrid


def test_an_end_before_its_start_is_refused() -> None:
    """An inverted range is a mistake, not an empty answer."""
    early, late = Moment(0), Moment(1)
    assert bounds(early, early, now_us=NOW_US) == (0, 0)
    with pytest.raises(TimeError, match=r"start 1970.* is after end 1970"):
        bounds(late, early, now_us=NOW_US)
    with pytest.raises(TimeError, match="give an end too"):
        bounds(Moment.parse("+1d", argument="start"), NOW, now_us=NOW_US)


def test_bad_times_are_refused_before_anything_is_read() -> None:
    """The client has not even connected: nothing listens at this address."""
    client = Client("http://127.0.0.1:1")
    aware = datetime(2025, 3, 1, tzinfo=UTC)
    for wrong in (
        {"start": NAIVE},
        {"start": aware, "end": NAIVE},
        {"start": aware, "as_of": "2025-03-01T00:00"},
        {"start": aware, "end": aware - timedelta(seconds=1)},
    ):
        with pytest.raises(ValueError):
            client.metrics("zone_load", zone="ES", **wrong)
