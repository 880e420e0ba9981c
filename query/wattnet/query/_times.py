"""Times as readers give them: ISO 8601, datetimes, dates, or relative to now. A time without an offset needs a zone.

Whole microseconds all the way: an integer never rounds a boundary to the wrong side.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from wattnet.query._errors import TimeError
from wattnet.schemas import suggest

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RELATIVE = re.compile(r"([+-])(\d{1,6})([smhdw])", re.ASCII)
# Spelled out, because what datetime.fromisoformat takes differs between Python 3.10 and 3.11.
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?)?"
    r" ?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_FORMS = (
    "an aware datetime, ISO 8601 with an offset ('2025-03-01T00:00:00Z'), a date, 'now', "
    "or relative to now ('-6h', '-1d')"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment: microseconds since 1970, or since now when `relative`."""

    us: int
    relative: bool = False

    def at(self, now_us: int) -> int:
        """Microseconds since 1970, if now is `now_us`."""
        return now_us + self.us if self.relative else self.us

    @classmethod
    def parse(
        cls,
        given: datetime | date | str,
        *,
        argument: str,
        zone: tzinfo | None = None,
        day_zone: tzinfo | None = None,
    ) -> Moment:
        """Read a time; `argument` names it in errors.

        "-6h" is relative to the moment of reading, in s, m, h, d (24 hours) and w; "+2d" lies ahead.

        Args:
            given: What was given as a time.
            argument: The name of the argument.
            zone: Whose clock shows a time without UTC offset, and whose days dates mean. Without it such times are
                refused.
            day_zone: Whose days dates mean where there is no `zone`. Without either dates are refused.

        Returns:
            The moment.

        Raises:
            TimeError: It cannot be parsed, is no time, or has no UTC offset and no zone.
        """
        day_zone = zone or day_zone
        if isinstance(given, datetime):
            return cls(_microseconds(_of_clock(given, zone, argument), argument))
        if isinstance(given, date):
            return cls(_microseconds(_day(given, day_zone), argument))
        if not isinstance(given, str):
            raise TimeError(f"{argument}={given!r} is a {type(given).__name__}: give {_FORMS}")
        text = given.strip()
        if text == "now":
            return NOW
        if match := _RELATIVE.fullmatch(text):
            sign, count, unit = match.groups()
            ahead = timedelta(**{_UNITS[unit]: int(count)}) // MICROSECOND
            return cls(ahead if sign == "+" else -ahead, relative=True)
        if match := _ISO.fullmatch(text):
            moment = _from_iso(match, argument)
            only_date = match[4] is None and moment.tzinfo is None
            moment = _day(moment.date(), day_zone) if only_date else _of_clock(moment, zone, argument)
            return cls(_microseconds(moment, argument))
        raise TimeError(f"{argument}={given!r} cannot be read as a time: give {_FORMS}")


NOW = Moment(0, relative=True)


def zone(name: str) -> ZoneInfo:
    """A zone of the IANA database. Raises TimeError with a suggestion."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as exc:
        meant = suggest(str(name), available_timezones())
        hint = f"did you mean {meant!r}?" if meant else "give one such as 'UTC' or 'Europe/Madrid'"
        raise TimeError(f"tz={name!r} is no zone of the IANA database: {hint}").caused_by(exc) from None


def now_us() -> int:
    """Microseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1000


def parse_time(given: datetime | str, *, argument: str, zone: tzinfo | None = None) -> datetime:
    """Read a time as `Client.metrics` takes it: '2025-03-01T00:00:00Z', 'now', '-6h', ….

    Args:
        given: The time.
        argument: What names it in errors.
        zone: Whose clock shows a time without UTC offset, and whose days dates mean; None refuses both.

    Returns:
        The moment, in UTC.

    Raises:
        TimeError: It cannot be parsed, is no time, or has no UTC offset and no zone.
    """
    moment = to_datetime(Moment.parse(given, argument=argument, zone=zone).at(now_us()))
    if isinstance(moment, str):
        raise TimeError(f"{argument}={given!r} lies outside of what a calendar has: give a nearer time")
    return moment


def bounds(start: Moment, end: Moment, *, now_us: int) -> tuple[int, int]:
    """The half-open range in microseconds since 1970. Raises TimeError for an end before its start."""
    first, after = start.at(now_us), end.at(now_us)
    if after < first:
        hint = ": it lies ahead of now, so give an end too" if end is NOW else ""
        raise TimeError(f"start {to_datetime(first)} is after end {to_datetime(after)}{hint}")
    return first, after


def to_datetime(us: int) -> datetime | str:
    """For messages: a datetime where there is one for it."""
    try:
        return EPOCH + us * MICROSECOND
    except OverflowError:
        return f"{us} µs"


def _day(day: date, zone: tzinfo | None) -> datetime:
    """Its beginning; where clocks skip midnight, the moment at which they do."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _of_clock(moment: datetime, zone: tzinfo | None, argument: str) -> datetime:
    """What the zone's clock means, if the time has no offset. A time that it shows twice, or never, is no moment."""
    if zone is None or moment != moment or moment.utcoffset() is not None:
        return moment
    earlier, later = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() == later.utcoffset():
        return earlier
    back = earlier.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None, fold=0)
    when = "comes twice that day" if back else "is left out that day"
    raise TimeError(
        f"{argument}={moment.isoformat(sep=' ')!r} {when} on the clock of {zone}: write it with its offset, or in UTC"
    )


def _microseconds(moment: datetime, argument: str) -> int:
    if moment != moment:
        raise TimeError(f"{argument}={moment!r} is no moment: give {_FORMS}")
    if moment.utcoffset() is None:
        raise TimeError(
            f"{argument}={moment.isoformat(sep=' ')!r} has no UTC offset, so nobody knows which moment it means: "
            "write the offset ('…Z', '…+01:00', tzinfo=timezone.utc), or name the zone whose clock shows it "
            "(tz='Europe/Madrid', --tz Europe/Madrid)"
        )
    return int((moment - EPOCH) // MICROSECOND)


def _from_iso(match: re.Match[str], argument: str) -> datetime:
    year, month, day, hour, minute, second, fraction, zulu, sign, hours, minutes = match.groups()
    offset = None
    try:
        if zulu:
            offset = timezone.utc
        elif sign:
            if int(minutes or 0) > 59:
                raise ValueError("an offset's minutes are below 60")  # noqa: TRY301  answered with all other bad fields
            east = timedelta(hours=int(hours), minutes=int(minutes or 0))
            offset = timezone(east if sign == "+" else -east)
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
            tzinfo=offset,
        )
    except ValueError as exc:
        raise TimeError(f"{argument}={match.string!r} is no time of the calendar: {exc}").caused_by(exc) from None
