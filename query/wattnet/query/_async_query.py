"""Query, awaited."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from wattnet.query._query import Query
from wattnet.query._threads import Threaded, awaited, streamed

if TYPE_CHECKING:
    from collections.abc import Callable

Given = ParamSpec("Given")

_ROWS_AT_ONCE = 1_000


def _refined(
    method: Callable[Concatenate[Query, Given], Query],
) -> Callable[Concatenate[AsyncQuery, Given], AsyncQuery]:
    @wraps(method)
    def call(self: AsyncQuery, /, *args: Given.args, **kwargs: Given.kwargs) -> AsyncQuery:
        return AsyncQuery(method(self._blocking, *args, **kwargs))

    return call


class AsyncQuery(Threaded[Query]):
    """What `AsyncClient.metrics` and `AsyncClient.latest` return: a Query whose readers are awaited.

        frame = await client.metrics("zone_load", zone="ES", start="-1d").valid_only().to_pandas()
        async for metric in client.metrics("zone_load", start="-1d").iter_rows(): ...

    Refinements read nothing and are not awaited.
    """

    __slots__ = ()

    as_of = _refined(Query.as_of)
    history = _refined(Query.history)
    latest = _refined(Query.latest)
    valid_only = _refined(Query.valid_only)
    with_attributes = _refined(Query.with_attributes)
    limit = _refined(Query.limit)
    resample = _refined(Query.resample)

    to_list = awaited(Query.to_list)
    to_pandas = awaited(Query.to_pandas)
    to_polars = awaited(Query.to_polars)
    to_arrow = awaited(Query.to_arrow)
    to_series = awaited(Query.to_series)
    gaps = awaited(Query.gaps)
    explain = awaited(Query.explain)
    iter_rows = streamed(Query.iter_rows, at_once=_ROWS_AT_ONCE)
    iter_batches = streamed(Query.iter_batches, at_once=1)

    @wraps(Query.plot)
    async def plot(self, **options: Any) -> Any:
        from wattnet.query._wide import draw

        # Drawing belongs to the thread that has the windows.
        return draw(await self.to_pandas(wide=True), self._blocking._question.name, options)
