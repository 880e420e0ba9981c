"""Times of programs that knew no offsets: naive ones are read as UTC, and a warning says so."""

from __future__ import annotations

import warnings
from datetime import datetime, timezone

UTC = timezone.utc


class NaiveTimestampWarning(UserWarning):
    """A time without a UTC offset was read as UTC."""


def as_utc(moment: datetime, what: str, *, stacklevel: int) -> datetime:
    """The moment in UTC. `what` names it and `stacklevel` frames above the caller is where it was given."""
    if moment.utcoffset() is None:
        warnings.warn(
            f"{what} {moment.isoformat(sep=' ')} has no UTC offset and is read as UTC: "
            "use datetime.now(timezone.utc), or attach the zone that it is in, such as tzinfo=timezone.utc",
            NaiveTimestampWarning,
            stacklevel=stacklevel + 1,
        )
        return moment.replace(tzinfo=UTC)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
