"""The knowledge_time of metrics that bring none: now, and never the same twice in a process.

It names the revision. Two sends of one series and timestamp within a microsecond, or around a step of the clock, would
otherwise be one revision, and the later value could lose against the earlier one.
"""

from __future__ import annotations

import os
import threading
from time import time_ns

from wattnet.producer._errors import ClockError

# The tables refuse a knowledge_time a day ahead of its message. An hour is left for the message's way to the broker.
_MAX_AHEAD_US = 23 * 3600 * 1_000_000

_lock = threading.Lock()
_last_us = 0


def knowledge_now_us() -> int:
    """Microseconds since 1970, greater than at every call before in this process, by whatever thread or producer."""
    global _last_us
    with _lock:
        now_us = time_ns() // 1000
        if now_us <= _last_us:
            if _last_us - now_us > _MAX_AHEAD_US:
                hours = (_last_us - now_us) / 3_600_000_000
                raise ClockError(
                    f"the system clock was set back by {hours:.1f} hours since the last metric: what is sent now would "
                    "come from the future and be refused. Start the process again"
                )
            now_us = _last_us + 1
        _last_us = now_us
        return now_us


def _after_fork() -> None:
    global _lock  # another thread may have held it in the parent
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
