"""Connections between two requests: opened and prepared, waiting for a next request of the same kind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wattnet.local._clickhouse_http._connection import Connection

# Each holds some 200 KB. A program's readers have two or three kinds, and few of each at the same moment.
MOST = 16


class IdleConnections:
    """At most MOST connections by their kind; those that nobody asked for the longest are closed first. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Hashable, Connection]] = []
        self._lock = threading.Lock()
        self.generation = 0

    def take(self, kind: Hashable) -> Connection | None:
        """The newest one of this kind, which is the caller's now."""
        with self._lock:
            for place in reversed(range(len(self._waiting))):
                if self._waiting[place][0] == kind:
                    return self._waiting.pop(place)[1]
        return None

    def put(self, kind: Hashable, connection: Connection, *, generation: int) -> None:
        """Keep it for the next; close it where `close` was called since `generation`, and the oldest one too many."""
        with self._lock:
            if generation == self.generation:
                self._waiting.append((kind, connection))
                leaving = [self._waiting.pop(0)[1]] if len(self._waiting) > MOST else []
            else:
                leaving = [connection]
        for left in leaving:
            left.close()

    def close(self) -> None:
        """Close those that wait, and those that are in use now when they come back."""
        with self._lock:
            leaving, self._waiting = self._waiting, []
            self.generation += 1
        for _, connection in leaving:
            connection.close()
