"""Times at the boundary: aware in, UTC with microseconds inside, integers on the wire."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from wattnet.schemas._errors import MetricTimeError, NaiveTimeError, TimeRangeError

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# The tables make a partition a year and take fewer than 100 of them in one insert.
END_OF_TIME = datetime(2065, 1, 1, tzinfo=UTC)
END_OF_TIME_US = (END_OF_TIME - EPOCH) // MICROSECOND

# The tables refuse more than a day ahead of the message's own time: the last hour is left to clocks that differ.
KNOWLEDGE_AHEAD_H = 23
KNOWLEDGE_AHEAD_US = KNOWLEDGE_AHEAD_H * 3600 * 1_000_000


def to_utc(moment: object, what: str) -> datetime:
    """An aware datetime of any offset as a plain datetime in UTC; `what` names it in errors."""
    if not isinstance(moment, datetime):
        raise MetricTimeError(
            f"{what} {moment!r} is a {type(moment).__name__}: give an aware datetime, "
            "such as datetime(2025, 3, 1, tzinfo=timezone.utc)"
        )
    try:
        aware = moment.utcoffset() is not None
        plain = datetime(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            moment.tzinfo,
            fold=moment.fold,
        )
    except (TypeError, ValueError) as exc:  # pandas.NaT is a datetime by its class only
        raise MetricTimeError(f"{what} {moment!r} is no moment: give an aware datetime").caused_by(exc) from None
    if not aware:
        raise NaiveTimeError(
            f"{what} {moment!r} has no UTC offset, so it could mean any zone's clock: "
            "attach the zone that it is in, such as tzinfo=timezone.utc or ZoneInfo('Europe/Madrid')"
        )
    if getattr(moment, "nanosecond", 0):
        raise MetricTimeError(f"{what} {moment!r} has nanoseconds, which would be lost: round it first, .floor('us')")
    try:
        return plain.astimezone(UTC)
    except OverflowError as exc:
        raise out_of_range(moment, what).caused_by(exc) from None


def out_of_range(moment: datetime, what: str) -> TimeRangeError:
    return TimeRangeError(
        f"{what} {moment.isoformat()} is out of range: the tables keep 1970-01-01 up to, and without, 2065-01-01 UTC. "
        "Is it in the right unit (seconds, milliseconds)?"
    )


def to_knowledge_time_us(moment: object) -> int:
    """Microseconds since 1970 of an aware datetime, if it may be a knowledge_time. Raises MetricTimeError."""
    return knowledge_time_us(to_utc(moment, "knowledge_time"))


def knowledge_time_us(moment: datetime) -> int:
    """Microseconds since 1970 of a knowledge_time in UTC; refused before 1970 and more than 23 hours ahead of now."""
    since_epoch = (moment - EPOCH) // MICROSECOND
    if since_epoch < 0:
        raise TimeRangeError(f"knowledge_time {moment.isoformat()} is before 1970, which the tables do not keep")
    if since_epoch > time.time_ns() // 1000 + KNOWLEDGE_AHEAD_US:
        raise TimeRangeError(
            f"knowledge_time {moment.isoformat()} is more than {KNOWLEDGE_AHEAD_H} hours ahead: it says when the value "
            "became known. For a forecast that is its issue time; the time it is for is the timestamp"
        )
    return since_epoch
