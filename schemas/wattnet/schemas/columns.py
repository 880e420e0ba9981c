"""Metrics in columns: their bytes, and the rules for their times, for many rows at once.

The bytes are those of MetricEncoder.encode. Rows of one series differ only in their value and their two times, whose
places are the same wherever the lengths are; so a matrix of bytes is filled column by column, a row a message.

It imports numpy, so it is no part of what `wattnet.schemas` imports.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.schemas._times import END_OF_TIME_US, KNOWLEDGE_AHEAD_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from wattnet.schemas._encoder import MetricEncoder
    from wattnet.schemas._metric import Metric

__all__ = ["ColumnEncoder", "knowledge_times_refused", "timestamps_refused"]

_NULL, _NUMBER = 0, 2  # the value's union: the branch's index, zigzag coded
_VALUE_BYTES = 8
# The first number that does not fit one group of 7 bits, two of them, and so on.
_TOO_LONG = np.array([1 << 7 * groups for groups in range(1, 10)], np.uint64)
_SHIFTS = np.arange(0, 70, 7, dtype=np.uint64)
_GROUP = np.uint8(0x7F)
_MORE = np.uint8(0x80)


def timestamps_refused(timestamp_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where Metric raises TimeRangeError for a timestamp, in microseconds since 1970."""
    return (timestamp_us < 0) | (timestamp_us >= END_OF_TIME_US)


def knowledge_times_refused(knowledge_time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where Metric raises TimeRangeError for a knowledge_time, in microseconds since 1970."""
    return (knowledge_time_us < 0) | (knowledge_time_us > time.time_ns() // 1000 + KNOWLEDGE_AHEAD_US)


class ColumnEncoder:
    """Encodes rows of these series.

    encoder  keeps what is constant in a series over several calls
    series   a metric stands for its series and quality; its own value and times are not looked at

    keys     the message's key for each of `series`
    """

    def __init__(self, encoder: MetricEncoder, series: Sequence[Metric]) -> None:
        constants = [encoder.constants(metric) for metric in series]
        self.keys = [key for key, *_ in constants]
        members: dict[tuple[int, int, int], list[int]] = {}
        for number, (_, start, labels, end) in enumerate(constants):
            members.setdefault((len(start), len(labels), len(end)), []).append(number)
        self._layouts: list[_Layout] = []
        self._layout = np.zeros(len(constants), np.int64)
        """Of each series: the number of its layout, and its place there."""
        self._place = np.zeros(len(constants), np.intp)
        for lengths, numbers in members.items():
            self._layout[numbers] = len(self._layouts)
            self._place[numbers] = np.arange(len(numbers))
            joined = b"".join(b"".join(constants[number][1:]) for number in numbers)
            self._layouts.append(_Layout(lengths, np.frombuffer(joined, np.uint8).reshape(len(numbers), -1)))

    def encode(
        self,
        series: NDArray[np.intp],
        value: NDArray[np.float64],
        timestamp_us: NDArray[np.int64],
        knowledge_time_us: NDArray[np.int64],
    ) -> list[bytes]:
        """Header and record of each row; `series` are places in the series of this encoder.

        NaN stands for None. Times are microseconds since 1970 and not negative. Nothing is checked here.
        """
        count = len(series)
        if not count:
            return []
        stamps, knowns = _zigzag(timestamp_us), _zigzag(knowledge_time_us)
        nulls = np.isnan(value)
        stamp_bytes, known_bytes = _lengths(stamps), _lengths(knowns)
        shapes = ((self._layout[series] * 16 + stamp_bytes) * 16 + known_bytes) * 2 + nulls
        encoded = np.empty(count, np.object_)
        for first, rows in _alike(shapes):
            encoded[rows] = self._layouts[self._layout[series[first]]].encode(
                self._place[series[rows]],
                None if nulls[first] else value[rows],
                stamps[rows],
                knowns[rows],
                int(stamp_bytes[first]),
                int(known_bytes[first]),
            )
        return encoded.tolist()


class _Layout:
    """Series whose constant parts have the same lengths: before the value, between the times, behind them."""

    __slots__ = ("_constants", "_lengths", "_templates")

    def __init__(self, lengths: tuple[int, int, int], constants: NDArray[np.uint8]) -> None:
        self._lengths = lengths
        self._constants = constants
        self._templates: dict[tuple[int, int, int], NDArray[np.uint8]] = {}

    def encode(
        self,
        places: NDArray[np.intp],
        values: NDArray[np.float64] | None,
        stamps: NDArray[np.uint64],
        knowns: NDArray[np.uint64],
        stamp_bytes: int,
        known_bytes: int,
    ) -> NDArray[np.object_]:
        start, labels, _ = self._lengths
        value_bytes = 0 if values is None else _VALUE_BYTES
        rows = self._template(value_bytes, stamp_bytes, known_bytes)[places]
        at = start + 1
        if values is not None:
            rows[:, at : at + _VALUE_BYTES] = values.astype("<f8").view(np.uint8).reshape(-1, _VALUE_BYTES)
        at += value_bytes
        rows[:, at : at + stamp_bytes] = _groups(stamps, stamp_bytes)
        at += stamp_bytes + labels
        rows[:, at : at + known_bytes] = _groups(knowns, known_bytes)
        # Opaque items of a row's length become bytes in one loop in C.
        messages: NDArray[Any] = rows.view(f"V{rows.shape[1]}").reshape(-1)
        return messages.astype(np.object_)

    def _template(self, value_bytes: int, stamp_bytes: int, known_bytes: int) -> NDArray[np.uint8]:
        """A row a series, with zeros where the value and the times go."""
        lengths = value_bytes, stamp_bytes, known_bytes
        if lengths not in self._templates:
            start, labels, end = self._lengths
            count = len(self._constants)
            branch = np.full((count, 1), _NUMBER if value_bytes else _NULL, np.uint8)
            self._templates[lengths] = np.concatenate(
                [
                    self._constants[:, :start],
                    branch,
                    np.zeros((count, value_bytes + stamp_bytes), np.uint8),
                    self._constants[:, start : start + labels],
                    np.zeros((count, known_bytes), np.uint8),
                    self._constants[:, start + labels : start + labels + end],
                ],
                axis=1,
            )
        return self._templates[lengths]


def _alike(shapes: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp] | slice]]:
    """The rows of each shape, and one of them."""
    if (shapes == shapes[0]).all():
        yield 0, slice(None)
        return
    order = np.argsort(shapes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(shapes[order])) + 1):
        yield int(rows[0]), rows


def _zigzag(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Of numbers that are not negative."""
    return numbers.astype(np.uint64) << np.uint64(1)


def _lengths(numbers: NDArray[np.uint64]) -> NDArray[np.intp]:
    """How many groups of 7 bits each takes."""
    return np.searchsorted(_TOO_LONG, numbers, side="right") + 1


def _groups(numbers: NDArray[np.uint64], length: int) -> NDArray[np.uint8]:
    """A row of `length` groups for each number, lowest first, all but the last marked."""
    groups = (numbers[:, np.newaxis] >> _SHIFTS[:length]).astype(np.uint8) & _GROUP
    groups[:, :-1] |= _MORE
    return groups
