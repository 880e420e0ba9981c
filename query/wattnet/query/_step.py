"""Steps of time as people write them ("15min", "1d", "PT1H", "P1M"): how far a bucket or a value reaches.

A step has a part of the calendar (months, days) and a part of the clock (microseconds). A calendar day has 23, 24 or 25
hours, as its zone's clock says; an hour always has 60 minutes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wattnet.query._errors import QuestionError

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_STEP = re.compile(r"(\d{1,6}) ?(s|min|h|d|w|mo|y)", re.ASCII)
# ISO 8601 durations, https://en.wikipedia.org/wiki/ISO_8601#Durations; only whole numbers, which resolutions are.
_ISO = re.compile(
    r"P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?",
    re.ASCII,
)
# A value or bucket that is longer is a slip, and arithmetic on it leaves the calendar.
_LONGEST_US = 11 * 366 * DAY_US

_FORMS = "'15min', '1h', '1d', '1w', '1mo', '1y', or ISO 8601: 'PT15M', 'P1D'"


@dataclass(frozen=True, slots=True)
class Step:
    """Months and days of the calendar and microseconds of the clock; of buckets, one of the three."""

    months: int = 0
    days: int = 0
    us: int = 0

    @property
    def longest_us(self) -> int:
        """No shorter than this step ever is: a month of 31 days, a day of 25 hours."""
        return self.months * 31 * DAY_US + self.days * 25 * HOUR_US + self.us

    def times(self, count: int) -> Step:
        """So many of it, one after the other."""
        return Step(self.months * count, self.days * count, self.us * count)

    @property
    def iso(self) -> str:
        """The ISO 8601 duration: 'PT15M', 'P7D', 'P3M', 'P1Y'."""
        years, months = divmod(self.months, 12)
        seconds = self.us // SECOND_US
        hours, minutes = seconds // 3600, seconds % 3600 // 60
        date = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (self.days, "D")) if n)
        time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds % 60, "S")) if n)
        return f"P{date}T{time}" if time else f"P{date}"


def parse_duration(text: str) -> Step | None:
    """An ISO 8601 duration ('PT15M', 'P1M'), as resolutions are; None for what is none, empty, or over ten years."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    us = hours * HOUR_US + minutes * MINUTE_US + seconds * SECOND_US
    step = Step(months=12 * years + months, days=7 * weeks + days, us=us)
    return step if 0 < step.longest_us <= _LONGEST_US else None


def parse_step(given: object) -> Step:
    """A step for buckets: what divides a day, a day, a week (from Monday), months that divide a year, or a year.

    Raises QuestionError for any other: a bucket of 7 hours or 10 days has no natural start.
    """
    step = _parsed(given)
    clock = bool(step.us) and not step.days and not step.months and DAY_US % step.us == 0
    days = step.days in (1, 7) and not step.us and not step.months
    months = bool(step.months) and (step.months == 12 or 12 % step.months == 0) and not step.us and not step.days
    if not (clock or days or months):
        raise QuestionError(
            f"step {given!r} gives no buckets that begin at the same time everywhere: take one that divides a day "
            "('15min', '6h'), '1d', '1w', months that divide a year ('1mo', '3mo'), or '1y'"
        )
    return step


def parse_gap_step(given: object) -> Step:
    """A step from one value to the next: any length. Raises QuestionError."""
    return _parsed(given)


def _parsed(given: object) -> Step:
    if not isinstance(given, str):
        raise QuestionError(f"step {given!r} is a {type(given).__name__}: give a string such as {_FORMS}")
    text = given.strip()
    if match := _STEP.fullmatch(text):
        count, unit = int(match[1]), match[2]
        step = {
            "s": Step(us=count * SECOND_US),
            "min": Step(us=count * MINUTE_US),
            "h": Step(us=count * HOUR_US),
            "d": Step(days=count),
            "w": Step(days=7 * count),
            "mo": Step(months=count),
            "y": Step(months=12 * count),
        }[unit]
    else:
        step = parse_duration(text) or Step()
    if not 0 < step.longest_us <= _LONGEST_US:
        raise QuestionError(f"step {given!r} cannot be read: give a string such as {_FORMS}")
    return step
