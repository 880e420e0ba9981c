"""Rows to messages, and the knowledge_time of each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wattnet.producer._clock import knowledge_times_us
from wattnet.producer._errors import FrameError
from wattnet.producer._frame_rows import EPOCH, Window
from wattnet.producer._frame_table import NOTHING_US
from wattnet.schemas import Metric
from wattnet.schemas.columns import ColumnEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from wattnet.producer._frame_rows import Rows
    from wattnet.schemas import MetricEncoder

_ROWS_AT_ONCE = 4_096


class Knowledge:
    """When the values of a frame became known.

    given  None: what the column knowledge_time says, now where it says nothing; a datetime: for all rows; 'now'

    Raises FrameError for anything else, MetricTimeError for a datetime that Metric refuses.
    """

    def __init__(self, given: datetime | Literal["now"] | None) -> None:
        self._fixed_us: int | None = None
        self._now = given == "now"
        self.by_column = given is None
        if isinstance(given, datetime):
            self._fixed_us = Metric("unknown", 0.0, EPOCH, knowledge_time=given).knowledge_time_us
        elif given is not None and not self._now:
            raise FrameError(
                f"knowledge_time is {given!r}: give an aware datetime, 'now', or None for what the frame says"
            )

    def times_us(self, rows: Window) -> NDArray[np.int64]:
        """Of each row. Now is a moment of its own for each of them, in their order."""
        count = len(rows.series)
        if self._fixed_us is not None:
            return np.full(count, self._fixed_us, np.int64)
        said = None if self._now else rows.knowledge_time_us
        if said is None:
            return _now_us(count)
        nothing = said == NOTHING_US
        if not nothing.any():
            return said
        known = said.copy()
        known[nothing] = _now_us(int(nothing.sum()))
        return known


def encoded(rows: Rows, encoder: MetricEncoder, knowledge: Knowledge) -> Iterator[list[dict[str, Any]]]:
    """The messages of all rows in their order, some thousands at a time, as produce_batch takes them.

    The dicts are filled anew for the next ones: making as many takes twice as long.
    """
    columns = ColumnEncoder(encoder, rows.series)
    keys = np.array(columns.keys, np.object_)
    messages: list[dict[str, Any]] = []
    series = np.empty(0, np.intp)
    for window in rows.windows(_ROWS_AT_ONCE):
        count = len(window.series)
        if not count:
            continue
        values = columns.encode(window.series, window.value, window.timestamp_us, knowledge.times_us(window))
        messages.extend([{} for _ in range(count - len(messages))])
        if np.array_equal(window.series, series):  # as it is, time by time, in a wide frame: the keys stay
            for message, value in zip(messages, values, strict=False):
                message["value"] = value
        else:
            series = window.series
            for message, value, key in zip(messages, values, keys[series].tolist(), strict=False):
                message["value"] = value
                message["key"] = key
        yield messages[:count]


def _now_us(count: int) -> NDArray[np.int64]:
    times_us = knowledge_times_us(count)
    if isinstance(times_us, range):
        return np.arange(times_us.start, times_us.stop)
    return np.array(times_us, np.int64)
