"""The producer for asyncio: the same names, awaited."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from wattnet.producer._conflicts import without_conflicts
from wattnet.producer._producer import Producer
from wattnet.schemas import Metric, for_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from wattnet.producer._delivery import Delivery
    from wattnet.producer._errors import ProducerError
    from wattnet.producer._queue import FlushResult
    from wattnet.producer._spool import Spool
    from wattnet.producer._statistics import ProducerStatistics
    from wattnet.schemas import MetricType

T = TypeVar("T")

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.1
_LETS_OTHERS_RUN_EVERY = 500


class _ReportingProducer(Producer):
    """Asks for reports of arrivals from the beginning: exchanging the client later would hold the loop."""

    _always_reports = True


class AsyncProducer:
    """A Producer whose methods are awaited, and none of which holds the event loop.

        async with AsyncProducer("localhost:9092") as producer:
            await producer.send(metric)

    The arguments, the guarantees and the errors are Producer's. `on_error` and `on_delivery` are plain functions,
    called in the loop's thread or in one that flushes, one call at a time. A schema registry is asked when it is made,
    which takes a moment. `flush`, `wait_visible`, `send_frame` and `close` run in a thread: when the task that awaits
    one is cancelled, it still comes to its end there.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        topic: str = "wattnet.metrics",
        schema_registry_url: str | None = None,
        on_full: Literal["block", "raise", "drop"] = "block",
        on_error: Callable[[ProducerError], object] | None = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        queue_max_messages: int = 100_000,
        options: Mapping[str, Any] | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._producer: Producer = _ReportingProducer(
            bootstrap_servers,
            topic=topic,
            schema_registry_url=schema_registry_url,
            on_full=on_full,
            on_error=on_error,
            on_delivery=on_delivery,
            queue_max_messages=queue_max_messages,
            options=options,
            spool=spool,
        )

    @classmethod
    def from_env(
        cls,
        *,
        on_full: Literal["block", "raise", "drop"] = "block",
        on_error: Callable[[ProducerError], object] | None = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        queue_max_messages: int = 100_000,
        spool: Spool | None = None,
    ) -> AsyncProducer:
        """See Producer.from_env."""
        from wattnet.producer.security import producer_arguments

        return cls(
            **producer_arguments(),
            on_full=on_full,
            on_error=on_error,
            on_delivery=on_delivery,
            queue_max_messages=queue_max_messages,
            spool=spool,
        )

    @classmethod
    def of(cls, producer: Producer) -> AsyncProducer:
        """One over a producer that is there, such as a MemoryProducer in a test; it closes it, too."""
        self = cls.__new__(cls)
        self._producer = producer
        producer._begin_to_promise()
        return self

    async def send(self, metric: Metric, *, knowledge_time: datetime | None = None) -> None:
        """Put `metric` into the queue; with on_full='block' other tasks run until there is room.

        When the task is cancelled meanwhile, the metric was not taken.
        """
        await self._when_room(lambda: self._producer._offer(metric, knowledge_time))

    async def send_many(
        self,
        metrics: Iterable[Metric],
        *,
        knowledge_time: datetime | None = None,
        conflicts: Literal["raise", "warn"] = "raise",
    ) -> None:
        """`send` each of them, as Producer.send_many does. What it raises leaves those before in the queue."""
        for number, metric in enumerate(without_conflicts(metrics, knowledge_time, conflicts), start=1):
            await self.send(metric, knowledge_time=knowledge_time)
            if not number % _LETS_OTHERS_RUN_EVERY:
                await asyncio.sleep(0)

    async def deliver(self, metric: Metric, *, knowledge_time: datetime | None = None) -> Delivery:
        """`send` it and wait until the brokers have acknowledged it; raises NotDeliveredError when they do not.

        When the task is cancelled meanwhile, a metric that is in the queue goes on being delivered.
        """
        future = await self._when_room(lambda: self._producer._promised(metric, knowledge_time, patient=False))
        return await asyncio.wrap_future(future)

    async def retract(
        self,
        metric_type: MetricType | str,
        timestamp: datetime,
        metadata: Mapping[str, object] | None = None,
        *,
        knowledge_time: datetime | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Withdraw the value of one series and timestamp, as Producer.retract does."""
        await self.send(
            Metric(metric_type, None, timestamp, metadata, knowledge_time=knowledge_time, attributes=attributes)
        )

    async def send_frame(
        self,
        frame: Any,
        *,
        metric_type: MetricType | str | None = None,
        labels: Mapping[str, object] | None = None,
        columns: str | Sequence[str] | Mapping[Any, Mapping[str, object]] | None = None,
        knowledge_time: datetime | Literal["now"] | None = None,
        attributes: Mapping[str, object] | None = None,
        missing: Literal["skip", "raise", "retract"] | None = None,
        strict: bool = False,
        conflicts: Literal["raise", "warn"] = "raise",
        progress: Literal[False] | None = None,
    ) -> int:
        """Put every row of a frame into the queue, in a thread; the frame must not change meanwhile."""
        send = partial(
            self._producer.send_frame,
            frame,
            metric_type=metric_type,
            labels=labels,
            columns=columns,
            knowledge_time=knowledge_time,
            attributes=attributes,
            missing=missing,
            strict=strict,
            conflicts=conflicts,
            progress=progress,
        )
        return await asyncio.to_thread(for_caller(send))

    async def flush(self, timeout_s: float | None = 60.0) -> FlushResult:
        """Return when every metric that was taken has reached the topic; raises as Producer.flush does."""
        return await asyncio.to_thread(self._producer.flush, timeout_s)

    async def wait_visible(self, timeout_s: float | None = 60.0, *, group_id: str = "wattnet-consumer") -> None:
        """Return when ClickHouse has every metric that was taken; raises as Producer.wait_visible does."""
        await asyncio.to_thread(self._producer.wait_visible, timeout_s, group_id=group_id)

    async def statistics(self) -> ProducerStatistics:
        """Numbers of metrics since the producer was made."""
        return self._producer.statistics()

    async def close(self, timeout_s: float | None = 60.0) -> FlushResult:
        """Deliver what is in the queue, then end; raises as Producer.close does."""
        return await asyncio.to_thread(self._producer.close, timeout_s)

    async def __aenter__(self) -> AsyncProducer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._producer.__exit__, kind, error, traceback)

    def __repr__(self) -> str:
        return f"Async{self._producer!r}"

    async def _when_room(self, act: Callable[[], T]) -> T:
        """What `act` returns once the queue has room for it."""
        pause_s = _FIRST_PAUSE_S
        while True:
            with suppress(BufferError):
                return act()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
