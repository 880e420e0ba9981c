"""A frame meets a queue that is full, and a terminal that is watched."""

from __future__ import annotations

import io
import itertools
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from frames import long, tidy

from wattnet.producer import (
    MemoryProducer,
    Producer,
    ProducerError,
    QueueFullError,
    SendError,
)
from wattnet.schemas import progress as bar

if TYPE_CHECKING:
    from collections.abc import Iterator


NOWHERE = "127.0.0.1:1"


@pytest.fixture
def producer() -> Iterator[MemoryProducer]:
    producer = MemoryProducer()
    yield producer
    producer.close()


def test_full_and_block_waits_and_keeps_the_order() -> None:
    producer = MemoryProducer(full=True)
    thread = threading.Thread(target=producer.send_frame, args=(long(20_000),), kwargs={"metric_type": "x"})
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    producer.full = False
    thread.join(20)
    sent = producer.sent
    assert [metric.value for metric in sent] == list(range(20_000))
    known = [metric.knowledge_time_us or 0 for metric in sent]
    assert all(earlier < later for earlier, later in itertools.pairwise(known))
    producer.close()


def test_where_there_is_room_for_some_the_others_follow_in_order(
    producer: MemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, calls = producer._memory.produce, itertools.count(1)

    def produce(*arguments: Any, **named: Any) -> None:
        if next(calls) % 700 == 0:
            raise BufferError
        take(*arguments, **named)

    monkeypatch.setattr(producer._memory, "produce", produce)
    assert producer.send_frame(long(5_000), metric_type="x") == 5_000
    assert [metric.value for metric in producer.sent] == list(range(5_000))


def full_for_good(**arguments: Any) -> Producer:
    """librdkafka's own queue, with no broker."""
    return Producer(NOWHERE, queue_max_messages=1_500, options={"message.timeout.ms": 30_000}, **arguments)


def given_up(producer: Producer) -> None:
    with pytest.raises(ProducerError):
        producer.close(0)


def test_full_and_raise_says_how_many_were_taken() -> None:
    producer = full_for_good(on_full="raise")
    with pytest.raises(QueueFullError, match=r"the queue is full .*1,500 of 4,000 rows were taken"):
        producer.send_frame(long(4_000), metric_type="x")
    given_up(producer)


def test_full_and_drop_counts_them() -> None:
    heard: list[ProducerError] = []
    producer = full_for_good(on_full="drop", on_error=heard.append)
    assert producer.send_frame(long(4_000), metric_type="x") == 1_500
    assert len([error for error in heard if isinstance(error, QueueFullError)]) == 2_500
    given_up(producer)


def test_a_row_that_kafkas_client_refuses() -> None:
    producer = Producer(NOWHERE, options={"message.max.bytes": 1_000})
    frame = tidy(scope=["a", "b" * 2_000, "c"])
    with pytest.raises(SendError, match=r"max\.message\.bytes.*2 of 3 rows were"):
        producer.send_frame(frame, metric_type="x")
    given_up(producer)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [(Terminal(), None, True), (Terminal(), False, False), (io.StringIO(), None, False)],
)
def test_a_bar_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, progress: Any, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(bar, "_AFTER_S", 0.0)
    with MemoryProducer() as producer:
        producer.send_frame(long(20_000), metric_type="x", progress=progress)
    assert ("4,096 of 20,000 metrics" in stream.getvalue()) == shown
    assert stream.getvalue().endswith("\r\x1b[K") == shown
