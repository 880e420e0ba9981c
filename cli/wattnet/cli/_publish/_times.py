"""Times as files hold them. Without an offset they mean the clock of the zone that --tz names, and nothing else."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import typer

from wattnet.query import TimeError, parse_time

FORMS = "write ISO 8601, such as 2025-03-01T00:00:00Z, 2025-03-01 01:00+01:00 or (with --tz) 2025-03-01 00:00"


class BadTimeError(ValueError):
    """A cell that is no moment."""


def zone_of(name: str | None) -> tzinfo | None:
    """The zone that --tz names. Raises BadParameter for one that there is not."""
    if name is None:
        return None
    try:
        return ZoneInfo("UTC" if name.upper() == "UTC" else name)
    except (OSError, ValueError, KeyError):
        raise typer.BadParameter(f"--tz {name!r} is no time zone: give one like Europe/Madrid, or UTC") from None


def read_time(cell: object, column: str, zone: tzinfo | None) -> datetime:
    """The moment in a cell: a text, or a datetime as Parquet has them. Raises BadTimeError."""
    if isinstance(cell, str):
        return _from_text(cell.strip(), column, zone)
    if not isinstance(cell, datetime):
        raise BadTimeError(f"{column} {cell!r} is a {type(cell).__name__} and no time: {FORMS}")
    if cell.tzinfo is None:
        return _in_zone(cell, column, zone)
    return cell


# A file's times repeat, once for every series.
@lru_cache(maxsize=65_536)
def _from_text(text: str, column: str, zone: tzinfo | None) -> datetime:
    if not text[:1].isdigit():  # "now" and "-6h" are for questions
        raise BadTimeError(f"{column} {text!r} is no time: {FORMS}")
    try:
        return parse_time(text, argument=column)
    except TimeError:
        try:
            clock = parse_time(f"{text}Z", argument=column).replace(tzinfo=None)
        except TimeError:
            raise BadTimeError(f"{column} {text!r} is no time: {FORMS}") from None
    return _in_zone(clock, column, zone)


def _in_zone(clock: datetime, column: str, zone: tzinfo | None) -> datetime:
    """What a clock of the zone means. The hour that a clock shows twice, or never, is no moment."""
    if zone is None:
        raise BadTimeError(
            f"{column} '{clock}' has no UTC offset, so nobody knows which moment it means: "
            "say with --tz whose clock it is (--tz UTC, --tz Europe/Madrid), or write the offset"
        )
    earlier, later = (clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() != later.utcoffset():
        back = earlier.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) == clock.replace(fold=0)
        when = "comes twice that day" if back else "is left out that day"
        raise BadTimeError(f"{column} '{clock}' {when} on the clock of {zone}: write it with its offset, or in UTC")
    return earlier
