"""Client, awaited."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from wattnet.query._async_follow import AsyncFollow
from wattnet.query._async_query import AsyncQuery
from wattnet.query._client import Client
from wattnet.query._threads import Threaded, awaited

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from wattnet.query._follow import Follow
    from wattnet.query._query import Query

Given = ParamSpec("Given")


def _asked(
    method: Callable[Concatenate[Client, Given], Query],
) -> Callable[Concatenate[AsyncClient, Given], AsyncQuery]:
    @wraps(method)
    def call(self: AsyncClient, /, *args: Given.args, **kwargs: Given.kwargs) -> AsyncQuery:
        return AsyncQuery(method(self._blocking, *args, **kwargs))

    return call


def _followed(
    method: Callable[Concatenate[Client, Given], Follow],
) -> Callable[Concatenate[AsyncClient, Given], AsyncFollow]:
    @wraps(method)
    def call(self: AsyncClient, /, *args: Given.args, **kwargs: Given.kwargs) -> AsyncFollow:
        return AsyncFollow(method(self._blocking, *args, **kwargs))

    return call


class AsyncClient(Threaded[Client]):
    """A Client for asyncio: the same arguments, names and errors; what reads is awaited.

        async with AsyncClient("http://localhost:8123") as wattnet:
            frame = await wattnet.metrics("zone_load", zone="ES", start="-1d").to_pandas()

    Reads run in the event loop's worker threads (asyncio.to_thread), several at once. A read that is cancelled returns
    at once; its thread ends with the read, at the latest after `timeout_s`.
    """

    __slots__ = ()

    def __init__(
        self,
        url: str | None = None,
        *,
        database: str | None = None,
        user: str | None = None,
        password: str | None = None,
        tz: str | None = None,
        timeout_s: float = 60.0,
        max_rows: int = 10_000_000,
    ) -> None:
        super().__init__(
            Client(url, database=database, user=user, password=password, tz=tz, timeout_s=timeout_s, max_rows=max_rows)
        )

    @classmethod
    def from_env(cls, *, tz: str | None = None, timeout_s: float = 60.0, max_rows: int = 10_000_000) -> AsyncClient:
        """See Client.from_env."""
        return cls(tz=tz, timeout_s=timeout_s, max_rows=max_rows)

    metrics = _asked(Client.metrics)
    latest = _asked(Client.latest)

    balance = awaited(Client.balance)
    exchange = awaited(Client.exchange)
    forecast_error = awaited(Client.forecast_error)
    changed_since = awaited(Client.changed_since)
    names = awaited(Client.names)
    labels = awaited(Client.labels)
    label_values = awaited(Client.label_values)
    series = awaited(Client.series)
    close = awaited(Client.close)

    follow = _followed(Client.follow)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
