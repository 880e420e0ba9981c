"""The producer on real Kafka: what arrives, where, in which order, and what is said when it does not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from road import until
from topic import HEADER, decoded, messages

from wattnet.producer import (
    DeliveryError,
    FlushResult,
    Producer,
    ProducerError,
    TopicCreationError,
    create_topic,
)
from wattnet.schemas import Metric, confluent_header, decode_metric

if TYPE_CHECKING:
    from confluent_kafka import Message

    from wattnet.local import LocalStack

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
PARTITIONS = 12


def price(zone: str, hour: int, value: float | None = 1.0, **arguments: Any) -> Metric:
    return Metric("price_day_ahead", value, T0 + timedelta(hours=hour), {"zone": zone}, **arguments)


@pytest.fixture
def servers(wattnet_stack: LocalStack) -> str:
    return wattnet_stack.bootstrap_servers


@pytest.fixture
def topic(servers: str) -> str:
    name = f"test-{uuid.uuid4().hex}"
    assert create_topic(servers, name)
    return name


def test_what_is_sent_arrives_as_it_was(servers: str, topic: str) -> None:
    sent = [
        price("ES", 0, 0.0042),
        price("ES", 1, None),
        Metric(
            "price_day_ahead", -0.0, T0, {"zone": "FR", "valid": False, "zone_status": "preview", "data_state": "d"}
        ),
        price("größe,={}", 0, 5e-324, attributes={"resolution": "PT15M"}),
        price("PT", 0, knowledge_time=T0),
    ]
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    with Producer(servers, topic=topic) as producer:
        producer.send_many(sent)
        assert producer.flush(20) == FlushResult(dropped=0)
    found = messages(servers, topic, len(sent))
    read = {(m.series_key, m.timestamp): m for m in decoded(found)}
    for metric in sent:
        got = read[metric.series_key, metric.timestamp]
        assert repr(got.value) == repr(metric.value)
        assert (got.metadata, got.attributes) == (metric.metadata, metric.attributes)
        assert got.knowledge_time is not None
        if metric.knowledge_time is None:
            assert before <= got.knowledge_time <= datetime.now(UTC)
        else:
            assert got.knowledge_time == metric.knowledge_time
    for message in found:
        value = bytes(message.value() or b"")
        assert value.startswith(HEADER)
        assert bytes(message.key() or b"").decode() == decode_metric(value[len(HEADER) :]).series_key
        assert message.headers() is None


def test_a_series_keeps_its_order_in_one_partition(servers: str, topic: str) -> None:
    with Producer(servers, topic=topic) as producer:
        for hour in range(200):
            producer.send_many(price(f"Z{zone}", hour, float(hour)) for zone in range(30))
    found = messages(servers, topic, 6_000)
    by_series: dict[bytes, list[Message]] = {}
    for message in found:
        by_series.setdefault(bytes(message.key() or b""), []).append(message)
    assert len(by_series) == 30
    partitions = Counter(group[0].partition() for group in by_series.values())
    assert len(partitions) > 3, "series are spread"
    for key, group in by_series.items():
        assert {message.partition() for message in group} == {murmur2(key) % PARTITIONS}
        in_order = decoded(sorted(group, key=lambda message: message.offset() or 0))
        assert [metric.value for metric in in_order] == [float(hour) for hour in range(200)]
        known = [metric.knowledge_time_us or 0 for metric in in_order]
        assert known == sorted(set(known))


def murmur2(data: bytes) -> int:
    """Where the clients of other languages put a key (Kafka's own hash, made positive)."""
    mask, mixer = 0xFFFFFFFF, 0x5BD1E995
    code = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * mixer & mask
        word ^= word >> 24
        code = (code * mixer & mask) ^ (word * mixer & mask)
    if rest := data[whole:]:
        code = (code ^ int.from_bytes(rest, "little")) * mixer & mask
    code ^= code >> 13
    code = code * mixer & mask
    return (code ^ (code >> 15)) & 0x7FFFFFFF


def test_more_than_the_queue_holds_goes_through_it(servers: str, topic: str) -> None:
    with Producer(servers, topic=topic, queue_max_messages=500) as producer:
        producer.send_many(price(f"Z{n % 7}", n, float(n)) for n in range(20_000))
    values = sorted(metric.value or 0 for metric in decoded(messages(servers, topic, 20_000)))
    assert values == [float(n) for n in range(20_000)]


def test_threads_share_a_producer(servers: str, topic: str) -> None:
    with Producer(servers, topic=topic, queue_max_messages=1_000) as producer:

        def work(zone: int) -> None:
            producer.send_many(price(f"Z{zone}", n, float(n)) for n in range(2_000))
            producer.flush(30)

        threads = [threading.Thread(target=work, args=(zone,)) for zone in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    read = decoded(messages(servers, topic, 8_000))
    assert len({metric.knowledge_time_us for metric in read}) == 8_000
    assert Counter(metric.labels["zone"] for metric in read) == {f"Z{zone}": 2_000 for zone in range(4)}


def test_the_first_future_keeps_the_order_of_what_other_threads_send(servers: str, topic: str) -> None:
    with Producer(servers, topic=topic, queue_max_messages=2_000) as producer:
        counts = [0, 0]
        stop = threading.Event()

        def work(zone: int) -> None:
            while not stop.is_set():
                producer.send(price(f"Z{zone}", 0, float(counts[zone])))
                counts[zone] += 1

        threads = [threading.Thread(target=work, args=(zone,)) for zone in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: min(counts) > 500, "both have sent")
        delivery = producer.deliver(price("ES", 0)).result(30)
        before = list(counts)
        until(lambda: counts[0] > before[0] + 500 and counts[1] > before[1] + 500, "both have gone on")
        stop.set()
        for thread in threads:
            thread.join()
        producer.flush(30)
        taken = producer.statistics()
        assert (taken.taken, taken.acknowledged) == (sum(counts) + 1, sum(counts) + 1)
    found = messages(servers, topic, sum(counts) + 1)
    assert [(m.partition(), m.offset()) for m in found if m.key() == b"price_day_ahead{zone=ES}"] == [
        (delivery.partition, delivery.offset)
    ]
    for zone in range(2):
        group = [m for m in found if bytes(m.key() or b"").endswith(b"=Z%d}" % zone)]
        ordered = [metric.value for metric in decoded(sorted(group, key=lambda m: m.offset() or 0))]
        assert ordered == [float(n) for n in range(counts[zone])]


def test_a_topic_that_does_not_exist_says_what_to_do(servers: str) -> None:
    heard: list[ProducerError] = []
    producer = Producer(
        servers, topic="no-such-topic", on_error=heard.append, options={"topic.metadata.propagation.max.ms": 500}
    )
    producer.send(price("ES", 0))
    with pytest.raises(DeliveryError, match=r"'no-such-topic' does not exist .* run `wattnet init`"):
        producer.close(20)
    assert len(heard) == 1


def test_a_metric_that_the_topic_finds_too_large_is_reported(servers: str) -> None:
    topic = f"test-{uuid.uuid4().hex}"
    small = NewTopic(topic, 1, 1, config={"max.message.bytes": "1000"})
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([small])[topic].result(10)
    noise = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(1_300))  # does not compress
    producer = Producer(servers, topic=topic)
    producer.send(price("ES", 0, attributes={"note": noise}))
    with pytest.raises(DeliveryError, match=r"larger than .* max\.message\.bytes"):
        producer.flush(20)
    producer.send(price("ES", 1))
    producer.close(20)
    assert [m.timestamp for m in decoded(messages(servers, topic, 1))] == [T0 + timedelta(hours=1)]


def test_the_topic_is_made_once(servers: str) -> None:
    name = f"test-{uuid.uuid4().hex}"
    assert create_topic(servers, name, partitions=3) is True
    assert create_topic(servers, name, partitions=5) is False
    assert len(AdminClient({"bootstrap.servers": servers}).list_topics(name, timeout=10).topics[name].partitions) == 3
    with pytest.raises(TopicCreationError, match="replication factor 9"):
        create_topic(servers, f"{name}-x", replication_factor=9)


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise KeyError('x')"])
def test_a_program_that_never_closes_still_delivers(servers: str, topic: str, ending: str) -> None:
    program = f"""
        import logging, sys
        from datetime import datetime, timezone
        from wattnet.producer import Producer
        from wattnet.schemas import Metric
        logging.basicConfig(level=logging.WARNING)
        producer = Producer({servers!r}, topic={topic!r}, options={{"linger.ms": 5000}})
        for n in range(1000):
            producer.send(Metric("x", float(n), datetime(2025, 3, 1, tzinfo=timezone.utc), {{"n": n}}))
        {ending}
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == {"": 0, "sys.exit(3)": 3}.get(ending, 1)
    assert "was not closed" in run.stderr
    assert len(messages(servers, topic, 1_000)) == 1_000


def test_a_killed_broker_loses_and_doubles_nothing(registry_stack: LocalStack) -> None:
    topic = "killed"
    servers = registry_stack.bootstrap_servers
    create_topic(servers, topic)
    count = 0
    with Producer(servers, topic=topic, queue_max_messages=2_000) as producer:
        for _ in range(2):
            for _ in range(5):
                producer.send_many(price(f"Z{n % 50}", n // 50, float(n)) for n in range(count, count + 1_000))
                count += 1_000
            registry_stack.kafka.kill()
            started = threading.Thread(target=registry_stack.kafka.start)
            started.start()
            producer.send_many(price(f"Z{n % 50}", n // 50, float(n)) for n in range(count, count + 5_000))
            count += 5_000
            started.join()
        producer.flush(60)
    found = messages(servers, topic, count)
    assert sorted(metric.value or 0 for metric in decoded(found)) == [float(n) for n in range(count)]
    for series in range(50):
        group = [m for m in found if bytes(m.key() or b"").endswith(b"=Z%d}" % series)]
        ordered = [metric.value or 0 for metric in decoded(sorted(group, key=lambda m: m.offset() or 0))]
        assert ordered == sorted(ordered), "also across the kills"


def test_with_a_registry_the_schema_is_registered_once_and_framed(registry_stack: LocalStack) -> None:
    assert registry_stack.schema_registry_url is not None
    servers, topic = registry_stack.bootstrap_servers, "registered"
    create_topic(servers, topic)
    for hour in range(2):
        with Producer(servers, topic=topic, schema_registry_url=registry_stack.schema_registry_url) as producer:
            producer.send(price("ES", hour))
    registry = SchemaRegistryClient({"url": registry_stack.schema_registry_url})
    assert registry.get_versions("registered-value") == [1]
    schema_id = registry.get_latest_version("registered-value").schema_id or 0
    schema = registry.get_schema(schema_id).schema_str or ""
    for message in messages(servers, topic, 2):
        value = bytes(message.value() or b"")
        assert value.startswith(confluent_header(schema_id))
        assert decode_metric(value[5:], schema).labels == {"zone": "ES"}
