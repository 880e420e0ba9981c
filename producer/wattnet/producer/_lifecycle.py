"""Producers that nobody closed, and producers that came along in a fork."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from wattnet.producer._errors import ForkedProducerError, ProducerClosedError, ProducerError
from wattnet.producer._logging import logger

if TYPE_CHECKING:
    from typing import NoReturn

    from wattnet.producer._queue import RecordQueue

_open: WeakSet[RecordQueue] = WeakSet()


def opened(producer: RecordQueue) -> None:
    _open.add(producer)
    _close_at_the_end_of_a_worker()


@cache
def _close_at_the_end_of_a_worker() -> None:
    """A process of multiprocessing's ends without atexit, and has finalizers of its own."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, _close_all, exitpriority=0)


def closed(producer: RecordQueue) -> None:
    _open.discard(producer)


def refuse_closed(*_: Any, **__: Any) -> NoReturn:
    """Stands where produce was."""
    raise ProducerClosedError(
        "the producer is closed and takes nothing more: make a new one, or send inside its with-block"
    )


def refuse_forked(*_: Any, **__: Any) -> NoReturn:
    """Stands where produce was."""
    raise ForkedProducerError(
        "this producer was made in the parent process, and its threads do not exist in a fork: make one in each "
        "process, such as in the worker's initializer (gunicorn: post_fork, multiprocessing: initializer=)"
    )


def never_destroy(inherited: object) -> None:
    """librdkafka's end of a client waits for threads that a fork does not have, or crashes without them."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def _close_all() -> None:
    """At exit what was sent is delivered, closed or not. What is lost is on standard error, wherever the log goes."""
    for producer in list(_open):
        logger.warning("%r was not closed: it is now, at exit; use it in a with-block, or call close()", producer)
        try:
            producer.close()
        except ProducerError as exc:
            if logger.hasHandlers():
                logger.error("%s", exc)
            sys.stderr.write(f"{producer!r}, at exit: {exc}\n")


def _after_fork() -> None:
    for producer in list(_open):
        producer._leave_to_parent()
    _open.clear()
    _close_at_the_end_of_a_worker.cache_clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
