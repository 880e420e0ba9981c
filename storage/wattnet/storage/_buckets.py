"""Which range of time a question means: whole buckets of the repository's step.

Buckets are counted from 1970-01-01T00:00Z. For a step that divides a day that is from midnight UTC; any other step has
buckets of one length all the same, over midnights too.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from wattnet.storage._times import as_utc

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def bucket_range(
    start: datetime | None, end: datetime | None, *, step_minutes: int, now: datetime | None = None, stacklevel: int = 1
) -> tuple[datetime, datetime]:
    """The half-open range of whole buckets, in UTC.

    Neither side: the bucket of now. One side: the bucket that it lies in. Both: from the beginning of the bucket of
    `start` to `end`, rounded up to a whole bucket; when that is nothing, the one bucket. Naive times are this process's
    with a NaiveTimestampWarning, `stacklevel` frames above the caller.

    Raises ValueError for an end before its start, also within one bucket.
    """
    step = timedelta(minutes=step_minutes)
    first = None if start is None else as_utc(start, "start", stacklevel=stacklevel + 1)
    after = None if end is None else as_utc(end, "end", stacklevel=stacklevel + 1)
    if first is None or after is None:
        side = first or after or now or datetime.now(timezone.utc)
        bucket = _floor(side, step)
        return bucket, bucket + step
    if after < first:
        raise ValueError(f"end {after.isoformat()} is before start {first.isoformat()}: exchange them")
    begin = _floor(first, step)
    return begin, max(-(-(after - EPOCH) // step) * step + EPOCH, begin + step)


def _floor(moment: datetime, step: timedelta) -> datetime:
    return (moment - EPOCH) // step * step + EPOCH
