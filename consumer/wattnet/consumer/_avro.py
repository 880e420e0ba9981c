"""Avro's binary form of the few primitives that framing needs."""

from __future__ import annotations


def encode_long(number: int) -> bytes:
    """An Avro long (64 bits, signed)."""
    zigzag = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while zigzag > 0x7F:
        encoded.append((zigzag & 0x7F) | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def encode_bytes(content: bytes) -> bytes:
    """Avro bytes or string: the length, then the content."""
    return encode_long(len(content)) + content
