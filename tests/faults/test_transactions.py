"""Transactions: their marks, what they aborted, and one that hangs at the end of a partition."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Producer as RawProducer
from road import load, until

from wattnet.consumer import measure_lag
from wattnet.schemas import METRIC_FINGERPRINT, MetricEncoder, single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from road import Road

ENCODER = MetricEncoder(single_object_header(METRIC_FINGERPRINT))


@contextmanager
def transaction(road: Road, first: int, count: int, *, partition: int) -> Iterator[RawProducer]:
    """An open one that has sent so many messages."""
    options = {"bootstrap.servers": road.stack.bootstrap_servers, "transactional.id": f"{road.name}-{first}"}
    producer = RawProducer(options)
    producer.init_transactions(30)
    producer.begin_transaction()
    for number in range(first, first + count):
        value = ENCODER.encode(load("TX", number, float(number)), time.time_ns() // 1000)[1]
        producer.produce(road.topic, value, partition=partition)
    producer.flush()
    yield producer


def test_lag_reaches_0_behind_marks_and_aborted_messages(road: Road) -> None:
    """Also after a restart, and when messages follow: the claims tile over what nobody reads."""
    with road.consumer() as consumer:
        with transaction(road, 0, 20, partition=0) as producer:
            producer.commit_transaction(30)
        with transaction(road, 100, 480, partition=1) as producer:
            producer.abort_transaction(30)
        until(lambda: road.one("SELECT sum(messages) FROM ledger") == 20, "what was committed is stored")
        until(lambda: measure_lag(road.settings.kafka).lag == 0, "the lag is 0")
        assert [one.committed for one in measure_lag(road.settings.kafka).partitions[:2]] == [21, 481]
        assert consumer.http("/metrics")[1].count("wattnet_consumer_lag_records{") == road.partitions
        until(lambda: consumer.metric("wattnet_consumer_lag_records") == 0, "so is the metric")
        road.assert_exact(20)
        with road.producer() as producer_:
            producer_.wait_visible(30, group_id=road.group)
    assert measure_lag(road.settings.kafka).lag == 0, "leaving changes nothing"
    with transaction(road, 1_000, 10, partition=0) as producer:
        producer.commit_transaction(30)
    with road.consumer():
        until(lambda: road.one("SELECT sum(messages) FROM ledger") == 30, "it goes on")
        until(lambda: measure_lag(road.settings.kafka).lag == 0, "the lag is 0 again")
    road.assert_exact(30)
    claims = "SELECT DISTINCT claim_first, claim_next FROM ledger WHERE `partition` = 0 ORDER BY claim_first"
    ranges = road.sql(claims)
    assert [next_ for _, next_ in ranges[:-1]] == [first for first, _ in ranges[1:]], "no gap is left for the marks"


def test_a_transaction_that_hangs_shows_in_the_lag(road: Road) -> None:
    """What was sent behind it waits; when it is aborted, that is stored and the lag is 0."""
    with road.consumer(), transaction(road, 0, 5, partition=0) as producer:
        value = ENCODER.encode(load("ES", 0, 1.0), time.time_ns() // 1000)[1]
        other = road.raw_producer()
        for _ in range(2):
            other.produce(road.topic, value, partition=0)
        other.flush()
        (hanging,) = [one for one in measure_lag(road.settings.kafka).partitions if one.undecided]
        assert (hanging.partition, hanging.undecided, hanging.lag) == (0, 7, 7)
        producer.abort_transaction(30)
        until(lambda: measure_lag(road.settings.kafka).lag == 0, "the lag is 0")
        assert not any(one.undecided for one in measure_lag(road.settings.kafka).partitions)
    assert road.one("SELECT sum(messages) FROM ledger") == 2
    assert road.verdict().ok
