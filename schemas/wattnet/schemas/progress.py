"""How far a long call is, on standard error, where a person watches."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_AFTER_S = 1.0
_EVERY_S = 0.2
_WIDTH = 30
_ERASE = "\r\x1b[K"


class Progress:
    """A bar, from a second on; none where standard error is no terminal, or unless `shown`. It is gone at the end."""

    def __init__(self, what: str, total: int, *, shown: bool) -> None:
        self._what = what
        self._total = total
        watched = shown and sys.stderr is not None and sys.stderr.isatty()
        self._next_s = time.monotonic() + _AFTER_S if watched else float("inf")
        self._drawn = False

    def __call__(self, count: int) -> None:
        """So many, so far."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        self._drawn = True
        filled = _WIDTH * count // self._total
        bar = "█" * filled + "░" * (_WIDTH - filled)
        sys.stderr.write(f"{_ERASE}{bar} {count:,} of {self._total:,} {self._what}")
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
