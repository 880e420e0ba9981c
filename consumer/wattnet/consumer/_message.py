"""The parts of a fetched message. librdkafka always sets them; the types of a Message to be sent say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from confluent_kafka import Message

if TYPE_CHECKING:
    from collections.abc import Callable

offset_of = cast("Callable[[Message], int]", Message.offset)
partition_of = cast("Callable[[Message], int]", Message.partition)
value_of = cast("Callable[[Message], bytes | None]", Message.value)
# The kind of timestamp, then milliseconds since 1970 in UTC.
timestamp_of = cast("Callable[[Message], tuple[int, int]]", Message.timestamp)
