"""The producer with a spool: no broker, brokers that die, processes that are killed, a disk that is full."""

from __future__ import annotations

import os
import re
import textwrap
import threading
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from producer.spooled import BULKY, MIB, NOWHERE, bulky, bytes_in, frame, load, spooled
from road import until
from topic import decoded, messages
from warm_process import WarmProcess

from wattnet.producer import (
    DeliveryError,
    FlushResult,
    FlushTimeoutError,
    NotDeliveredError,
    Producer,
    ProducerClosedError,
    ProducerError,
    QueueFullError,
    SendError,
    Spool,
    create_topic,
)

if TYPE_CHECKING:
    from pathlib import Path

    from wattnet.local import LocalStack
    from wattnet.schemas import Metric


def numbers(found: list[Metric]) -> list[int]:
    return [int(metric.value or 0) for metric in found]


def assert_all_arrived(servers: str, topic: str, count: int, *, once: bool) -> None:
    """Every one, in the order of its series, each one revision; `once`: and none a second time."""
    by_series: dict[str, list[int]] = defaultdict(list)
    revisions: dict[int, set[int]] = defaultdict(set)
    found = messages(servers, topic, count if once else None)
    found.sort(key=lambda message: message.offset() or 0)
    for metric in decoded(found):
        by_series[metric.series_key].append(int(metric.value or 0))
        revisions[int(metric.value or 0)].add(metric.knowledge_time_us or 0)
    assert sorted(revisions) == list(range(count))
    assert all(len(known) == 1 for known in revisions.values()), "what came twice is one revision"
    for values in by_series.values():
        first_ones = list(dict.fromkeys(values))
        assert first_ones == sorted(first_ones)
        last_ones = list(dict.fromkeys(reversed(values)))
        assert last_ones == sorted(last_ones, reverse=True)


@pytest.fixture
def stack(registry_stack: LocalStack) -> LocalStack:
    """Kafka that may be killed."""
    return registry_stack


@pytest.fixture
def topics(stack: LocalStack) -> list[str]:
    """Three topics of three partitions."""
    names = [f"test-{uuid.uuid4().hex}" for _ in range(3)]
    for name in names:
        assert create_topic(stack.bootstrap_servers, name, partitions=3)
    return names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_an_outage(stack: LocalStack, topics: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a broker producers send. What they took arrives when it is back: in order, and once.

    One that ends and leaves the rest to the next one on its spool; one whose librdkafka is told to give up after 1.5 s,
    which is sent again, so perhaps twice; and one whose spool is full, so that it waits.
    """
    servers, heard = stack.bootstrap_servers, list[ProducerError]()
    folder, full = tmp_path / "spool", tmp_path / "full"
    stack.kafka.kill()
    with Producer(servers, topic=topics[0], spool=Spool(folder)) as producer:
        producer.send_many(load(n) for n in range(2_000))
        with pytest.raises(FlushTimeoutError, match=rf"2000 metrics are still in the spool at {folder} after 0\.3 s"):
            producer.flush(0.3)
        assert producer.close(0) == FlushResult(dropped=0, spooled=2_000)
    with (
        Producer(servers, topic=topics[0], spool=Spool(folder)) as second,
        Producer(
            servers,
            topic=topics[1],
            spool=Spool(tmp_path / "impatient"),
            options={"message.timeout.ms": 1_500, "linger.ms": 5},
            on_error=heard.append,
        ) as impatient,
        Producer(servers, topic=topics[2], spool=Spool(full, max_bytes=MIB)) as waiting,
    ):
        second.send_many(load(n) for n in range(2_000, 2_500))
        assert second.send_frame(frame(2_500, 3_000), metric_type="spooled_load") == 500
        impatient.send_many(load(n) for n in range(500))
        thread = threading.Thread(target=waiting.send_frame, args=(frame(0, 1_000),), kwargs=BULKY)
        thread.start()
        until(lambda: bytes_in(full) > MIB - 4_000, "it is full")
        until(lambda: "the spool sends again later: no broker" in caplog.text, "librdkafka gave up")
        impatient.send_many(load(n) for n in range(500, 1_000))
        assert thread.is_alive()
        stack.kafka.start()
        assert second.flush(60) == FlushResult(dropped=0)
        second.send(load(3_000))
        thread.join(60)
        assert not thread.is_alive()
    assert heard == []
    assert_all_arrived(servers, topics[0], 3_001, once=True)
    assert_all_arrived(servers, topics[1], 1_000, once=False)
    assert_all_arrived(servers, topics[2], 1_000, once=True)
    assert not list(tmp_path.glob("*/*.segment"))


PROGRAM = """
    import sys
    from datetime import datetime, timedelta, timezone
    from wattnet.producer import Producer, Spool
    from wattnet.schemas import Metric

    servers, topic, folder, first, last = {arguments!r}
    with Producer(servers, topic=topic, spool=Spool(folder)) as producer:
        for n in range(first, last):
            time = datetime(2025, 3, 1, tzinfo=timezone.utc) + timedelta(minutes=n)
            producer.send(Metric("spooled_load", float(n), time, {{"zone": f"Z{{n % 7}}"}}))
            print(n, flush=True)
"""


def test_kills_of_the_process_and_of_the_broker_lose_nothing(
    stack: LocalStack, topics: list[str], folder: Path, tmp_path: Path
) -> None:
    """SIGKILL for both, three times: while the broker answers, while it is away, and on the way back."""
    servers, topic, first = stack.bootstrap_servers, topics[0], 0

    def run(last: int) -> tuple[WarmProcess, Path]:
        program, printed = tmp_path / f"send-{first}.py", tmp_path / f"sent-{first}.txt"
        program.write_text(textwrap.dedent(PROGRAM.format(arguments=(servers, topic, str(folder), first, last))))
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        process = WarmProcess([], env=env, stdout=printed, stderr=tmp_path / "errors.txt", program=program)
        return process, printed

    def sent(printed: Path) -> int:
        """How many are known to be taken: the number behind the last whole line."""
        lines = printed.read_text().split("\n")[:-1] if printed.exists() else []
        return int(lines[-1]) + 1 if lines else first

    def read() -> int:
        return len(messages(servers, topic, None))

    process, printed = run(1_000_000)
    until(lambda: sent(printed) > 3_000 and read() > 0, "some of it arrives")
    process.kill()
    process.wait(10)
    first = sent(printed)  # a last one may be in the spool and not printed: it is sent again, with its own time
    process, printed = run(1_000_000)
    until(lambda: sent(printed) > first + 1_000, "the second one sends")
    stack.kafka.kill()
    away = sent(printed)
    until(lambda: sent(printed) > away + 2_000, "the second one goes on without a broker")
    process.kill()
    process.wait(10)
    second, first = first, sent(printed)
    process, printed = run(first + 2_000)
    stack.kafka.start()
    until(lambda: process.poll() is not None, "the third one ends", timeout_s=60)
    assert process.returncode == 0, (tmp_path / "errors.txt").read_text()

    by_series: dict[str, list[int]] = defaultdict(list)
    revisions: dict[int, set[int]] = defaultdict(set)
    found = messages(servers, topic, None)
    for metric in decoded(sorted(found, key=lambda message: message.offset() or 0)):
        by_series[metric.series_key].append(int(metric.value or 0))
        revisions[int(metric.value or 0)].add(metric.knowledge_time_us or 0)
    assert sorted(revisions) == list(range(first + 2_000))
    sent_again = {n for n, known in revisions.items() if len(known) > 1}
    assert sent_again <= {second, first}, "one revision each, but those that the killed ones did not print"
    for values in by_series.values():
        assert list(dict.fromkeys(values)) == sorted(set(values))


def test_a_topic_that_is_made_later_is_waited_for(stack: LocalStack, folder: Path) -> None:
    name = f"test-{uuid.uuid4().hex}"
    options = {"topic.metadata.propagation.max.ms": 100, "topic.metadata.refresh.interval.ms": 200}
    with Producer(stack.bootstrap_servers, topic=name, spool=Spool(folder), options=options) as producer:
        producer.send(load(0))
        with pytest.raises(FlushTimeoutError, match=r"does not exist .* run `wattnet init`"):
            producer.flush(1.5)
        create_topic(stack.bootstrap_servers, name)
        producer.flush(30)
    assert_all_arrived(stack.bootstrap_servers, name, 1, once=True)


def test_a_record_that_no_broker_will_take_is_reported_and_holds_nothing_up(stack: LocalStack, folder: Path) -> None:
    name = f"test-{uuid.uuid4().hex}"
    small = NewTopic(name, 1, 1, config={"max.message.bytes": "1000"})
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    admin.create_topics([small])[name].result(10)
    noise = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(1_300))  # does not compress
    heard: list[ProducerError] = []
    producer = Producer(stack.bootstrap_servers, topic=name, spool=Spool(folder), on_error=heard.append)
    producer.send(load(0, attributes={"note": noise}))
    with pytest.raises(DeliveryError, match=r"1 metrics were not delivered.*larger than .* max\.message\.bytes"):
        producer.flush(20)
    assert [error.metric.value for error in heard if isinstance(error, NotDeliveredError)] == [0.0]
    producer.send(load(1))
    assert producer.close(20) == FlushResult(dropped=0)
    assert numbers(decoded(messages(stack.bootstrap_servers, name, 1))) == [1]


def test_full_and_block_ends_when_another_thread_closes(folder: Path) -> None:
    producer = Producer(NOWHERE, spool=Spool(folder, max_bytes=MIB))
    ended: list[BaseException] = []

    def fill() -> None:
        try:
            producer.send_many(bulky(n) for n in range(1_000))
        except ProducerError as exc:
            ended.append(exc)

    thread = threading.Thread(target=fill)
    thread.start()
    until(lambda: bytes_in(folder) > MIB - 4_000, "it is full")
    assert producer.close(0).spooled > 300
    thread.join(10)
    assert isinstance(ended[0], ProducerClosedError)


def test_full_and_raise(tmp_path: Path) -> None:
    """A frame's rows fill the spool as metrics do, within its bound; what was taken is there, in order and once."""
    taken = []
    for name in ("metrics", "frame"):
        spool = Spool(tmp_path / name, max_bytes=MIB, on_full="raise")
        producer = Producer(NOWHERE, spool=spool)
        full = rf"the spool at {spool.path} is full \({MIB} bytes\).*spooled_load\{{zone=Z"
        with pytest.raises(QueueFullError, match=full):  # noqa: PT012  either of two calls
            if name == "frame":
                producer.send_frame(frame(0, 1_000), **BULKY)
            else:
                producer.send_many(bulky(n) for n in range(1_000))
        result = producer.close(0)
        assert (result.dropped, result.spooled > 300) == (0, True)
        assert MIB - 4_000 < bytes_in(spool.path) <= MIB
        taken.append(spooled(spool.path))
    assert taken[0] == taken[1] == list(range(len(taken[0])))


def test_a_disk_that_fails_within_a_frame_has_what_the_error_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer, real, left = Producer(NOWHERE, spool=Spool(folder)), os.pwrite, [400_000]

    def small_disk(fd: int, data: bytes, offset: int) -> int:
        if len(data) < 100:  # the position
            return real(fd, data, offset)
        if not left[0]:
            raise OSError(28, "No space left on device")
        written = real(fd, data[: left[0]], offset)
        left[0] -= written
        return written

    monkeypatch.setattr(os, "pwrite", small_disk)
    with pytest.raises(SendError, match=r"No space left.*\([\d,]+ of 10,000 rows were\)") as caught:
        producer.send_frame(frame(0, 10_000), metric_type="spooled_load")
    said = re.search(r"\(([\d,]+) of", str(caught.value))
    assert said
    taken = int(said[1].replace(",", ""))
    assert producer.statistics().taken == producer.close(0).spooled == taken > 1_024, "behind it nothing is"
    assert spooled(folder) == list(range(taken))


def test_full_and_drop_oldest(stack: LocalStack, topics: list[str], folder: Path) -> None:
    """Counted, whether librdkafka had them already or not; the newest arrive."""
    topic = topics[0]
    heard: list[ProducerError] = []
    spool = Spool(folder, max_bytes=MIB, on_full="drop_oldest")
    producer = Producer(NOWHERE, topic=topic, spool=spool, on_error=heard.append, queue_max_messages=50)
    first = producer.deliver(bulky(0))
    producer.send_many(bulky(n) for n in range(1, 500))
    assert producer.send_frame(frame(500, 999), **BULKY) == 499
    last = producer.deliver(bulky(999))
    result = producer.close(0)
    assert result.dropped + result.spooled == 1_000
    assert 300 < result.spooled < 360
    assert any(isinstance(error, QueueFullError) and "oldest metrics were dropped" in str(error) for error in heard)
    assert "dropped from the spool" in str(first.exception(0))
    assert f"the metric waits in the spool at {folder}" in str(last.exception(0))
    now = producer.statistics()
    assert (now.taken, now.dropped, now.queued) == (1_000, result.dropped, result.spooled)
    assert (now.acknowledged, now.failed) == (0, 0)
    with Producer(stack.bootstrap_servers, topic=topic, spool=spool) as producer:
        producer.flush(30)
    arrived = numbers(decoded(messages(stack.bootstrap_servers, topic, result.spooled)))
    assert sorted(arrived) == list(range(result.dropped, 1_000))
