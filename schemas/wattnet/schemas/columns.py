"""Metrics in columns: their bytes, and the rules for their times, for many rows at once.

The bytes are those of MetricEncoder.encode. Rows of one series differ only in their value and their two times. So each
series has a template, a row of a matrix with zeros where these go; the templates are copied, a row a message, what
differs is written at its places, and what is left of each row is cut.

It imports numpy, so it is no part of what `wattnet.schemas` imports.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.schemas._times import END_OF_TIME_US, KNOWLEDGE_AHEAD_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wattnet.schemas._encoder import MetricEncoder
    from wattnet.schemas._metric import Metric

__all__ = ["ColumnEncoder", "knowledge_times_refused", "timestamps_refused"]

_NULL, _NUMBER = b"\x00", b"\x02"  # the value's union: the branch's index, zigzag coded
_ITEM_BYTES = 8
# The first number that does not fit one group of 7 bits, two of them, and so on.
_TOO_LONG = np.array([1 << 7 * groups for groups in range(1, _ITEM_BYTES)], np.uint64)
# Halves are moved apart, then their halves, then those: the bits that move, by how many, and the bits that stay.
_HALVES = [
    tuple(map(np.uint64, step))
    for step in (
        (0x00FF_FFFF_F000_0000, 4, 0x0000_0000_0FFF_FFFF),
        (0x0FFF_C000_0FFF_C000, 2, 0x0000_3FFF_0000_3FFF),
        (0x3F80_3F80_3F80_3F80, 1, 0x007F_007F_007F_007F),
    )
]


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
        # Long series would make the short ones' rows long, too: rows are at most twice as long as they need be.
        members: dict[int, list[int]] = {}
        for number, (_, start, labels, end) in enumerate(constants):
            members.setdefault((len(start) + len(labels) + len(end)).bit_length(), []).append(number)
        self._alike = [[constants[number][1:] for number in numbers] for numbers in members.values()]
        self._kind = np.zeros(len(constants), np.intp)
        """Of each series: which of `_alike` it is in, and its place there."""
        self._place = np.zeros(len(constants), np.intp)
        for kind, numbers in enumerate(members.values()):
            self._kind[numbers] = kind
            self._place[numbers] = np.arange(len(numbers))
        self._templates: dict[int, _Templates] = {}

    def encode(
        self,
        series: NDArray[np.intp],
        value: NDArray[np.float64],
        timestamp_us: NDArray[np.int64],
        knowledge_time_us: NDArray[np.int64],
    ) -> Sequence[bytes]:
        """Header and record of each row; `series` are places in the series of this encoder.

        NaN stands for None. Times are microseconds since 1970, not negative and before 2 ** 55. Nothing is checked
        here.
        """
        if not len(series):
            return []
        stamps, knowns = _zigzag(timestamp_us), _zigzag(knowledge_time_us)
        nulls = np.isnan(value)
        shapes = ((self._kind[series] * 16 + _lengths(stamps)) * 16 + _lengths(knowns)) * 2 + nulls
        if (shapes == shapes[0]).all():  # as it nearly always is
            return self._encode(int(shapes[0]), series, value, stamps, knowns)
        encoded = [b""] * len(series)
        for shape in np.unique(shapes).tolist():
            rows = np.flatnonzero(shapes == shape)
            values = self._encode(shape, series[rows], value[rows], stamps[rows], knowns[rows])
            for row, message in zip(rows.tolist(), values, strict=True):
                encoded[row] = message
        return encoded

    def _encode(
        self,
        shape: int,
        series: NDArray[np.intp],
        value: NDArray[np.float64],
        stamps: NDArray[np.uint64],
        knowns: NDArray[np.uint64],
    ) -> Sequence[bytes]:
        if shape not in self._templates:
            rest, null = divmod(shape, 2)
            rest, known_bytes = divmod(rest, 16)
            kind, stamp_bytes = divmod(rest, 16)
            self._templates[shape] = _Templates(self._alike[kind], 0 if null else _ITEM_BYTES, stamp_bytes, known_bytes)
        return self._templates[shape].encode(self._place[series], value, stamps, knowns)


class _Templates:
    """Of some series, for values and times of these lengths: a row each, filled up to the longest one's length."""

    def __init__(
        self, constants: Sequence[tuple[bytes, bytes, bytes]], value_bytes: int, stamp_bytes: int, known_bytes: int
    ) -> None:
        before = (_NUMBER if value_bytes else _NULL) + bytes(value_bytes + stamp_bytes)
        between = bytes(known_bytes)
        whole = [b"".join((start, before, labels, between, end)) for start, labels, end in constants]
        width = max(map(len, whole))
        self._rows = np.frombuffer(b"".join([row.ljust(width) for row in whole]), np.uint8).reshape(-1, width)
        self._sizes = np.array([len(row) for row in whole])
        starts = np.array([len(start) for start, _, _ in constants])
        self._value_at = starts + 1 if value_bytes else None
        self._stamp_at = starts + 1 + value_bytes
        self._known_at = self._stamp_at + stamp_bytes + np.array([len(labels) for _, labels, _ in constants])
        self._stamp_bytes, self._known_bytes = stamp_bytes, known_bytes
        self._cut_at, self._cut = b"", struct.Struct("")

    def encode(
        self,
        places: NDArray[np.intp],
        value: NDArray[np.float64],
        stamps: NDArray[np.uint64],
        knowns: NDArray[np.uint64],
    ) -> Sequence[bytes]:
        rows = self._rows.take(places, axis=0)
        beginnings = np.arange(0, rows.size, rows.shape[1])
        if self._value_at is not None:
            _write(rows, beginnings + self._value_at[places], value.astype("<f8"), _ITEM_BYTES)
        _write(rows, beginnings + self._stamp_at[places], _groups(stamps, self._stamp_bytes), self._stamp_bytes)
        _write(rows, beginnings + self._known_at[places], _groups(knowns, self._known_bytes), self._known_bytes)
        # All rows are cut in one call of struct. How, is known already where series follow each other as before.
        sizes = self._sizes[places]
        if sizes.tobytes() != self._cut_at:
            self._cut_at = sizes.tobytes()
            self._cut = struct.Struct("".join([f"{size}s{rows.shape[1] - size}x" for size in sizes.tolist()]))
        cut: tuple[bytes, ...] = self._cut.unpack(rows.data)
        return cut


def _write(rows: NDArray[np.uint8], at: NDArray[np.intp], items: NDArray[Any], length: int) -> None:
    """The first `length` bytes of each item of eight bytes into `rows`, from the byte `at` on."""
    kind = f"V{length}"
    anywhere: NDArray[Any] = np.ndarray((rows.size - length + 1,), kind, rows, 0, (1,))
    taken = np.ascontiguousarray(items.view(np.uint8).reshape(-1, _ITEM_BYTES)[:, :length])
    anywhere[at] = taken.view(kind).reshape(-1)


def _zigzag(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Of numbers that are not negative."""
    return numbers.astype(np.uint64) << np.uint64(1)


def _lengths(numbers: NDArray[np.uint64]) -> NDArray[np.intp]:
    """How many groups of 7 bits each takes."""
    return np.searchsorted(_TOO_LONG, numbers, side="right") + 1


def _groups(numbers: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """The groups of 7 bits of each number, a byte each, lowest first, all of `length` but the last marked."""
    for moved, by, kept in _HALVES:
        numbers = ((numbers & moved) << by) | (numbers & kept)
    marks = sum(0x80 << 8 * group for group in range(length - 1))
    return (numbers | np.uint64(marks)).astype("<u8")
