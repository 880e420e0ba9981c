"""Metrics to bytes, fast: what is constant in a series is encoded once and then only joined.

Avro's binary form of the fixed schema, field by field: name, value, timestamp, labels, knowledge_time, valid,
zone_status, data_state, attributes. A long is its zigzag code in groups of 7 bits, lowest first; a string is its length
and its bytes; a map is one block of pairs and a zero.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wattnet.schemas._context import Context
    from wattnet.schemas._metric import Metric

_MAX_CONTEXTS = 32_768
_MAX_TIMES = 65_536
_MAX_HIGHS = 4_096

_NULL = b"\x00"  # index of null in the value's union
_DOUBLE = b"\x02"  # index of double
_float64 = struct.Struct("<d").pack

# Two groups of 7 bits at once, both marked as not the last.
_LOW_14_BITS = [bytes(((n & 0x7F) | 0x80, (n >> 7) | 0x80)) for n in range(1 << 14)]
_MASK = (1 << 14) - 1
_LOW_28 = 1 << 28


class MetricEncoder:
    """Encodes metrics behind one header. Safe to use from several threads.

    It remembers the constant bytes of up to 32,768 series (some 20 MB with usual labels) and starts anew when there are
    more.
    """

    __slots__ = ("_constants", "_header", "_highs", "_times")

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._constants: dict[Context, tuple[bytes, bytes, bytes, bytes]] = {}
        self._times: dict[int, bytes] = {}
        self._highs: dict[int, bytes] = {}

    def encode(self, metric: Metric, knowledge_time_us: int) -> tuple[bytes, bytes]:
        """The message's key (the series in readable form) and its value (header and record).

        `knowledge_time_us` (microseconds since 1970) is what is written: a metric's own stays with the caller to pass.
        """
        constants = self._constants.get(metric._context)
        if constants is None:
            constants = self._remember(metric._context)
        key, start, labels, end = constants
        timestamp = self._times.get(metric.timestamp_us)
        if timestamp is None:
            timestamp = self._remember_time(metric.timestamp_us)
        value = metric.value
        number = _NULL if value is None else _DOUBLE + _float64(value)
        zigzag = knowledge_time_us << 1
        if zigzag < _LOW_28:
            knowledge_time = encode_long(knowledge_time_us)
            return key, b"".join((start, number, timestamp, labels, knowledge_time, end))
        # The upper bits of now change every two minutes.
        high = self._highs.get(zigzag >> 28)
        if high is None:
            high = self._remember_high(zigzag >> 28)
        return key, b"".join(
            (
                start,
                number,
                timestamp,
                labels,
                _LOW_14_BITS[zigzag & _MASK],
                _LOW_14_BITS[zigzag >> 14 & _MASK],
                high,
                end,
            )
        )

    def _remember(self, context: Context) -> tuple[bytes, bytes, bytes, bytes]:
        if len(self._constants) >= _MAX_CONTEXTS:
            self._constants.clear()
        constants = self._constants[context] = (
            context.series_key.encode(),
            self._header + encode_string(context.name),
            encode_map(context.labels),
            (b"\x01" if context.valid else b"\x00")
            + encode_string(context.zone_status)
            + encode_string(context.data_state)
            + encode_map(context.attributes),
        )
        return constants

    def _remember_time(self, microseconds: int) -> bytes:
        if len(self._times) >= _MAX_TIMES:
            self._times.clear()
        encoded = self._times[microseconds] = encode_long(microseconds)
        return encoded

    def _remember_high(self, bits: int) -> bytes:
        if len(self._highs) >= _MAX_HIGHS:
            self._highs.clear()
        encoded = self._highs[bits] = encode_groups(bits)
        return encoded


def encode_long(number: int) -> bytes:
    """An Avro long (64 bits, signed)."""
    return encode_groups((number << 1) ^ (number >> 63))


def encode_groups(number: int) -> bytes:
    """A number that is not negative, in groups of 7 bits, lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append((number & 0x7F) | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def encode_string(text: str) -> bytes:
    encoded = text.encode()
    return encode_long(len(encoded)) + encoded


def encode_map(texts: Mapping[str, str]) -> bytes:
    if not texts:
        return b"\x00"
    pairs = b"".join(encode_string(key) + encode_string(value) for key, value in texts.items())
    return encode_long(len(texts)) + pairs + b"\x00"
