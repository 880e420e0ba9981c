"""SIGTERM and a closed terminal stop a command the way Ctrl-C does."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_while_loading() -> None:
    """Until `end_as_python_does`, Ctrl-C ends the process at once: nothing has begun, and nothing has to be said.

    An exception would say it, and one that is raised in the midst of an import may be lost.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is somebody else's, or ignored
        signal.signal(signal.SIGINT, _end)


def end_as_python_does() -> None:
    """Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


class Stopped(KeyboardInterrupt):
    """Asked to stop by this signal. A KeyboardInterrupt, because it passes through `except Exception` alike."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP raises Stopped in the main thread, and Stopped is what leaves the block.

    The second one ends the process at once; what it started then ends by itself.
    """
    stopped: Stopped | None = None

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopped
        for each in SIGNALS:
            signal.signal(each, _end)
        stopped = Stopped(number)
        raise stopped

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    except Exception:
        # C code that is called back may lose what a handler raised, and fail with an error of its own instead.
        if stopped is not None:
            raise stopped from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
