"""How far a long call is, on standard error, where a person watches.

It is no part of the format. The producer and the command line both show it, and this part is all that both stand on.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Progress"]

_AFTER_S = 1.0
_EVERY_S = 0.2
_WIDTH = 30
_ERASE = "\r\x1b[K"


class Progress:
    """From a second on, and gone at the end; nothing where standard error is no terminal, or unless `shown`.

    total  how many there are: then it is a bar, else a line that counts
    """

    def __init__(self, what: str, *, total: int | None = None, shown: bool = True) -> None:
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
        bar, of = "", ""
        if self._total is not None:
            filled = _WIDTH * count // self._total
            bar, of = "█" * filled + "░" * (_WIDTH - filled) + " ", f" of {self._total:,}"
        sys.stderr.write(f"{_ERASE}{bar}{count:,}{of} {self._what}")
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
