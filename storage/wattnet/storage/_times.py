"""Times of programs that knew no offsets: naive ones are of this process's zone, as in 1.1, and a warning says so."""

from __future__ import annotations

import warnings
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeGuard

UTC = timezone.utc


class NaiveTimestampWarning(UserWarning):
    """A time without a UTC offset was read in the zone of this process."""


def is_moment(given: object) -> TypeGuard[datetime]:
    """Whether it is a datetime, and not pandas.NaT, which is one by its class only."""
    return isinstance(given, datetime) and given == given


def as_utc(moment: datetime, what: str, *, stacklevel: int) -> datetime:
    """The moment in UTC; raises TypeError for what is none.

    `what` names it, and `stacklevel` frames above the caller is where it was given.
    """
    if not is_moment(moment):
        raise TypeError(
            f"{what} is {moment!r}: give an aware datetime, such as datetime(2025, 3, 1, tzinfo=timezone.utc)"
        )
    if moment.utcoffset() is None:
        local = moment.astimezone()
        warnings.warn(
            f"{what} {moment.isoformat(sep=' ')} has no UTC offset and is read in the zone of this process "
            f"({local.tzname()}): use datetime.now(timezone.utc), or attach the zone that it is in, such as "
            "tzinfo=timezone.utc",
            NaiveTimestampWarning,
            stacklevel=stacklevel + 1,
        )
        return local.astimezone(UTC)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
