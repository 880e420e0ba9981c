"""Blocking methods as coroutines: each call runs in one of the event loop's worker threads.

Whoever waits may be cancelled at any time, and is free at once. The thread ends with the read that it is in, at the
latest at the client's time limit; its answer is dropped, and the connection is fit for the next read.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from functools import partial, wraps
from itertools import islice, takewhile
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

from wattnet.schemas import for_caller

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator

Blocking = TypeVar("Blocking")
Given = ParamSpec("Given")
Result = TypeVar("Result")


class Threaded(Generic[Blocking]):
    """Something whose methods block, for those made by the functions below."""

    __slots__ = ("_blocking",)

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking

    def __repr__(self) -> str:
        return repr(self._blocking).replace("<", "<Async", 1)


def awaited(
    method: Callable[Concatenate[Blocking, Given], Result],
) -> Callable[Concatenate[Threaded[Blocking], Given], Coroutine[Any, Any, Result]]:
    """The method as a coroutine. What it warns of points at the line that calls it, whichever task awaits it."""

    @wraps(method)  # Python says the name of a coroutine that was never awaited
    async def in_thread(read: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(read)

    @wraps(method)
    def call(self: Threaded[Blocking], /, *args: Given.args, **kwargs: Given.kwargs) -> Coroutine[Any, Any, Result]:
        return in_thread(for_caller(partial(method, self._blocking, *args, **kwargs)))

    _mark_as_coroutine_function(call)
    return call


def streamed(
    method: Callable[Concatenate[Blocking, Given], Iterator[Result]], *, at_once: int
) -> Callable[Concatenate[Threaded[Blocking], Given], AsyncGenerator[Result, None]]:
    """The method, which reads nothing before its iterator is asked, for `async for`.

    at_once  how many items a thread fetches before it hands them over: one trip to a thread takes as long as a few
             dozen rows
    """

    @wraps(method)
    def call(self: Threaded[Blocking], /, *args: Given.args, **kwargs: Given.kwargs) -> AsyncGenerator[Result, None]:
        source = _Source(method(self._blocking, *args, **kwargs))
        return _handed_over(source, for_caller(partial(source.take, at_once)))

    return call


def _mark_as_coroutine_function(call: Any) -> None:
    """Mocks, for instance, go by it."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(call)
    else:
        call._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]  # the only way there


class _Source(Generic[Result]):
    """An iterator that threads take from, one after the other, and that is closed behind the last of them."""

    def __init__(self, items: Iterator[Result]) -> None:
        self._items = items
        self._taking = Lock()
        self._left = Event()

    def take(self, count: int) -> list[Result]:
        """The next ones; none at the end."""
        with self._taking:
            # Asked before each item: whoever left does not want a large answer read to its end.
            return list(takewhile(lambda _: not self._left.is_set(), islice(self._items, count)))

    def leave(self) -> None:
        """Nothing more is wanted: does not wait for the thread that takes."""
        self._left.set()

    def close(self) -> None:
        """Give the connection back, when nobody takes any more."""
        with self._taking:
            close: Callable[[], None] | None = getattr(self._items, "close", None)
            if close is not None:
                close()


async def _handed_over(source: _Source[Result], take: Callable[[], list[Result]]) -> AsyncGenerator[Result, None]:
    try:
        while items := await asyncio.to_thread(take):
            for item in items:
                yield item
    finally:
        source.leave()
        asyncio.get_running_loop().run_in_executor(None, source.close)
