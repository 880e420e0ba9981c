"""Metrics to bytes, fast: what is constant in a series is encoded once and then only joined.

Avro's binary form of the fixed schema, field by field: name, value, timestamp, labels, knowledge_time, valid,
zone_status, data_state, attributes. A map is one block of pairs and a zero.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from wattnet.schemas.avro import LOW_GROUPS, LOW_MASK, encode_groups, encode_long, encode_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wattnet.schemas._context import Context
    from wattnet.schemas._metric import Metric

_MAX_CONTEXTS = 32_768
_MAX_TIMES = 65_536
_MAX_UPPERS = 4_096

# The value's union: the branch's index, zigzag coded, then what it holds.
_NULL = b"\x00"
_double = struct.Struct("<Bd").pack  # after index 1, which is 2


class MetricEncoder:
    """Encodes metrics behind one header. Safe to use from several threads.

    It remembers the constant bytes of up to 32,768 series (some 20 MB with usual labels) and starts anew when there are
    more.
    """

    __slots__ = ("_constants", "_header", "_times", "_uppers")

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._constants: dict[Context, tuple[bytes, bytes, bytes, bytes]] = {}
        self._times: dict[int, bytes] = {}
        self._uppers: dict[int, bytes] = {}

    def encode(self, metric: Metric, knowledge_time_us: int) -> tuple[bytes, bytes]:
        """The message's key (the series in readable form) and its value (header and record).

        `knowledge_time_us` (microseconds since 1970) is what is written: a metric's own stays with the caller to pass.
        """
        # Every line here runs once a message: no calls but the join, and the exception path only for what is new.
        try:
            key, start, labels, end = self._constants[metric._context]
            upper = self._uppers[knowledge_time_us >> 13]  # changes every 8 ms
        except KeyError:
            return self._encode_new(metric, knowledge_time_us)
        timestamp = self._times.get(metric.timestamp_us)
        if timestamp is None:
            timestamp = self._time(metric.timestamp_us)
        value = metric.value
        return key, b"".join(
            (
                start,
                _NULL if value is None else _double(2, value),
                timestamp,
                labels,
                LOW_GROUPS[knowledge_time_us << 1 & LOW_MASK],
                upper,
                end,
            )
        )

    def constants(self, metric: Metric) -> tuple[bytes, bytes, bytes, bytes]:
        """What every metric of this series and quality has in common: the key, and what stands before the value,
        between the times, and behind them."""
        return self._constants.get(metric._context) or self._remember(metric._context)

    def _encode_new(self, metric: Metric, knowledge_time_us: int) -> tuple[bytes, bytes]:
        key, start, labels, end = self.constants(metric)
        if knowledge_time_us >> 13:
            if len(self._uppers) >= _MAX_UPPERS:
                self._uppers.clear()
            self._uppers[knowledge_time_us >> 13] = encode_groups(knowledge_time_us >> 13)
        value = _NULL if metric.value is None else _double(2, metric.value)
        times = (self._time(metric.timestamp_us), labels, encode_long(knowledge_time_us))
        return key, b"".join((start, value, *times, end))

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

    def _time(self, microseconds: int) -> bytes:
        if len(self._times) >= _MAX_TIMES:
            self._times.clear()
        encoded = self._times[microseconds] = encode_long(microseconds)
        return encoded


def encode_map(texts: Mapping[str, str]) -> bytes:
    if not texts:
        return b"\x00"
    pairs = b"".join(encode_string(key) + encode_string(value) for key, value in texts.items())
    return encode_long(len(texts)) + pairs + b"\x00"
