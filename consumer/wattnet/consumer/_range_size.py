"""How many messages a range may hold: less after ClickHouse had too much at once, more again when it copes."""

from __future__ import annotations

from threading import Lock


class RangeSize:
    """A limit between two bounds. Threads may share it.

    A range is never larger than what waits, so below the limit its size follows the lag by itself.
    """

    def __init__(self, min_rows: int, max_rows: int) -> None:
        self._min_rows = min(min_rows, max_rows)
        self._max_rows = max_rows
        self._rows = max_rows
        self._lock = Lock()

    @property
    def rows(self) -> int:
        """The limit now."""
        return self._rows

    def too_much(self) -> None:
        """ClickHouse could not take a range of this size: half of it next time."""
        with self._lock:
            self._rows = max(self._rows // 2, self._min_rows)

    def stored(self, rows: int) -> None:
        """A range of so many rows was taken: when that was as much as allowed, allow a quarter more."""
        with self._lock:
            if rows >= self._rows:
                self._rows = min(self._rows + self._rows // 4 + 1, self._max_rows)
