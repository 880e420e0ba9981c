"""AsyncClient: the same names and answers as Client, awaited; whoever waits may be cancelled."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, create_autospec

import pytest

from wattnet.query import (
    AsyncClient,
    AsyncFollow,
    AsyncQuery,
    Change,
    Client,
    Follow,
    Query,
    QuestionError,
    UnknownNameError,
    UnknownValueWarning,
)
from wattnet.query._threads import Threaded, streamed
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from direct_writer import DirectWriter

    from wattnet.clickhouse import ClickHouseSettings

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
ROWS = 3_000


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize(("kind", "other"), [(Client, AsyncClient), (Query, AsyncQuery), (Follow, AsyncFollow)])
def test_the_names_and_arguments_are_the_same(kind: type, other: type) -> None:
    # `step` and `pause_s` are how AsyncFollow waits without a thread.
    assert public(kind) - {"step", "pause_s"} == public(other)
    for name in [*public(other), "__init__"]:
        one, awaited = getattr(kind, name), getattr(other, name)
        if callable(one) and (name != "__init__" or kind is Client):
            assert list(inspect.signature(one).parameters.items()) == list(
                inspect.signature(awaited).parameters.items()
            )


def test_the_answers_are_the_same(database: ClickHouseSettings, store: DirectWriter, client: Client, name: str) -> None:
    store.put(*(Metric(name, float(hour), T0 + hour * HOUR, {"zone": zone}) for zone in "AB" for hour in range(5)))
    asked = {"start": T0, "end": T0 + 24 * HOUR}
    query = client.metrics(name, **asked)
    rows = query.to_list()

    async def ask() -> None:
        async with AsyncClient(database.address, database=database.database) as wattnet:
            awaited = wattnet.metrics(name, **asked)
            # Several at once share the client.
            lists = await asyncio.gather(awaited.to_list(), awaited.limit(3).to_list(), awaited.latest().to_list())
            assert list(lists) == [rows, rows[:3], query.latest().to_list()]
            assert (await awaited.to_pandas(wide=True)).equals(query.to_pandas(wide=True))
            assert [metric async for metric in awaited.iter_rows()] == rows
            batches = [batch async for batch in awaited.iter_batches(max_bytes=300)]
            assert sum(batch.num_rows for batch in batches) == len(rows)
            assert len(batches) > 1
            assert await wattnet.names() == client.names()
            assert await wattnet.series(name, zone="A") == client.series(name, zone="A")
            assert await awaited.explain() == query.explain()
            assert repr(awaited) == f"<AsyncQuery {name}>"
            with pytest.raises(QuestionError):
                awaited.history().latest()
            with pytest.raises(UnknownNameError):
                await wattnet.metrics(f"{name}x", start=T0).to_list()

    asyncio.run(ask())


def test_a_warning_points_at_the_line_that_waits(database: ClickHouseSettings, store: DirectWriter, name: str) -> None:
    """Not into the thread that reads, nor into asyncio."""
    store.put(Metric(name, 1.0, T0, {"zone": "DE-LU"}))
    lines: list[int] = []

    async def ask() -> None:
        async with AsyncClient(database.address, database=database.database) as wattnet:
            typo = wattnet.metrics(name, start=T0, zone="de-lu")
            lines.append(line() + 1)
            assert await typo.to_list() == []
            lines.append(line() + 1)
            assert await asyncio.wait_for(wattnet.series(name, zone="de-lu"), 60) == []
            lines.append(line() + 1)
            assert [row async for row in typo.iter_rows()] == []
            lines.append(line() + 1)
            await asyncio.gather(typo.to_list())
            never = wattnet.names()
            assert "Client.names" in repr(never), "Python says it of one that is never awaited"
            never.close()

    with pytest.warns(UnknownValueWarning, match="did you mean 'DE-LU'") as caught:
        asyncio.run(ask())
    assert {warning.filename for warning in caught} == {__file__}
    assert [warning.lineno for warning in caught] == lines
    assert isinstance(create_autospec(AsyncClient).names, AsyncMock), "mocks know what is awaited"


def line() -> int:
    """The number of the caller's line."""
    return sys._getframe(1).f_lineno


def test_what_changes_is_followed_and_cancelling_loses_nothing(
    database: ClickHouseSettings, store: DirectWriter, name: str
) -> None:
    def metrics(first: int, after: int) -> list[Metric]:
        return [Metric(name, float(hour), T0 + hour * HOUR, {"zone": "A"}) for hour in range(first, after)]

    async def ask() -> None:
        store.put(*metrics(0, 3))
        wattnet = AsyncClient(database.address, database=database.database)
        async with wattnet, wattnet.follow(name, start=T0, poll_interval_s=0.01) as follow:
            given = [(await anext_(follow)).metric.value for _ in range(2)]
            token = follow.token
            landing = asyncio.ensure_future(asyncio.to_thread(store.put, *metrics(3, 6)))
            deadline = time.monotonic() + 60
            while len(given) < 6 and time.monotonic() < deadline:
                # Shorter than any query: whoever waits is gone when the thread has read.
                with suppress(asyncio.TimeoutError):
                    given.append((await asyncio.wait_for(anext_(follow), 0.002)).metric.value)
            await landing
            assert given == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
            again = wattnet.follow(name, resume=token)
            assert (await anext_(again)).metric.value == 2.0, "a token is that of what was given, not of what was read"
            waiting = asyncio.ensure_future(anext_(follow))
            await asyncio.sleep(0.02)
            await follow.close()
            with pytest.raises(StopAsyncIteration):
                await waiting

    asyncio.run(ask())


async def anext_(follow: AsyncFollow) -> Change:
    return await follow.__anext__()


class Slow:
    """A stream of rows, one each millisecond, that says whether it was closed."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    def rows(self) -> Iterator[int]:
        self.iterator = self._rows()  # kept, or it would be closed when nobody has it
        return self.iterator

    def _rows(self) -> Iterator[int]:
        try:
            for row in range(1, ROWS + 1):
                time.sleep(0.001)
                self.read = row
                yield row
        finally:
            self.closed = True


class AsyncSlow(Threaded[Slow]):
    rows = streamed(Slow.rows, at_once=1_000_000)
    few = streamed(Slow.rows, at_once=2)


def test_a_stream_that_is_cancelled_or_left_is_closed() -> None:
    async def cancelled(slow: Slow) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(AsyncSlow(slow).rows().__anext__(), 0.02)

    async def left(slow: Slow) -> None:
        rows: AsyncGenerator[int, None] = AsyncSlow(slow).few()
        async for row in rows:
            if row == 3:
                break
        await rows.aclose()

    for leave in (cancelled, left):
        slow = Slow()
        asyncio.run(leave(slow))  # waits for its threads
        assert slow.closed
        assert slow.read < ROWS
