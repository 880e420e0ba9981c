"""A stack in the foreground of a terminal or under a process manager, until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from wattnet.local._stack import LocalStack

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_S = 0.5


def run_until_stopped(stack: LocalStack, *, on_ready: Callable[[LocalStack], None]) -> None:
    """Start the stack, call `on_ready` when it serves, and stop it at SIGINT, SIGTERM or SIGHUP; then return.

    Raises ServiceFailedError when a service dies by itself, and whatever `start` raises. A second signal ends this
    process at once; the services then end on their own. Call it from the main thread, as signals go there.
    """
    with _interrupted_by_signals() as told, suppress(KeyboardInterrupt):
        try:
            with stack:
                on_ready(stack)
                while not told:
                    time.sleep(LOOK_S)
                    stack.require_running()
        except Exception:
            # C code that is called back may lose what a handler raised, and fail with an error of its own instead.
            if not told:
                raise


@contextmanager
def _interrupted_by_signals() -> Iterator[list[int]]:
    """Yields the signal that came, when it has come: what the handler raises may get lost on its way."""
    told: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, lambda number, _: os._exit(128 + number))
        told.append(number)
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
