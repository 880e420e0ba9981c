"""Rows for `metrics_ingest` in ClickHouse's Native format: a block of columns, as it keeps them itself.

The format: how many columns and rows, then for each column its name, its type and its values. Numbers are of a fixed
width, little end first; strings are a length and their bytes; a map is where each row's pairs end, then all names, then
all values; a number that may be null has a byte for each row before, 1 where it is. Lengths are in groups of 7 bits.
Source: https://clickhouse.com/docs/interfaces/specs/NativeFormat
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from wattnet.schemas import Metric
    from wattnet.storage._columns import Columns

TOPIC = "direct"


def block(columns: Columns, rows: slice, *, call: str, count: int, now_ms: int, knowledge_time_us: int) -> bytes:
    """These rows of a call of `count` rows; each is known a microsecond after the one before it.

    call  names it, in place of Kafka's id of a topic. Its rows are counted as offsets
    """
    place = columns.place[rows]
    length = len(place)
    number = np.arange(rows.start, rows.start + length, dtype="<i8")
    series = columns.series

    def text(of: Callable[[Metric], str]) -> bytes:
        return _gathered([_string(of(one)) for one in series], place)

    def pairs(of: Callable[[Metric], Mapping[str, str]]) -> bytes:
        ends = np.cumsum(np.array([len(of(one)) for one in series], "<u8")[place], dtype="<u8")
        names = _gathered([b"".join(map(_string, of(one))) for one in series], place)
        return ends.tobytes() + names + _gathered([b"".join(map(_string, of(one).values())) for one in series], place)

    def every(number: int, dtype: str = "<i8") -> bytes:
        return np.array(number, dtype).tobytes() * length

    fields = [
        ("topic", "String", _string(TOPIC) * length),
        ("topic_id", "String", _string(call) * length),
        ("partition", "Int32", every(0, "<i4")),
        ("offset", "Int64", number.tobytes()),
        ("kafka_time", "DateTime64(3, 'UTC')", every(now_ms)),
        ("claim_first", "Int64", every(0)),
        ("claim_next", "Int64", every(count)),
        ("claim_messages", "Int64", every(count)),
        ("name", "String", text(lambda one: one.name)),
        ("value", "Float64", columns.value[rows].astype("<f8").tobytes()),
        ("timestamp", "DateTime64(6, 'UTC')", columns.timestamp_us[rows].astype("<i8").tobytes()),
        ("labels", "Map(String, String)", pairs(lambda one: one.labels)),
        ("knowledge_time", "DateTime64(6, 'UTC')", (number + knowledge_time_us).astype("<i8").tobytes()),
        ("valid", "Bool", np.array([one.valid for one in series], np.uint8)[place].tobytes()),
        ("zone_status", "String", text(lambda one: one.zone_status)),
        ("data_state", "String", text(lambda one: one.data_state)),
        ("attributes", "Map(String, String)", pairs(lambda one: one.attributes)),
    ]
    parts = [_length(len(fields)), _length(length)]
    for name, kind, values in fields:
        parts += [_string(name), _string(kind), values]
    return b"".join(parts)


def _gathered(texts: Sequence[bytes], place: NDArray[np.intp]) -> bytes:
    """Each row's bytes, one behind the other."""
    if len(set(texts)) == 1:
        return texts[0] * len(place)
    return b"".join(map(texts.__getitem__, place.tolist()))


def _string(text: str) -> bytes:
    encoded = text.encode()
    return _length(len(encoded)) + encoded


def _length(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
