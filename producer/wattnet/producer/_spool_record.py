"""A record in a spool's file: checksum, lengths, key, value.

    4 bytes  CRC-32 of all that follows
    4 bytes  length of the key
    4 bytes  length of the value
             key, value

Little-endian. What a crash has cut or never written, zeros for instance, does not pass the checksum.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

_lengths = struct.Struct("<II")
_checksum = struct.Struct("<I")
_head = struct.Struct("<III")


def pack(key: bytes, value: bytes) -> bytes:
    """One record."""
    body = _lengths.pack(len(key), len(value)) + key + value
    return _checksum.pack(crc32(body)) + body


def unpack(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and end of each whole record from `start` on, up to the first one that is cut or damaged."""
    size = len(data)
    while start + _head.size <= size:
        checksum, key_bytes, value_bytes = _head.unpack_from(data, start)
        key_start = start + _head.size
        value_start = key_start + key_bytes
        end = value_start + value_bytes
        if end > size or crc32(data[start + _checksum.size : end]) != checksum:
            return
        yield data[key_start:value_start], data[value_start:end], end
        start = end
