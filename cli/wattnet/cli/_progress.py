"""How far a command is, on standard error, where a person watches."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

AFTER_S = 1.0
EVERY_S = 0.2
_ERASE = "\r\x1b[K"


class Progress:
    """A line that counts, from a second on; nothing where standard error is no terminal. It is gone at the end.

    quiet  the data go to the same terminal, and show by themselves how far they are
    """

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._next_s = time.monotonic() + AFTER_S if sys.stderr.isatty() and not quiet else float("inf")
        self._shown = False

    def __call__(self, count: int) -> None:
        """So many, so far."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            self._shown = True
            sys.stderr.write(f"{_ERASE}{count:,} {self._what}")
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
