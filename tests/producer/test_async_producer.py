"""The producer for asyncio: the same rules, and nothing holds the loop."""

from __future__ import annotations

import asyncio
import inspect
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from road import load

from wattnet.producer import (
    AsyncProducer,
    FlushTimeoutError,
    MemoryProducer,
    NotDeliveredError,
    Producer,
    ProducerClosedError,
    QueueFullError,
    VisibilityTimeoutError,
)
from wattnet.schemas import LabelWarning, Metric

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from road import Road

NOWHERE = "127.0.0.1:1"
T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
METRIC = Metric("price_day_ahead", 1.0, T0, {"zone": "ES"})


async def beats_during(act: Coroutine[Any, Any, Any]) -> tuple[Any, float]:
    """What `act` returns or raises, and the longest time for which no other task could run."""
    longest_s, last = 0.0, time.perf_counter()
    task = asyncio.ensure_future(act)
    while not task.done():
        await asyncio.sleep(0.005)
        longest_s, last = max(longest_s, time.perf_counter() - last), time.perf_counter()
    return task.exception() or task.result(), longest_s


def test_it_has_all_of_the_producers_methods_and_arguments() -> None:
    public = {name for name in vars(Producer) if not name.startswith("_")}
    assert public <= set(vars(AsyncProducer))
    for name in public:
        theirs, ours = inspect.signature(getattr(Producer, name)), inspect.signature(getattr(AsyncProducer, name))
        assert {k: v.default for k, v in theirs.parameters.items()} == {
            k: v.default for k, v in ours.parameters.items()
        }, name
    theirs, ours = inspect.signature(Producer), inspect.signature(AsyncProducer)
    assert theirs.parameters == ours.parameters


def test_everything_is_awaited_on_kafka(road: Road) -> None:
    async def program() -> None:
        async with AsyncProducer(road.stack.bootstrap_servers, topic=road.topic) as producer:
            await producer.send(load("ES", 0, 1.0))
            await producer.send_many((load("ES", hour, 1.0) for hour in range(1, 1_200)), knowledge_time=T0)
            deliveries = await asyncio.gather(*(producer.deliver(load("FR", hour, 2.0)) for hour in range(5)))
            assert len({(one.partition, one.offset) for one in deliveries}) == 5
            await producer.retract("zone_load", T0, load("PT", 0, 1.0).metadata)
            frame = pd.DataFrame({"timestamp": [T0, T0 + timedelta(hours=1)], "value": [1.0, 2.0]})
            sent = await producer.send_frame(frame, metric_type="zone_load", labels=load("IT", 0, 1.0).metadata)
            assert sent == 2
            await producer.flush(30)
            found, longest_s = await beats_during(producer.wait_visible(1, group_id=road.group))
            assert isinstance(found, VisibilityTimeoutError)
            assert longest_s < 0.9, "the loop ran on"
            now = await producer.statistics()
            assert (now.taken, now.acknowledged) == (1_208, 1_208)
        with pytest.raises(ProducerClosedError):
            await producer.send(METRIC)

    asyncio.run(program())


def test_a_frames_warning_points_at_the_line_that_sends() -> None:
    async def program() -> None:
        async with AsyncProducer.of(MemoryProducer()) as producer:
            await producer.send_frame(
                pd.DataFrame({"timestamp": [T0], "value": [1.0]}), metric_type="zone_load", labels={"zone": "AF"}
            )

    with pytest.warns(LabelWarning, match="zone_load lacks 'data_state'") as caught:
        asyncio.run(program())
    assert {warning.filename for warning in caught} == {__file__}


def test_a_send_into_a_full_queue_lets_others_run_and_can_be_cancelled() -> None:
    async def program() -> None:
        producer = AsyncProducer(NOWHERE, queue_max_messages=5)
        await producer.send_many([METRIC] * 5)
        send = asyncio.create_task(producer.send(METRIC))
        deliver = asyncio.create_task(producer.deliver(METRIC))
        await asyncio.sleep(0.3)  # it would have been held, not slept
        assert not send.done()
        assert not deliver.done()
        send.cancel()
        deliver.cancel()
        await asyncio.wait([send, deliver])
        assert (await producer.statistics()).taken == 5, "what was cancelled was not taken"
        with pytest.raises(FlushTimeoutError) as caught:
            await producer.close(0.1)
        assert caught.value.queued == 5

    asyncio.run(program())


def test_no_room_is_what_on_full_says() -> None:
    async def program() -> None:
        async with AsyncProducer.of(MemoryProducer(full=True, on_full="raise")) as producer:
            with pytest.raises(QueueFullError):
                await producer.send(METRIC)
        async with AsyncProducer.of(MemoryProducer(full=True, on_full="drop")) as producer:
            await producer.send(METRIC)
            with pytest.raises(QueueFullError):
                await producer.deliver(METRIC)
            assert (await producer.flush()).dropped == 2

    asyncio.run(program())


def test_room_that_comes_lets_the_waiting_go_on() -> None:
    async def program() -> None:
        memory = MemoryProducer(full=True)
        async with AsyncProducer.of(memory) as producer:
            sends = asyncio.gather(producer.send(METRIC), producer.deliver(METRIC))
            await asyncio.sleep(0.02)
            assert not sends.done()
            memory.full = False
            await sends
            memory.fail_with = "it was to fail"
            with pytest.raises(NotDeliveredError):
                await producer.deliver(METRIC)
        assert len(memory.sent) == 2

    asyncio.run(program())


def test_a_cancelled_deliver_is_delivered_all_the_same() -> None:
    async def program() -> None:
        async with AsyncProducer(NOWHERE, options={"message.timeout.ms": 300}) as producer:
            deliver = asyncio.create_task(producer.deliver(METRIC))
            await asyncio.sleep(0.01)
            deliver.cancel()
            await asyncio.wait([deliver])
            assert deliver.cancelled()
            await producer.flush(20)
            now = await producer.statistics()
            assert (now.taken, now.failed) == (1, 1)

    asyncio.run(program())


def test_the_blocks_own_error_is_the_one_that_is_seen() -> None:
    async def program() -> None:
        async with AsyncProducer.of(MemoryProducer(fail_with="it was to fail")) as producer:
            await producer.send(METRIC)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(program())
