"""Reading an Avro record field by field, remembering where each one stands: to show the byte at which one breaks.

For single records that people look at, where `_strict` only judges, and quickly: both find fault with the same bytes.
Hostile bytes end in a fault, never in an exception, and cost no more than their own length.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

# A few bytes can promise 2^62 values of no bytes each, or schemas nested in themselves without end.
MAX_VALUES = 200_000
MAX_DEPTH = 64
LONGEST_LONG_BYTES = 10


@dataclass(frozen=True, slots=True)
class DecodedField:
    """A field of the record, and the bytes [first, next) of the message that it stands in."""

    name: str
    first: int
    next: int
    value: Any


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: with which field, in which bytes [first, next) of the message (None where no bytes are known)."""

    field: str
    first: int | None
    next: int | None
    problem: str


def walk(message: bytes, start: int, schema_json: str) -> tuple[tuple[DecodedField, ...], Fault | None]:
    """The fields that can be read from `start` on, and the fault that ended it, None when all of it is a record.

    Text that is no UTF-8 comes with surrogates (`surrogateescape`), logical types as their plain numbers.
    """
    walker = _Walker(message, start)
    fields: list[DecodedField] = []
    try:
        for field in json.loads(schema_json)["fields"]:
            walker.path = [field["name"]]
            first = walker.at
            value = walker.read(field["type"], 0)
            fields.append(DecodedField(field["name"], first, walker.at, value))
    except _BrokenError as exc:
        return tuple(fields), Fault("".join(walker.path), exc.at, min(exc.at + 1, len(message)), exc.problem)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as exc:
        problem = f"the schema itself cannot be followed here ({type(exc).__name__}: {exc})"
        return tuple(fields), Fault("".join(walker.path), walker.at, walker.at, problem)
    if behind := len(message) - walker.at:
        problem = f"the record ends here, and {behind:,} more byte{'s' * (behind > 1)} stand behind it"
        return tuple(fields), Fault("", walker.at, len(message), problem)
    return tuple(fields), None


class _BrokenError(Exception):
    def __init__(self, at: int, problem: str) -> None:
        super().__init__(problem)
        self.at = at
        self.problem = problem


class _Walker:
    def __init__(self, message: bytes, at: int) -> None:
        self.at = at
        self.path: list[str] = []
        self._message = message
        self._values_left = MAX_VALUES
        self._named: dict[str, Any] = {}

    def read(self, type_: Any, depth: int) -> Any:
        self._values_left -= 1
        if self._values_left < 0 or depth > MAX_DEPTH:
            raise _BrokenError(self.at, "more values than any record holds are promised")
        if isinstance(type_, list):
            return self._union(type_, depth)
        if isinstance(type_, dict):
            kind = type_["type"]
            if kind in {"record", "enum", "fixed"}:
                self._named[type_["name"]] = type_
                self._named[f"{type_.get('namespace', '')}.{type_['name']}".lstrip(".")] = type_
            if kind in _READERS:
                return _READERS[kind](self, type_, depth)
            return self.read(kind, depth + 1)
        if type_ in _PRIMITIVES:
            return _PRIMITIVES[type_](self)
        return self.read(self._named[type_], depth + 1)

    def _take(self, count: int, what: str, begun: int) -> bytes:
        left = len(self._message) - self.at
        if count < 0:
            raise _BrokenError(begun, f"{what} of {count:,} bytes: a length below zero")
        if count > left:
            raise _BrokenError(begun, f"{what} of {count:,} bytes begins here, and only {left:,} follow")
        taken = self._message[self.at : self.at + count]
        self.at += count
        return taken

    def _long(self) -> int:
        begun = self.at
        number = 0
        for place in range(LONGEST_LONG_BYTES):
            if self.at >= len(self._message):
                where = "in the midst of a number" if place else "where a number is expected"
                raise _BrokenError(self.at if not place else begun, f"the message ends {where}")
            byte = self._message[self.at]
            self.at += 1
            number |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
        raise _BrokenError(begun, f"a number of more than {LONGEST_LONG_BYTES} bytes begins here")

    def _boolean(self) -> bool:
        (byte,) = self._take(1, "a boolean", self.at)
        if byte > 1:
            raise _BrokenError(self.at - 1, f"a boolean is 0 or 1, and this is {byte}")
        return byte == 1

    def _float(self) -> float:
        return float(struct.unpack("<f", self._take(4, "a float", self.at))[0])

    def _double(self) -> float:
        return float(struct.unpack("<d", self._take(8, "a double", self.at))[0])

    def _bytes(self) -> bytes:
        begun = self.at
        return self._take(self._long(), "a string of bytes", begun)

    def _string(self) -> str:
        begun = self.at
        return self._take(self._long(), "a text", begun).decode(errors="surrogateescape")

    def _union(self, branches: list[Any], depth: int) -> Any:
        begun = self.at
        branch = self._long()
        if not 0 <= branch < len(branches):
            if len(branches) == 2 and "null" in branches:
                return None  # as ClickHouse takes it
            raise _BrokenError(begun, f"one of the types 0 to {len(branches) - 1} is expected, and this says {branch}")
        return self.read(branches[branch], depth + 1)

    def _counts(self) -> Any:
        """The number of items in each block."""
        while True:
            begun = self.at
            count = self._long()
            if count == 0:
                return
            if count < 0:
                count = -count
                self._long()  # the block's size in bytes
            if count > self._values_left:
                raise _BrokenError(begun, f"{count:,} entries are promised here, more than any record holds")
            yield count

    def _array(self, type_: Any, depth: int) -> list[Any]:
        return [self.read(type_["items"], depth + 1) for count in self._counts() for _ in range(count)]

    def _map(self, type_: Any, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for count in self._counts():
            for _ in range(count):
                self.path.append(" (the next entry's name)")
                name = self._string()
                self.path[-1] = f"['{name[:40]}']"
                found[name] = self.read(type_["values"], depth + 1)
                self.path.pop()
        return found

    def _record(self, type_: Any, depth: int) -> dict[str, Any]:
        found = {}
        for field in type_["fields"]:
            self.path.append(f".{field['name']}")
            found[field["name"]] = self.read(field["type"], depth + 1)
            self.path.pop()
        return found

    def _enum(self, type_: Any, _: int) -> str:
        begun, symbols = self.at, type_["symbols"]
        number = self._long()
        if not 0 <= number < len(symbols):
            raise _BrokenError(begun, f"one of {len(symbols)} symbols is expected, and this is number {number}")
        return str(symbols[number])

    def _fixed(self, type_: Any, _: int) -> bytes:
        return self._take(type_["size"], "a fixed value", self.at)


_PRIMITIVES = {
    "null": lambda _: None,
    "boolean": _Walker._boolean,
    "int": _Walker._long,
    "long": _Walker._long,
    "float": _Walker._float,
    "double": _Walker._double,
    "bytes": _Walker._bytes,
    "string": _Walker._string,
}
_READERS = {
    "array": _Walker._array,
    "map": _Walker._map,
    "record": _Walker._record,
    "enum": _Walker._enum,
    "fixed": _Walker._fixed,
}
