"""The producer for users' tests: what it has beside the contract."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
from datetime import datetime, timezone

import pytest

from wattnet.producer import DeliveryError, MemoryProducer, Producer, QueueFullError
from wattnet.schemas import Metric

METRIC = Metric("price_day_ahead", 41.5, datetime(2025, 3, 1, tzinfo=timezone.utc), {"zone": "ES"})


def publish(producer: Producer) -> None:
    """Somebody's module; it names the type that it gets in production."""
    producer.send(METRIC)


def test_sent_needs_no_flush_and_outlives_closing() -> None:
    producer = MemoryProducer()
    publish(producer)
    assert [metric.value for metric in producer.sent] == [41.5]
    producer.close()
    assert [metric.labels["zone"] for metric in producer.sent] == ["ES"]


def test_it_may_begin_to_fail_and_recover() -> None:
    producer = MemoryProducer()
    publish(producer)
    producer.fail_with = "the broker is on holiday"
    publish(producer)
    producer.fail_with = None
    publish(producer)
    with pytest.raises(DeliveryError, match=r"1 metrics were not delivered.*the broker is on holiday"):
        producer.flush()
    assert len(producer.sent) == 2
    producer.close()


def test_full_and_block_waits_until_there_is_room() -> None:
    producer = MemoryProducer(full=True)
    thread = threading.Thread(target=publish, args=(producer,))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    producer.full = False
    thread.join(10)
    assert len(producer.sent) == 1
    producer.close()


def test_forgetting_it_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        producer = MemoryProducer()
        publish(producer)
        del producer
        gc.collect()
    program = "from wattnet.producer import MemoryProducer; producer = MemoryProducer()"
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_no_room_for_what_has_a_future() -> None:
    with MemoryProducer(full=True, on_full="raise") as producer, pytest.raises(QueueFullError):
        producer.deliver(METRIC)
    with MemoryProducer(full=True, on_full="drop") as producer:
        future = producer.deliver(METRIC)
        assert isinstance(future.exception(0), QueueFullError)
        assert producer.flush().dropped == 1
