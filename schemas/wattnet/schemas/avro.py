"""Avro's binary form of the few primitives that a metric needs, for those who put messages together byte by byte.

A long is its zigzag code in groups of 7 bits, lowest first; a string is its length and its bytes.
"""

from __future__ import annotations

__all__ = ["LOW_GROUPS", "LOW_MASK", "encode_bytes", "encode_groups", "encode_long", "encode_string"]

# Two groups of 7 bits at once, both marked as not the last. Zigzag doubles a number, so they hold 13 bits of it.
LOW_GROUPS = [bytes(((n & 0x7F) | 0x80, (n >> 7) | 0x80)) for n in range(1 << 14)]
LOW_MASK = (1 << 14) - 1


def encode_long(number: int) -> bytes:
    """An Avro long (64 bits, signed)."""
    return encode_groups((number << 1) ^ (number >> 63))


def encode_groups(number: int) -> bytes:
    """A number that is not negative, in groups of 7 bits, lowest first."""
    encoded = b""
    while number > LOW_MASK:
        encoded += LOW_GROUPS[number & LOW_MASK]
        number >>= 14
    if number > 0x7F:
        return encoded + bytes(((number & 0x7F) | 0x80, number >> 7))
    return encoded + number.to_bytes(1, "little")


def encode_bytes(content: bytes) -> bytes:
    """Avro bytes: the length, then the content."""
    return encode_long(len(content)) + content


def encode_string(text: str) -> bytes:
    """An Avro string: its UTF-8 as bytes."""
    return encode_bytes(text.encode())
