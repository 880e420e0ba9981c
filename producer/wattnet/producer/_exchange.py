"""While one client of Kafka is put in another one's place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer as KafkaProducer

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """Stands where produce was: calls wait until it opens, but those of the thread that made it.

    behind  what is called; until it opens, the old client's produce
    """

    def __init__(self, produce: Callable[..., None]) -> None:
        self.behind = produce
        self._maker = threading.get_ident()
        self._opened = threading.Event()

    def __call__(self, *arguments: Any, **named: Any) -> None:
        if threading.get_ident() != self._maker:
            self._opened.wait()
        self.behind(*arguments, **named)

    def open(self) -> None:
        self._opened.set()


def left_behind(produce: Callable[..., None]) -> KafkaProducer | None:
    """The client that `produce` belongs to; None when it is a gate, which has sent everything the right way."""
    client = getattr(produce, "__self__", None)
    return client if isinstance(client, KafkaProducer) else None
