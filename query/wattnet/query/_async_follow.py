"""Follow, awaited."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from wattnet.schemas import for_caller

if TYPE_CHECKING:
    from types import TracebackType

    from wattnet.query._follow import Follow
    from wattnet.query._follow_reader import Change

_CHANGES_AT_ONCE = 1_000


class AsyncFollow:
    """What `AsyncClient.follow` returns: for `async for`; it waits for the next change without a thread.

    Cancelled while it waits, it loses nothing: the next change asked for is the one that would have come. `close()`
    ends it. Errors as in Follow.
    """

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._reading = Lock()
        # A thread puts what it read here, so that it is there also when nobody waits for that thread any more.
        self._ready: deque[Change] = deque()
        self._token = follow.token
        self._ended = False
        self._closed = asyncio.Event()

    @property
    def token(self) -> str | None:
        """Behind the change that was given last, or where it stands when all that is known was given."""
        return self._token

    async def close(self) -> None:
        """End it: whoever iterates gets nothing more."""
        self._follow.close()
        self._closed.set()

    def __aiter__(self) -> AsyncFollow:
        return self

    async def __anext__(self) -> Change:
        while not self._closed.is_set():
            if self._ready:
                change = self._ready.popleft()
                self._token = change.token
                return change
            await asyncio.to_thread(for_caller(self._read))
            if not self._ready and not self._ended:
                # Not before: what a thread has read, and nobody was given yet, must not be passed by.
                self._token = self._follow.token
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), self._follow.pause_s)
        raise StopAsyncIteration

    async def __aenter__(self) -> AsyncFollow:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _read(self) -> None:
        with self._reading:
            while len(self._ready) < _CHANGES_AT_ONCE:
                try:
                    change = self._follow.step()
                except StopIteration:
                    return
                except Exception:
                    if not self._ready:
                        raise
                    return  # what was read before it comes first; it is met again behind that
                if change is None:
                    return
                self._ready.append(change)
