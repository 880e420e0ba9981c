"""The knowledge_time of metrics that bring none: now, and never the same twice in a process.

It names the revision. Two sends of one series and timestamp within a microsecond, or around a step of the clock, would
otherwise be one revision, and the later value could lose against the earlier one.
"""

from __future__ import annotations

import itertools
import os
import threading
from time import time_ns
from typing import TYPE_CHECKING

from wattnet.producer._errors import ClockError

if TYPE_CHECKING:
    from collections.abc import Sequence

# next() on a counter is atomic and a lock costs more than all else here. So times are counted, a microsecond each, and
# the counter is set anew whenever it is this much behind the clock, which at full speed is every tenth call or so.
_SLACK_NS = 20_000
# A counter is replaced by one far ahead only when it is so far behind that what is still taken of it, a number by each
# thread, does not come within the slack.
_LEFT_BEHIND_US = 1_000
# The tables refuse a knowledge_time a day ahead of its message. An hour is left for the message's way to the broker.
_SET_BACK_NS = -23 * 3600 * 1_000_000_000

_ticks = itertools.count()
_catching_up = threading.Lock()


def knowledge_now_us() -> int:
    """Microseconds since 1970, greater than at every call before in this process, by whatever thread or producer.

    At most 20 us behind the clock. Ahead of it, by as much as it was set back, only after that.
    """
    tick = next(_ticks)
    if _SET_BACK_NS < time_ns() - tick * 1000 < _SLACK_NS:
        return tick
    return _catch_up()


def knowledge_times_us(count: int) -> Sequence[int]:
    """`count` of them at once, in order, for the rows of a frame.

    The last one is ahead of the clock by as many microseconds: that is less than sending them takes.
    """
    global _ticks
    with _catching_up:  # only there is the counter replaced: other threads may go on with it meanwhile
        tick = next(_ticks)
        now_us = time_ns() // 1000
        if now_us - tick > _LEFT_BEHIND_US:
            # What others take of the old counter is further behind than the slack, so they ask here for another one.
            _ticks = itertools.count(now_us + count)
            return range(now_us, now_us + count)
        first = _caught_up()
        return [first, *itertools.islice(_ticks, count - 1)]


def _catch_up() -> int:
    with _catching_up:
        return _caught_up()


def _caught_up() -> int:
    """The next tick, after setting the counter to now where it is behind; _catching_up is held."""
    global _ticks
    tick = next(_ticks)
    now_ns = time_ns()
    behind_ns = now_ns - tick * 1000
    if behind_ns < _SET_BACK_NS:
        raise ClockError(
            f"the system clock was set back by {-behind_ns / 3_600_000_000_000:.1f} hours since the last metric: "
            "what is sent now would come from the future and be refused. Start the process again"
        )
    if behind_ns < _SLACK_NS:  # another thread was quicker
        return tick
    # A thread that still holds the old counter takes the next number of that, which is below this one.
    now_us = now_ns // 1000
    _ticks = itertools.count(now_us + 1)
    return now_us


def _after_fork() -> None:
    global _catching_up  # another thread may have held it in the parent
    _catching_up = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
