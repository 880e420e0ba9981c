"""When directly written values became known: now, and never the same twice in a process, as a Producer does it."""

from __future__ import annotations

import os
import threading
import time

_counting = threading.Lock()
_last_us = 0


def knowledge_times_us(count: int) -> int:
    """The first of `count` microseconds since 1970 that follow each other, all of them later than any before.

    The last one is ahead of the clock by as many microseconds: that is less than storing them takes.
    """
    global _last_us
    with _counting:
        first = max(time.time_ns() // 1000, _last_us + 1)
        _last_us = first + count - 1
        return first


def _after_fork() -> None:
    global _counting  # another thread may have held it in the parent
    _counting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
