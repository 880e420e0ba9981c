"""Avro's binary form of the few primitives that framing needs."""

from __future__ import annotations


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


# The two lowest groups of a number that has more, both marked as not the last.
LOW_14_BITS = [bytes(((n & 0x7F) | 0x80, (n >> 7) | 0x80)) for n in range(1 << 14)]


def encode_bytes(content: bytes) -> bytes:
    """Avro bytes or string: the length, then the content."""
    return encode_long(len(content)) + content
