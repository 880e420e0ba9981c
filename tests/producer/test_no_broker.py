"""The producer where no broker answers: nothing is lost in silence. Only the broker is missing; the client is real."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from wattnet.producer import (
    BrokerUnreachableError,
    DeliveryError,
    FlushResult,
    FlushTimeoutError,
    ForkedProducerError,
    NotDeliveredError,
    Producer,
    ProducerClosedError,
    ProducerError,
    QueueFullError,
    SchemaRegistryError,
    SendError,
    _producer,
    _queue,
    create_topic,
)
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOWHERE = "127.0.0.1:1"
METRIC = Metric("price_day_ahead", 1.0, datetime(2025, 3, 1, tzinfo=timezone.utc), {"zone": "ES"})
SHORT = {"message.timeout.ms": 200, "linger.ms": 5}


def lost(**arguments: Any) -> Producer:
    return Producer(NOWHERE, **{"options": SHORT, **arguments})


def closed_with_errors(producer: Producer) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        producer.close(5)
    return caught.value


def test_flush_counts_what_was_not_delivered_and_says_why() -> None:
    producer = lost()
    producer.send_many([METRIC] * 3)
    with pytest.raises(DeliveryError, match=rf"3 metrics were not delivered.*{NOWHERE}.*[Cc]onnect") as caught:
        producer.flush(10)
    assert (caught.value.failed, caught.value.queued) == (3, 0)
    assert producer.flush(10) == FlushResult(dropped=0), "what was reported is not reported again"
    assert producer.close() == FlushResult(dropped=0)


def test_on_error_gets_every_metric_back() -> None:
    heard: list[ProducerError] = []
    producer = lost(on_error=heard.append)
    sent = [Metric("x", float(n), METRIC.timestamp, {"n": n}) for n in range(5)]
    producer.send_many(sent)
    assert closed_with_errors(producer).failed == 5
    assert sorted(str(error) for error in heard)[0].startswith("x{n=0} was not delivered: no broker")
    failed = [error for error in heard if isinstance(error, NotDeliveredError)]
    assert {(e.series_key, e.metric.value, e.metric.labels["n"]) for e in failed} == {
        (f"x{{n={n}}}", float(n), str(n)) for n in range(5)
    }
    assert all(e.metric.knowledge_time is not None for e in failed)


def test_what_on_error_raises_comes_up_in_flush(caplog: pytest.LogCaptureFixture) -> None:
    def broken(error: ProducerError) -> None:
        raise KeyError("my own mistake")

    producer = lost(on_error=broken)
    producer.send_many([METRIC] * 2)
    error = closed_with_errors(producer)
    assert error.failed == 2
    assert "my own mistake" in str(error)
    assert isinstance(error.cause, KeyError)
    assert sum("on_error raised" in record.message for record in caplog.records) == 2


def test_on_error_may_call_the_producer() -> None:
    heard: list[ProducerError] = []

    def once_more(error: ProducerError) -> None:
        heard.append(error)
        if len(heard) == 1:
            producer.send(METRIC)

    producer = lost(on_error=once_more)
    producer.send(METRIC)
    with pytest.raises(DeliveryError) as caught:
        producer.flush(10)
    assert caught.value.failed == 2
    assert len(heard) == 2
    producer.close()


def test_errors_reach_on_error_while_sending() -> None:
    heard: list[ProducerError] = []
    producer = lost(on_error=heard.append)
    deadline = time.monotonic() + 10
    while not heard:
        producer.send(METRIC)
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert closed_with_errors(producer).failed >= len(heard) > 0


def test_flush_that_times_out_says_what_is_queued() -> None:
    producer = Producer(NOWHERE)
    producer.send_many([METRIC] * 7)
    started = time.monotonic()
    with pytest.raises(FlushTimeoutError, match=r"7 metrics are still in the queue after 0\.3 s.*[Cc]onnect") as caught:
        producer.flush(0.3)
    assert time.monotonic() - started < 3
    assert (caught.value.queued, caught.value.failed) == (7, 0)
    with pytest.raises(FlushTimeoutError, match=r"7 metrics .* They are given up"):
        producer.close(0.1)


def test_a_flush_of_nothing_returns_at_once() -> None:
    with Producer(NOWHERE) as producer:
        assert producer.flush() == FlushResult(dropped=0)
        assert producer.flush(None) == FlushResult(dropped=0)


def test_close_gives_up_what_is_left_and_tells_on_error() -> None:
    heard: list[ProducerError] = []
    producer = Producer(NOWHERE, on_error=heard.append)
    producer.send_many([METRIC] * 3)
    with pytest.raises(FlushTimeoutError) as caught:
        producer.close(0.1)
    assert (caught.value.queued, caught.value.failed) == (3, 0)
    assert [str(e) for e in heard] == [
        "price_day_ahead{zone=ES} was not delivered: it was still in the queue when the producer closed"
    ] * 3


def test_full_and_raise() -> None:
    producer = Producer(NOWHERE, on_full="raise", queue_max_messages=10)
    producer.send_many([METRIC] * 10)
    with pytest.raises(QueueFullError, match=r"10 metrics.*price_day_ahead\{zone=ES\} was not taken"):
        producer.send(METRIC)
    with pytest.raises(FlushTimeoutError) as caught:
        producer.close(0.1)
    assert caught.value.queued == 10


def test_full_and_drop(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[ProducerError] = []
    producer = lost(on_full="drop", queue_max_messages=10, on_error=heard.append)
    producer.send_many([METRIC] * 15)
    assert [type(error) for error in heard] == [QueueFullError] * 5
    assert sum("dropped" in record.message for record in caplog.records) == 1, "one line, not one a metric"
    with pytest.raises(DeliveryError) as caught:
        producer.flush(10)
    assert (caught.value.failed, caught.value.dropped) == (10, 5)
    producer.send(METRIC)
    assert closed_with_errors(producer).dropped == 0, "counted once"


def test_full_and_block_waits_for_room() -> None:
    """Here room comes when the client gives up on the first ones."""
    producer = lost(on_full="block", queue_max_messages=10)
    started = time.monotonic()
    producer.send_many([METRIC] * 25)
    assert time.monotonic() - started > 0.3
    assert closed_with_errors(producer).failed == 25


def test_closing_ends_a_send_that_waits_in_another_thread() -> None:
    producer = Producer(NOWHERE, queue_max_messages=5)
    ended: list[BaseException] = []

    def fill() -> None:
        try:
            producer.send_many([METRIC] * 6)
        except ProducerError as exc:
            ended.append(exc)

    thread = threading.Thread(target=fill)
    thread.start()
    time.sleep(0.3)
    with pytest.raises(FlushTimeoutError):
        producer.close(0.1)
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(ended[0], ProducerClosedError)


def test_closed_takes_nothing() -> None:
    producer = Producer(NOWHERE)
    producer.close()
    assert producer.close() == FlushResult(dropped=0)
    calls: list[Callable[[], Any]] = [
        lambda: producer.send(METRIC),
        lambda: producer.send_many([METRIC]),
        lambda: producer.flush(),
    ]
    for call in calls:
        with pytest.raises(ProducerClosedError, match="make a new one"):
            call()


def test_the_blocks_own_error_is_the_one_that_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    def block() -> None:
        with producer:
            producer.send(METRIC)
            raise ZeroDivisionError

    producer = lost()
    with pytest.raises(ZeroDivisionError) as caught:
        block()
    assert any("1 metrics were not delivered" in record.message for record in caplog.records)
    if hasattr(caught.value, "__notes__"):
        assert "1 metrics were not delivered" in caught.value.__notes__[0]
    with pytest.raises(ProducerClosedError):
        producer.send(METRIC)


def test_the_block_raises_what_close_raises() -> None:
    with pytest.raises(DeliveryError), lost() as producer:
        producer.send(METRIC)


@pytest.mark.parametrize("wrong", [None, "zone_load", {"name": "x"}, 1.0])
def test_only_metrics_are_sent(wrong: Any) -> None:
    with (
        Producer(NOWHERE) as producer,
        pytest.raises(TypeError, match=f"send takes a Metric, .*{type(wrong).__name__}"),
    ):
        producer.send(wrong)


def test_what_the_client_refuses_at_the_call_is_an_error_there() -> None:
    huge = Metric("x", 1.0, METRIC.timestamp, {"zone": "ES"}, attributes={"note": "n" * 3000})
    with (
        Producer(NOWHERE, options={"message.max.bytes": 1000}) as producer,
        pytest.raises(SendError, match=r"x\{zone=ES\} was not taken.*message\.max\.bytes"),
    ):
        producer.send(huge)


def test_a_producer_that_is_forgotten_is_drained_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raises then, Python prints: nobody is there to catch it."""
    printed: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: printed.append(unraisable.exc_value))
    producer = lost()
    producer.send(METRIC)
    with pytest.warns(ResourceWarning, match="was not closed"):
        del producer
    assert [error.failed for error in printed] == [1]


def test_no_cycle_keeps_a_closed_producer_alive() -> None:
    producer = Producer(NOWHERE)
    producer.close()
    gone = weakref.ref(producer)
    gc.disable()
    try:
        del producer
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_told_to_make_its_own() -> None:
    producer = Producer(NOWHERE)
    producer.send(METRIC)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            producer.send(METRIC)
        except ForkedProducerError as exc:
            os.write(write, str(exc).encode())
        try:
            producer.flush()
        except ForkedProducerError:
            os.write(write, b"|flush")
        producer.close()
        os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    said = os.read(read, 1000).decode()
    os.close(read)
    assert "one in each process" in said
    assert said.endswith("|flush")
    with pytest.raises(FlushTimeoutError) as caught:
        producer.close(0.1)
    assert caught.value.queued == 1, "the parent's own is untouched"


def test_the_client_speaks_through_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="wattnet.producer")
    producer = lost()
    producer.send(METRIC)
    closed_with_errors(producer)
    assert any(
        record.name == "wattnet.producer.librdkafka" and "refused" in record.message for record in caplog.records
    )


def test_no_broker_for_the_topic() -> None:
    with pytest.raises(BrokerUnreachableError, match=f"no broker at {NOWHERE}"):
        create_topic(NOWHERE, "x", timeout_s=0.5)


def test_a_registry_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(SchemaRegistryError, match=r"http://127\.0\.0\.1:1 did not answer") as caught:
        Producer(NOWHERE, schema_registry_url="http://me:secret@127.0.0.1:1")
    assert "secret" not in str(caught.value)


def test_close_fails_the_futures_that_are_left() -> None:
    producer = Producer(NOWHERE)
    future = producer.deliver(METRIC)
    with pytest.raises(FlushTimeoutError):
        producer.close(0.1)
    with pytest.raises(NotDeliveredError, match="still in the queue when the producer closed"):
        future.result(0)


def test_a_future_may_close_its_producer() -> None:
    producer = lost()
    done = threading.Event()

    def close(_: object) -> None:
        producer.close(10)
        done.set()

    producer.deliver(METRIC).add_done_callback(close)
    assert done.wait(20)


def test_a_forgotten_producer_is_not_kept_alive_by_its_futures() -> None:
    producer = lost()
    future = producer.deliver(METRIC)
    with pytest.warns(ResourceWarning, match="was not closed"):
        del producer
    assert isinstance(future.exception(0), NotDeliveredError)


def test_before_the_first_future_what_was_sent_is_decided() -> None:
    """The client is exchanged for one that reports arrivals; two of them would race with one series."""
    heard: list[ProducerError] = []
    producer = lost(on_error=heard.append)
    producer.send_many([METRIC] * 3)
    future = producer.deliver(METRIC)
    assert len(heard) == 3
    assert isinstance(future.exception(20), NotDeliveredError)
    assert closed_with_errors(producer).failed == 3


@pytest.mark.parametrize(
    ("address", "why"),
    [(NOWHERE, "Connection refused"), ("no-such-host.invalid:9092", "Failed to resolve 'no-such-host.invalid:9092'")],
)
def test_a_wrong_address_ends_the_first_flush_early(address: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why in Kafka's words; the metrics stay, for a broker that comes up later."""
    assert _queue.REACH_S < 10
    monkeypatch.setattr(_producer, "REACH_S", 1.0)
    producer = Producer(address)
    producer.send(METRIC)
    began = time.monotonic()
    with pytest.raises(FlushTimeoutError, match=f"still in the queue after 1.*go on being tried.*{why}") as caught:
        producer.flush(60)
    assert time.monotonic() - began < 10
    assert caught.value.queued == 1
    with pytest.raises(FlushTimeoutError):
        producer.close(0)


LEFT_OPEN = """
    import sys
    from datetime import datetime, timezone
    from wattnet.producer import Producer, _lifecycle
    from wattnet.schemas import Metric

    def work():
        global producer
        producer = Producer("127.0.0.1:1", options={"delivery.timeout.ms": 1_500})
        for _ in range(3):
            producer.send(Metric("my_metric", 1.0, datetime.now(timezone.utc)))

    if __name__ == "__main__":
"""


@pytest.mark.parametrize(
    "how",
    [
        "work()",
        "import logging; logging.basicConfig(filename='log'); work()",
        "import multiprocessing as m; p = m.get_context('fork').Process(target=work); p.start(); p.join()",
        "import multiprocessing as m; p = m.get_context('spawn').Process(target=work); p.start(); p.join()",
    ],
    ids=["a program", "one that logs to a file", "a forked worker", "a spawned worker"],
)
def test_what_an_open_producer_loses_at_exit_is_on_standard_error(how: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(LEFT_OPEN).rstrip() + f"\n        {how}\n")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    [line] = [line for line in done.stderr.splitlines() if "at exit: " in line]
    assert line.startswith("Producer('127.0.0.1:1', topic='wattnet.metrics'), at exit: 3 metrics were not delivered")
    assert "Connection refused" in line
    assert "Traceback" not in done.stderr
