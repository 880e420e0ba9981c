"""A stack in the foreground of a terminal or under a process manager, until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from wattnet.local._stack import LocalStack

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_stopped(stack: LocalStack, *, on_ready: Callable[[LocalStack], None]) -> None:
    """Start the stack, call `on_ready` when it serves, and stop it at SIGINT, SIGTERM or SIGHUP; then return.

    Raises ServiceFailedError when a service dies by itself, and whatever `start` raises. A second signal ends this
    process at once; the services then end on their own. Call it from the main thread, as signals go there.
    """
    with _interrupted_by_signals():
        try:
            with stack:
                on_ready(stack)
                while True:
                    time.sleep(0.5)
                    stack.require_running()
        except KeyboardInterrupt:
            return


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    def interrupt(number: int, _: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, lambda number, _: os._exit(128 + number))
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
