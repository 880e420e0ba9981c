"""The attributes `resolution` and `resolution_tz`: how long the interval is that a value stands for.

`resolution` is an ISO 8601 duration. Days, months and years of it have the lengths of a zone's calendar, and
`resolution_tz` names that zone: P1D of Europe/Madrid has 23, 24 or 25 hours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wattnet.schemas._errors import AttributeValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

RESOLUTION = "resolution"
RESOLUTION_TZ = "resolution_tz"

# https://en.wikipedia.org/wiki/ISO_8601#Durations; only whole numbers, which resolutions are.
_ISO = re.compile(
    r"P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?",
    re.ASCII,
)
_USUAL = re.compile(r"(\d{1,6}) ?(s|min|h|d|w|mo|y)", re.ASCII)
_ISO_OF = {"s": "PT{}S", "min": "PT{}M", "h": "PT{}H", "d": "P{}D", "w": "P{}W", "mo": "P{}M", "y": "P{}Y"}
_PART_S = (366 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)
_LONGEST_S = 10 * _PART_S[0]


def canonical_resolution(given: object) -> str:
    """'PT15M' for 'PT15M', '15min' and '15 min'; 'PT1H' for '1h', 'P1D' for '1d'. ISO 8601 stays as it is written.

    Raises AttributeValueError for what is no length of time, none at all, or one over ten years: readers of intervals
    and energy would have to ignore it.
    """
    text = str.__str__(given) if isinstance(given, str) else ""
    if usual := _USUAL.fullmatch(text):
        text = _ISO_OF[usual[2]].format(int(usual[1]))
    match = _ISO.fullmatch(text)
    seconds = 0
    if match is not None:
        seconds = sum(int(count or 0) * part_s for count, part_s in zip(match.groups(), _PART_S, strict=True))
    if not 0 < seconds <= _LONGEST_S:
        raise AttributeValueError(
            f"resolution {given!r} is no length of an interval: give an ISO 8601 duration in whole numbers, such as "
            "'PT15M', 'PT1H' or 'P1D', or write '15min', '1h', '1d'"
        )
    return text


def canonical_zone(given: object) -> str:
    """The name of a zone of the IANA database. Raises AttributeValueError."""
    try:
        return ZoneInfo(given).key  # type: ignore[arg-type]  # what is no string is refused here
    except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError) as exc:
        raise AttributeValueError(
            f"resolution_tz {given!r} is no zone of the IANA database: give one such as 'Europe/Madrid' or 'UTC'"
        ).caused_by(exc) from None


def zone_of_days(attributes: Mapping[str, str], timestamp: object) -> str | None:
    """The zone by whose calendar the timestamp was made, if the resolution has days and its zone is not said."""
    resolution = attributes.get(RESOLUTION, "")
    if not resolution or resolution.startswith("PT") or RESOLUTION_TZ in attributes:
        return None
    name = getattr(getattr(timestamp, "tzinfo", None), "key", None)
    return name if isinstance(name, str) else None
