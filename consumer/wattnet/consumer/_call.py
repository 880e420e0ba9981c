"""Calls into librdkafka that have no timeout of their own, given one.

A synchronous commit waits for a silent coordinator without end, whatever socket.timeout.ms says, and so does leaving
the group (librdkafka 2.16).
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Call(Generic[T]):
    """`act`, under way on a thread of its own that does not hold the end of the process."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._answer: Future[T] = Future()
        Thread(target=self._run, args=(act,), name="kafka-call", daemon=True).start()

    def _run(self, act: Callable[[], T]) -> None:
        try:
            self._answer.set_result(act())
        except BaseException as exc:  # noqa: BLE001  # it is raised where the answer is taken
            self._answer.set_exception(exc)

    def answered(self, timeout_s: float) -> bool:
        """Whether it has returned, or raised, within the time."""
        return bool(wait([self._answer], timeout_s).done)

    def answer(self) -> T:
        """What it returned or raised; waits for it."""
        return self._answer.result()
