"""What every producer does, on Kafka, with a spool in between, and in memory: one suite for all.

A program that was tested with MemoryProducer meets nothing new in Producer.
"""

from __future__ import annotations

import itertools
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
import pytest
from topic import decoded, messages

from wattnet.producer import (
    Delivery,
    DeliveryError,
    FlushResult,
    MemoryProducer,
    NotDeliveredError,
    Producer,
    ProducerClosedError,
    ProducerConfigError,
    ProducerError,
    QueueFullError,
    Spool,
    create_topic,
)
from wattnet.schemas import Metric, MetricTimeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
NOWHERE = "127.0.0.1:1"


def price(hour: int, value: float | None = 1.0, **arguments: Any) -> Metric:
    return Metric("price_day_ahead", value, T0 + timedelta(hours=hour), {"zone": "ES"}, **arguments)


class Kind(Protocol):
    """One kind of producer, and how a test looks at what it sent and puts it into trouble."""

    def works(self, **arguments: Any) -> Producer: ...
    def fails(self, **arguments: Any) -> Producer: ...
    def is_full(self, **arguments: Any) -> Producer: ...
    def sent(self, producer: Producer) -> list[Metric]: ...


class OnKafka:
    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._topic = f"test-{uuid.uuid4().hex}"

    def works(self, **arguments: Any) -> Producer:
        create_topic(self._servers, self._topic, partitions=1)
        return Producer(self._servers, topic=self._topic, **arguments)

    def fails(self, **arguments: Any) -> Producer:
        return Producer(NOWHERE, options={"message.timeout.ms": 200, "linger.ms": 5}, **arguments)

    def is_full(self, **arguments: Any) -> Producer:
        producer = self.fails(queue_max_messages=1, **arguments)
        producer.send(price(0))
        return producer

    def sent(self, producer: Producer) -> list[Metric]:
        producer.flush(20)
        return decoded(messages(self._servers, self._topic, None))


class InMemory:
    def works(self, **arguments: Any) -> Producer:
        return MemoryProducer(**arguments)

    def fails(self, **arguments: Any) -> Producer:
        return MemoryProducer(fail_with="it was to fail", **arguments)

    def is_full(self, **arguments: Any) -> Producer:
        producer = MemoryProducer(fail_with="it was to fail", **arguments)
        producer.send(price(0))
        producer.full = True
        return producer

    def sent(self, producer: Producer) -> list[Metric]:
        assert isinstance(producer, MemoryProducer)
        return producer.sent


class WithSpool(OnKafka):
    """It gives nothing up, so tests of failures do not ask for it."""

    def __init__(self, servers: str, folder: Path) -> None:
        super().__init__(servers)
        self._folder = folder

    def works(self, **arguments: Any) -> Producer:
        return super().works(spool=Spool(self._folder), **arguments)


ON_KAFKA = pytest.param("on Kafka", marks=pytest.mark.services)
WITH_A_SPOOL = pytest.param("with a spool", marks=pytest.mark.services)


@pytest.fixture(params=["in memory", ON_KAFKA, WITH_A_SPOOL])
def working(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    if request.param == "in memory":
        return InMemory()
    servers = request.getfixturevalue("wattnet_stack").bootstrap_servers
    return OnKafka(servers) if request.param == "on Kafka" else WithSpool(servers, tmp_path)


@pytest.fixture(params=["in memory", ON_KAFKA])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "in memory":
        return InMemory()
    return OnKafka(request.getfixturevalue("wattnet_stack").bootstrap_servers)


def test_what_is_sent_is_there_in_order_with_its_knowledge_times(working: Kind) -> None:
    sent = [
        price(0, 0.1),
        price(1, None, attributes={"resolution": "PT15M"}),
        price(0, 5e-324),
        Metric("own_name", -0.0, T0, {"x": "größe,={}", "valid": False, "zone_status": "preview", "data_state": "d"}),
        price(2, knowledge_time=T0),
    ]
    before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    with working.works() as producer:
        producer.send(sent[0])
        producer.send_many(iter(sent[1:]))
        assert producer.flush(20) == FlushResult(dropped=0)
        read = working.sent(producer)
    assert [(m.metric_type, repr(m.value), m.timestamp, m.metadata, m.attributes) for m in read] == [
        (m.metric_type, repr(m.value), m.timestamp, m.metadata, m.attributes) for m in sent
    ]
    assert read[4].knowledge_time == T0
    known = [m.knowledge_time or T0 for m in read[:4]]
    assert before < known[0]
    assert known[-1] <= datetime.now(timezone.utc)
    assert all(earlier < later for earlier, later in itertools.pairwise(known))


@pytest.mark.parametrize("wrong", [None, "zone_load", {"name": "x"}])
def test_only_metrics_are_sent(working: Kind, wrong: Any) -> None:
    with (
        working.works() as producer,
        pytest.raises(TypeError, match=f"send takes a Metric, .*{type(wrong).__name__}"),
    ):
        producer.send(wrong)


def test_a_failure_before_the_end_leaves_those_before_it_sent(working: Kind) -> None:
    with working.works() as producer:
        with pytest.raises(TypeError):
            producer.send_many([price(0), price(1), None, price(3)])  # type: ignore[list-item]  # that is the point
        assert len(working.sent(producer)) == 2


def test_closed_takes_nothing(working: Kind) -> None:
    producer = working.works()
    producer.send(price(0))
    assert producer.close(20) == FlushResult(dropped=0)
    assert producer.close() == FlushResult(dropped=0), "closing again does nothing"
    calls: list[Callable[[], Any]] = [
        lambda: producer.send(price(0)),
        lambda: producer.send_many([price(0)]),
        lambda: producer.deliver(price(0)),
        lambda: producer.flush(),
    ]
    for call in calls:
        with pytest.raises(ProducerClosedError, match="make a new one"):
            call()


def test_a_frame_is_sent_as_its_metrics(working: Kind) -> None:
    frame = pd.DataFrame(
        {"solar": [1.0, 2.0, None], "wind": [3.0, None, 4.0]}, index=pd.date_range(T0, periods=3, freq="h")
    )
    with working.works() as producer:
        assert producer.send_frame(frame, metric_type="own_name", columns="source", labels={"zone": "ES"}) == 4
        assert producer.flush(20) == FlushResult(dropped=0)
        read = working.sent(producer)
        assert producer.statistics().acknowledged == 4
    assert [(metric.labels["source"], metric.value, metric.timestamp) for metric in read] == [
        ("solar", 1.0, T0),
        ("wind", 3.0, T0),
        ("solar", 2.0, T0 + timedelta(hours=1)),
        ("wind", 4.0, T0 + timedelta(hours=2)),
    ]
    assert all((one.knowledge_time or T0) < (two.knowledge_time or T0) for one, two in itertools.pairwise(read))


def test_what_did_not_arrive_is_counted_and_handed_back(kind: Kind) -> None:
    heard: list[ProducerError] = []
    producer = kind.fails(on_error=heard.append)
    producer.send_many(price(hour, float(hour)) for hour in range(3))
    with pytest.raises(DeliveryError, match="3 metrics were not delivered, the first one because") as caught:
        producer.flush(10)
    assert (caught.value.failed, caught.value.queued, caught.value.dropped) == (3, 0, 0)
    failed = [error for error in heard if isinstance(error, NotDeliveredError)]
    assert [(e.series_key, e.metric.value) for e in failed] == [
        ("price_day_ahead{zone=ES}", float(hour)) for hour in range(3)
    ]
    assert all(e.metric.knowledge_time is not None and e.reason for e in failed)
    assert producer.close() == FlushResult(dropped=0), "what was reported is not reported again"


def test_what_on_error_raises_comes_up_in_close(kind: Kind) -> None:
    def broken(error: ProducerError) -> None:
        raise KeyError("my own mistake")

    producer = kind.fails(on_error=broken)
    producer.send(price(0))
    with pytest.raises(DeliveryError, match="my own mistake") as caught:
        producer.close(10)
    assert isinstance(caught.value.cause, KeyError)


def test_a_calls_knowledge_time_is_for_metrics_that_bring_none(working: Kind) -> None:
    issued = datetime(2025, 2, 28, 6, tzinfo=timezone(timedelta(hours=1)))
    with working.works() as producer:
        producer.send(price(0), knowledge_time=issued)
        producer.send_many([price(1), price(2, knowledge_time=T0)], knowledge_time=issued)
        read = working.sent(producer)
    assert [metric.knowledge_time for metric in read] == [issued, issued, T0]


@pytest.mark.parametrize(
    "wrong", [T0.replace(tzinfo=None), "2025-03-01", datetime.now(timezone.utc) + timedelta(days=2)]
)
def test_a_calls_knowledge_time_is_checked_as_a_metrics_is(kind: Kind, wrong: Any) -> None:
    with kind.works() as producer:
        with pytest.raises(MetricTimeError) as of_metric:
            price(0, knowledge_time=wrong)
        with pytest.raises(MetricTimeError) as of_send:
            producer.send(price(0), knowledge_time=wrong)
        assert str(of_send.value) == str(of_metric.value)
        with pytest.raises(MetricTimeError):
            producer.send_many([price(0)], knowledge_time=wrong)
        assert producer.statistics().taken == 0


def test_a_value_is_retracted_by_a_metric_of_none(working: Kind) -> None:
    with working.works() as producer:
        producer.send(price(0))
        producer.retract("price_day_ahead", T0, {"zone": "ES"}, attributes={"why": "the source took it back"})
        producer.retract("price_day_ahead", T0, {"zone": "ES"}, knowledge_time=T0)
        first, second, third = working.sent(producer)
    assert (second.value, second.timestamp, second.series_key) == (None, first.timestamp, first.series_key)
    assert second.attributes == {"why": "the source took it back"}
    assert (second.knowledge_time or T0) > (first.knowledge_time or T0)
    assert (third.value, third.knowledge_time) == (None, T0)


def test_on_delivery_is_told_where_each_metric_arrived(working: Kind) -> None:
    arrived: list[Delivery] = []
    with working.works(on_delivery=arrived.append) as producer:
        producer.send_many(price(hour, float(hour)) for hour in range(3))
        producer.flush(20)
        assert [one.metric for one in arrived] == working.sent(producer)
        assert {one.series_key for one in arrived} == {"price_day_ahead{zone=ES}"}
        assert all(repr(one.topic) in repr(producer) for one in arrived)
        assert [(one.partition, one.offset) for one in arrived] == [(0, 0), (0, 1), (0, 2)]


def test_on_delivery_may_call_the_producer_and_what_it_raises_comes_up_in_flush(working: Kind) -> None:
    def once_more(delivery: Delivery) -> None:
        if delivery.metric.value == 1:
            producer.send(price(1, 2.0))
        else:
            raise KeyError("my own mistake")

    producer = working.works(on_delivery=once_more)
    producer.send(price(0, 1.0))
    with pytest.raises(DeliveryError, match="my own mistake") as caught:
        producer.flush(20)
    assert isinstance(caught.value.cause, KeyError)
    assert producer.statistics().acknowledged == 2
    producer.close(20)


def test_failures_are_no_deliveries(kind: Kind) -> None:
    arrived: list[Delivery] = []
    producer = kind.fails(on_delivery=arrived.append)
    producer.send(price(0))
    with pytest.raises(DeliveryError):
        producer.close(10)
    assert arrived == []


def test_statistics_tell_what_became_of_the_metrics(kind: Kind) -> None:
    with kind.works() as producer:
        producer.send_many(price(hour) for hour in range(4))
        producer.flush(20)
        producer.send(price(4))
        now = producer.statistics()
        assert (now.taken, now.queued + now.acknowledged, now.failed, now.dropped) == (5, 5, 0, 0)
    now = producer.statistics()
    assert (now.taken, now.queued, now.acknowledged) == (5, 0, 5), "also after close"
    failing = kind.is_full(on_full="drop")
    failing.send_many([price(1), price(2)])
    with pytest.raises(DeliveryError):
        failing.flush(10)
    now = failing.statistics()
    assert (now.queued, now.acknowledged) == (0, 0)
    assert now.taken == now.failed >= 1
    assert now.taken + now.dropped == 3, "on a slow machine the first one is given up, which makes room"
    failing.close()


def test_a_future_tells_where_its_metric_arrived(working: Kind) -> None:
    heard: list[object] = []
    with working.works() as producer:
        producer.send(price(0, 0.0))
        futures = [producer.deliver(price(hour, float(hour))) for hour in (1, 2)]
        futures.append(producer.deliver(price(3, 3.0), knowledge_time=T0))
        futures[0].add_done_callback(lambda future: heard.append(producer.statistics().taken))
        deliveries = [future.result(20) for future in futures]  # nothing is called but this
        assert [(one.partition, one.offset) for one in deliveries] == [(0, 1), (0, 2), (0, 3)]
        assert [one.metric for one in deliveries] == working.sent(producer)[1:]
        assert deliveries[2].metric.knowledge_time == T0
        assert heard == [4], "its callback may call the producer"
        assert not producer.deliver(price(4)).cancel(), "what is in the queue cannot be taken back"
        assert producer.statistics().taken == 5


def test_a_future_tells_why_its_metric_did_not_arrive_and_flush_does_not(kind: Kind) -> None:
    heard: list[ProducerError] = []
    with kind.fails(on_error=heard.append) as producer:
        future = producer.deliver(price(0, 7.0))
        with pytest.raises(NotDeliveredError) as caught:
            future.result(20)
        assert caught.value.metric.value == 7.0
        assert producer.flush(10) == FlushResult(dropped=0)
        assert heard == [caught.value], "who listens hears everything"
        assert producer.statistics().failed == 1


def test_full_and_raise(kind: Kind) -> None:
    producer = kind.is_full(on_full="raise")
    with pytest.raises(QueueFullError, match=r"price_day_ahead\{zone=ES\} was not taken"):
        producer.send(price(1))
    with pytest.raises(DeliveryError) as caught:
        producer.close(10)
    assert (caught.value.failed, caught.value.dropped) == (1, 0)


def test_full_and_drop(kind: Kind) -> None:
    heard: list[ProducerError] = []
    producer = kind.is_full(on_full="drop", on_error=heard.append)
    producer.send_many([price(1), price(2)])
    assert [type(error) for error in heard if isinstance(error, QueueFullError)] == [QueueFullError] * 2
    with pytest.raises(DeliveryError) as caught:
        producer.close(10)
    assert (caught.value.failed, caught.value.dropped) == (1, 2)


def test_the_blocks_own_error_is_the_one_that_is_seen(kind: Kind) -> None:
    producer = kind.fails()

    def block() -> None:
        with producer:
            producer.send(price(0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    with pytest.raises(ProducerClosedError):
        producer.send(price(0))


@pytest.mark.parametrize("arguments", [{"topic": ""}, {"on_full": "wait"}])
def test_wrong_arguments_are_named(kind: Kind, arguments: dict[str, Any]) -> None:
    with pytest.raises(ProducerConfigError, match=next(iter(arguments))):
        kind.fails(**arguments)
