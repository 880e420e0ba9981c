"""Which bodies may announce more than they hold: looked at in thousands, before any of them reaches ClickHouse.

ClickHouse's Avro reader makes room for a text before it looks whether it is there: two gigabytes for ten bytes. So
every length is followed first, of all bodies at the same time, field by field. What is unusual (a text of 8 KiB, a map
of 64 entries, a type that metrics do not have) is not judged here but named: StrictReader looks at these one by one.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Offsets: TypeAlias = NDArray[np.int64]
    # Takes the bytes and an offset for each body, returns the offsets behind the value.
    Skip: TypeAlias = Callable[["Bytes", Offsets], Offsets]

# So many at a time: their offsets stay in the processor's cache.
BODIES_AT_ONCE = 2048
# The offset of a body that is not followed any further. What is read there is 0.
FAR = 1 << 40
PADDING = bytes(8)
MULTIBYTE, NEGATIVE = 0x80, 0x01
# The continuation bits of eight bytes, and those of a number in exactly eight, as every time since 1978 is.
CONTINUATION_BITS = np.uint64(0x8080808080808080)
EIGHT_BYTES = np.uint64(0x0080808080808080)
LONGEST_NUMBER_BYTES = 10
FIXED_SIZES = {"null": 0, "float": 4, "double": 8}


class Lengths:
    """Follows the lengths in bodies of one schema."""

    def __init__(self, schema_json: str) -> None:
        self._skips = [_skip(field["type"]) for field in json.loads(schema_json)["fields"]]

    def doubtful(self, bodies: Sequence[bytes]) -> list[int]:
        """Indices of the bodies that do not plainly end where their last field does."""
        return [
            first + index
            for first in range(0, len(bodies), BODIES_AT_ONCE)
            for index in self._doubtful(bodies[first : first + BODIES_AT_ONCE])
        ]

    def _doubtful(self, bodies: Sequence[bytes]) -> list[int]:
        ends = np.fromiter(map(len, bodies), np.int64, len(bodies)).cumsum()
        offsets = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
        joined = Bytes(b"".join((*bodies, PADDING)))
        for skip in self._skips:
            offsets = skip(joined, offsets)
        # Offsets only grow: one that left its body, into the next one, does not come back to the end.
        return [int(index) for index in np.flatnonzero(offsets != ends)]


class Bytes:
    """Bodies, one after the other and padded, to be read at many offsets at once."""

    def __init__(self, joined: bytes) -> None:
        self._bytes = np.frombuffer(joined, np.uint8)
        self._words = np.ndarray((len(joined) - 7,), "<u8", joined, strides=(1,))

    def at(self, offsets: Offsets) -> NDArray[np.uint8]:
        """The byte at each offset."""
        return self._bytes.take(offsets, mode="clip")

    def eight_at(self, offsets: Offsets) -> NDArray[np.uint64]:
        """The eight bytes from each offset on."""
        words: NDArray[np.uint64] = self._words[np.minimum(offsets, len(self._words) - 1)]
        return words


def _give_up(offsets: Offsets, where: NDArray[Any]) -> Offsets:
    return np.where(where, FAR, offsets) if where.any() else offsets


def _skip_number(joined: Bytes, offsets: Offsets) -> Offsets:
    if (joined.eight_at(offsets) & CONTINUATION_BITS == EIGHT_BYTES).all():
        return offsets + 8
    more = np.ones(len(offsets), bool)
    for _ in range(LONGEST_NUMBER_BYTES):
        byte = joined.at(offsets)
        offsets = offsets + more
        more &= byte >= MULTIBYTE
        if not more.any():
            break
    return _give_up(offsets, more)


def _skip_text(joined: Bytes, offsets: Offsets) -> Offsets:
    first = joined.at(offsets)
    length = first >> 1
    after = offsets + length
    after += 1
    if not (first & (MULTIBYTE | NEGATIVE)).any():  # all are below 64 bytes
        return after
    long = first >= MULTIBYTE
    second = joined.at(offsets + 1)
    after = np.where(long, offsets + 2 + (length & 0x3F) + second.astype(np.int64) * 64, after)
    return _give_up(after, (first & NEGATIVE) | (long & (second >= MULTIBYTE)))


def _skip_fixed(size: int, _: Bytes, offsets: Offsets) -> Offsets:
    return offsets + size


def _skip_boolean(joined: Bytes, offsets: Offsets) -> Offsets:
    return _give_up(offsets + 1, joined.at(offsets) > 1)


def _skip_union(sizes: NDArray[np.int64], joined: Bytes, offsets: Offsets) -> Offsets:
    """One of two types of fixed sizes; `sizes` is by the branch as it is written, twice its number."""
    branch = joined.at(offsets)
    return _give_up(offsets + 1 + sizes.take(branch, mode="clip"), (branch > 2) | (branch == 1))


def _skip_map(skip_value: Skip, joined: Bytes, offsets: Offsets) -> Offsets:
    """Nothing, or one block and the zero after it."""
    count = joined.at(offsets)
    unusual = (count & (MULTIBYTE | NEGATIVE)) > 0
    offsets = _give_up(offsets + 1, unusual)
    entries = np.where(unusual, 0, count >> 1)
    least, most = int(entries.min()), int(entries.max())
    for _ in range(least):
        offsets = skip_value(joined, _skip_text(joined, offsets))
    for number in range(least, most):
        those = np.flatnonzero(entries > number)
        offsets[those] = skip_value(joined, _skip_text(joined, offsets[those]))
    some = entries > 0
    return _give_up(offsets + some, some & (joined.at(offsets) != 0))


def _follow_no_further(_: Bytes, offsets: Offsets) -> Offsets:
    return offsets + FAR


def _skip(type_: Any) -> Skip:
    """The function for a type of a schema."""
    if isinstance(type_, list):
        sizes = [FIXED_SIZES.get(one) if isinstance(one, str) else None for one in type_]
        if len(sizes) != 2 or None in sizes:
            return _follow_no_further
        return partial(_skip_union, np.array([sizes[0], 0, sizes[1]], np.int64))
    kind = type_["type"] if isinstance(type_, dict) else type_
    if kind == "map":
        return partial(_skip_map, _skip(type_["values"]))
    if not isinstance(kind, str):
        return _skip(kind)
    if kind in FIXED_SIZES:
        return partial(_skip_fixed, FIXED_SIZES[kind])
    return {
        "boolean": _skip_boolean,
        "int": _skip_number,
        "long": _skip_number,
        "string": _skip_text,
        "bytes": _skip_text,
    }.get(kind, _follow_no_further)
