"""The rows of a frame that give one point two values: found among millions by sorting one number a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.producer._frame_rows import LongRows, WideRows, Window
from wattnet.schemas.points import revisions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wattnet.producer._conflicts import Conflicts
    from wattnet.schemas import Metric

# Odd numbers that mix all bits: rows that differ have one hash by a chance of one in 2 ** 64, and are compared then.
_MIXING = [np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)]


def find_conflicts(rows: LongRows | WideRows, found: Conflicts, *, by_column: bool) -> None:
    """Add to `found` each row whose value differs from the first one of its point, quality and knowledge_time.

    by_column  whether the rows' own knowledge times hold; otherwise, and where a row has none, all are known at once
    """
    series = _points(rows.series)
    if isinstance(rows, LongRows):
        window, numbers = rows.rows, rows.numbers
    elif series is None and len(np.unique(rows.timestamp_us)) == len(rows.timestamp_us):
        return  # each cell is a point of its own
    else:
        window, numbers = _cells(rows)
    keys = [window.series if series is None else series[window.series], window.timestamp_us]
    if by_column and window.knowledge_time_us is not None:
        keys.append(window.knowledge_time_us)
    suspects = _suspects(keys)
    if not len(suspects):
        return
    suspects = suspects[np.lexsort([suspects, *(key[suspects] for key in keys)])]
    first = suspects[0]
    for row in suspects.tolist():
        if any(key[row] != key[first] for key in keys):
            first = row
            continue
        value, other = window.value[first], window.value[row]
        if value != other and not (np.isnan(value) and np.isnan(other)):
            first_number, number = (at if numbers is None else int(numbers[at]) for at in (first, row))
            metric, timestamp_us = rows.series[window.series[row]], int(window.timestamp_us[row])
            found.add(metric, timestamp_us, (_given(value), int(first_number)), (_given(other), int(number)))


def _points(series: Sequence[Metric]) -> NDArray[np.intp] | None:
    """For each series the first one whose values its own replace; None when that is itself for all of them."""
    first: dict[tuple[object, ...], int] = {}
    places = [first.setdefault(revisions_of(metric), place) for place, metric in enumerate(series)]
    return None if len(first) == len(series) else np.array(places, np.intp)


def _cells(rows: WideRows) -> tuple[Window, NDArray[np.intp]]:
    """The values of a wide frame that are sent, and each one's row."""
    values = rows.values
    times, series = np.indices(values.shape, np.intp) if rows.retract else np.nonzero(~np.isnan(values))
    times, series = times.ravel(), series.ravel()
    return Window(series, values[times, series], rows.timestamp_us[times], None), times


def _suspects(keys: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """The rows whose keys another row may have, too."""
    hashes = np.zeros(len(keys[0]), np.uint64)
    for key, mixing in zip(keys, _MIXING, strict=False):
        hashes ^= hashes >> np.uint64(29)
        hashes += key.astype(np.uint64) * mixing
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero(np.isin(hashes, twice)) if len(twice) else np.empty(0, np.intp)


def _given(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
