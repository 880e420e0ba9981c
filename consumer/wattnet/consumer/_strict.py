"""Whether bytes are a record of a schema, judged as strictly as ClickHouse reads them, and quickly.

Decoding libraries take what ClickHouse refuses: a boolean of 7, a number in eleven bytes, a length below zero. Each
such record had to be found by halving, and a range of hostile bytes made thousands of inserts. So the structure is
checked here: nothing is decoded, only skipped, by one function for each type that is put together once a schema.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    # Takes the bytes and a position in them, returns the position behind the value.
    Skip = Callable[[bytes, int], int]

LONGEST_NUMBER_BYTES = 10
FIXED_SIZES = {"null": 0, "float": 4, "double": 8}


class NotARecordError(ValueError):
    """The bytes are no record. Never leaves this module."""


class StrictReader:
    """Checks records of one schema."""

    def __init__(self, schema_json: str) -> None:
        named: dict[str, Skip] = {}
        self._fields = [(field["name"], _skip(field["type"], named)) for field in json.loads(schema_json)["fields"]]

    def problem(self, message: bytes, start: int) -> str:
        """Why no record begins at `start`; empty when one does, also when more bytes follow it."""
        at, field, size = start, "", len(message)
        try:
            for name, skip in self._fields:
                field = name
                at = skip(message, at)
                if at > size:
                    return f"{field}: {at - size:,} bytes are missing (at byte {size} of {size})"
        except IndexError:
            return f"{field}: the message ends within it (at byte {size} of {size})"
        except (NotARecordError, RecursionError) as exc:
            return f"{field}: {exc} (at byte {at} of {size})"
        return ""


def _number(message: bytes, at: int) -> tuple[int, int]:
    """A number, and the position behind it."""
    byte = message[at]
    if byte < 0x80:  # nearly always
        return (byte >> 1) ^ -(byte & 1), at + 1
    number = shift = 0
    for place in range(at, at + LONGEST_NUMBER_BYTES):
        byte = message[place]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            number &= 2**64 - 1
            return (number >> 1) ^ -(number & 1), place + 1
        shift += 7
    raise NotARecordError(f"a number of more than {LONGEST_NUMBER_BYTES} bytes")


def _skip_number(message: bytes, at: int) -> int:
    end = at + LONGEST_NUMBER_BYTES
    while message[at] >= 0x80:
        at += 1
        if at == end:
            raise NotARecordError(f"a number of more than {LONGEST_NUMBER_BYTES} bytes")
    return at + 1


def _skip_boolean(message: bytes, at: int) -> int:
    if message[at] > 1:
        raise NotARecordError(f"a boolean is 0 or 1, this is {message[at]}")
    return at + 1


def _skip_bytes(message: bytes, at: int) -> int:
    byte = message[at]
    if byte < 0x80 and not byte & 1:  # a length below 64, as nearly all are
        return at + 1 + (byte >> 1)
    length, at = _number(message, at)
    if length < 0:
        raise NotARecordError(f"a length of {length:,}")
    if length > len(message) - at:
        raise NotARecordError(f"{length:,} bytes are announced, {len(message) - at:,} follow")
    return at + length


def _skip_fixed(size: int) -> Skip:
    return lambda _, at: at + size


def _skip_enum(symbols: int) -> Skip:
    def skip(message: bytes, at: int) -> int:
        number, at = _number(message, at)
        if not 0 <= number < symbols:
            raise NotARecordError(f"symbol {number:,} of {symbols}")
        return at

    return skip


def _skip_union(branches: list[Skip], *, nullable: bool) -> Skip:
    def skip(message: bytes, at: int) -> int:
        number, at = _number(message, at)
        if 0 <= number < len(branches):
            return branches[number](message, at)
        if nullable:
            return at  # ClickHouse takes it for null, and what becomes of a message may not depend on its neighbours
        raise NotARecordError(f"branch {number:,} of a union of {len(branches)}")

    return skip


def _skip_items(parts: list[Skip]) -> Skip:
    """Blocks of items, each of which has these parts: arrays and maps."""

    def skip(message: bytes, at: int) -> int:
        while True:
            count, at = _number(message, at)
            if count == 0:
                return at
            if count < 0:
                count, at = -count, _skip_number(message, at)
            if count > len(message) - at:
                raise NotARecordError(f"{count:,} entries are announced, {len(message) - at:,} bytes follow")
            for _ in range(count):
                for part in parts:
                    at = part(message, at)

    return skip


def _skip_record(parts: list[Skip]) -> Skip:
    def skip(message: bytes, at: int) -> int:
        for part in parts:
            at = part(message, at)
        return at

    return skip


def _skip(type_: Any, named: dict[str, Skip]) -> Skip:
    """The function for a type of a schema; `named` collects those that have names, without their namespaces."""
    if isinstance(type_, list):
        return _skip_union([_skip(one, named) for one in type_], nullable=len(type_) == 2 and "null" in type_)
    kind = type_["type"] if isinstance(type_, dict) else type_
    if not isinstance(kind, str):
        return _skip(kind, named)
    if kind in FIXED_SIZES:
        return _skip_fixed(FIXED_SIZES[kind])
    if kind == "boolean":
        return _skip_boolean
    if kind in {"int", "long"}:
        return _skip_number
    if kind in {"string", "bytes"}:
        return _skip_bytes
    if kind == "array":
        return _skip_items([_skip(type_["items"], named)])
    if kind == "map":
        return _skip_items([_skip_bytes, _skip(type_["values"], named)])
    if kind in {"fixed", "enum", "record"}:
        return _skip_named(kind, type_, named)
    # By name: looked up when it is met, for a record may hold itself.
    name = kind.rpartition(".")[2]
    return lambda message, at: named[name](message, at)


def _skip_named(kind: str, type_: Any, named: dict[str, Skip]) -> Skip:
    if kind == "fixed":
        skip = _skip_fixed(type_["size"])
    elif kind == "enum":
        skip = _skip_enum(len(type_["symbols"]))
    else:
        skip = _skip_record([_skip(field["type"], named) for field in type_["fields"]])
    named[type_["name"].rpartition(".")[2]] = skip
    return skip
