"""Dead letters for the tests of the command: what is refused and why, and how it gets into the tables."""

from __future__ import annotations

import json
import math
import struct
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from command import Command
from confluent_kafka import Consumer, Message, TopicPartition
from road import Road, load

from wattnet.schemas import METRIC_FINGERPRINT, Metric, MetricEncoder, single_object_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattnet.consumer import DeadLetters, LetterFilter


HEADER = single_object_header(METRIC_FINGERPRINT)
NOW_US = time.time_ns() // 1000
STEERS = "\x1b[2J\x1b]0;owned\x07\r\n\u202e"


def wire(metric: Metric, known_us: int = NOW_US) -> bytes:
    """A metric as it stands on the wire."""
    return MetricEncoder(HEADER).encode(metric, known_us)[1]


def raw_metric(name: str = "zone_load", **labels: str) -> Metric:
    """One that no producer would make."""
    return Metric.from_stored(name, 4.5, load("ES", 0, 1.0).timestamp, labels, knowledge_time=None)


def unruly(name: str = "zone_load", **labels: str) -> bytes:
    """Such a one as it stands on the wire."""
    return wire(raw_metric(name, **labels))


GOOD = wire(load("PP", 0, 4.5))
NUMBER = struct.pack("<d", 4.5)
LABELS_AT, ZONE_AT = GOOD.index(b"\x06\x14datasource"), GOOD.index(b"PP")
# What is sent, the reason that it is refused for, and where `show` must point: the field and its bytes.
LETTERS: list[tuple[str, bytes | None, str, tuple[str, int, int | None]]] = [
    ("garbage", b"hello, " + STEERS.encode(), "unknown framing", ("framing", 0, 2)),
    ("tombstone", None, "empty message", ("", 0, 0)),
    ("truncated", GOOD[:-7], "cannot be decoded", ("data_state", len(GOOD) - 7, None)),
    ("junk behind", GOOD + b"JUNK", "bytes behind the record", ("", len(GOOD), len(GOOD) + 4)),
    (
        "a boolean of 7",
        GOOD.replace(b"\x01\x10complete", b"\x07\x10complete"),
        "cannot be decoded",
        ("valid", GOOD.index(b"\x10complete") - 1, None),
    ),
    ("another id", single_object_header(b"unknown!") + GOOD[10:], "unknown schema fingerprint", ("schema id", 2, 10)),
    ("not a number", GOOD.replace(NUMBER, struct.pack("<d", math.nan)), "value not finite", ("value", 20, 29)),
    ("no zone", unruly(unit="MW"), "no zone", ("labels", LABELS_AT, None)),
    ("not UTF-8", GOOD.replace(b"PP", b"\xff\xfe"), "bad labels", ("labels", ZONE_AT, ZONE_AT + 2)),
    ("10,000 labels", unruly(**{f"'\"\\\n{n}": "x" for n in range(10_000)}), "bad labels", ("labels", LABELS_AT, None)),
    ("a label of a megabyte", unruly(zone=STEERS + "z" * 900_000), "bad labels", ("labels", LABELS_AT, None)),
    ("a name that steers", unruly(STEERS * 20, **{"'; DROP TABLE x; --": STEERS}), "bad name", ("name", 10, None)),
]  # fmt: skip
NO_ZONE = next(number for number, letter in enumerate(LETTERS, 1) if letter[0] == "no zone")
TRUNCATED = next(number for number, letter in enumerate(LETTERS, 1) if letter[0] == "truncated")
KEY = STEERS.encode() + b"\xff"
AS_SENT = [("origin", b"a test"), ("origin", b"twice\x00\xff")]


@dataclass(frozen=True)
class Answer:
    """Of one command."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def asked(road: Road, *commands: Sequence[str]) -> list[Answer]:
    """What `wattnet dead-letters` answers, one after the other."""
    command = Command(road.folder)
    done = [command("dead-letters", *arguments, env=env(road)) for arguments in commands]
    answers = [Answer(one.returncode, one.stdout, one.stderr) for one in done]
    assert not [answer for answer in answers if "Traceback" in answer.stderr or "internal" in answer.stderr]
    return answers


def env(road: Road) -> dict[str, str]:
    own = {"KAFKA_TOPIC": road.topic, "KAFKA_GROUP_ID": road.group, "CLICKHOUSE_DATABASE": road.name}
    return {**road.stack.env, **own}


def send(road: Road, *values: bytes | None) -> None:
    """To partition 1, each with a key that steers and with headers."""
    raw = road.raw_producer()
    for value in values:
        raw.produce(road.topic, value, KEY, partition=1, headers=list(AS_SENT))
    raw.flush()


def consumed(road: Road, messages: int) -> None:
    """Run a consumer until it has stored so many."""
    with road.consumer():
        road.wait_stored(messages)


INGEST = ["topic", "topic_id", "partition", "offset", "kafka_time", "claim_first", "claim_next", "claim_messages"]


def origin(road: Road, topic_id: str, offset: int, count: int) -> list[Any]:
    """Of a message that is one of a claim's, in partition 1."""
    return [road.topic, topic_id, 1, offset, datetime.now(timezone.utc), 0, count, count]


def refuse(road: Road, *values: bytes) -> None:
    """As a feeder that refuses each of these, at offset 0 and following of a topic that is gone."""
    topic_id = str(uuid.uuid4())
    rows = [
        [*origin(road, topic_id, offset, len(values)), "cannot be decoded", "for a test", value, KEY]
        for offset, value in enumerate(values)
    ]
    road.client.insert("metrics_ingest", rows, column_names=[*INGEST, "refused_by_feeder", "detail", "raw", "key"])


def store(road: Road, *metrics: Metric) -> None:
    """As a feeder stores these, at offset 0 and following of today's topic; the tables may refuse their labels."""
    topic_id, known = road.topic_id(), datetime.fromtimestamp(NOW_US / 1e6, timezone.utc)
    rows = [
        [*origin(road, topic_id, offset, len(metrics)), one.name, one.value, one.timestamp, dict(one.labels), known]
        for offset, one in enumerate(metrics)
    ]
    names = ["name", "value", "timestamp", "labels", "knowledge_time"]
    road.client.insert("metrics_ingest", rows, column_names=[*INGEST, *names])


def last_messages(road: Road, count: int) -> list[Message]:
    """The newest messages of the topic, by partition, then offset."""
    probe = Consumer({"bootstrap.servers": road.stack.bootstrap_servers, "group.id": "probe"})
    try:
        ends = {
            n: probe.get_watermark_offsets(TopicPartition(road.topic, n), timeout=10) for n in range(road.partitions)
        }
        probe.assign([TopicPartition(road.topic, number, low) for number, (low, _) in ends.items()])
        found: list[Message] = []
        there = sum(high - low for low, high in ends.values())
        deadline = time.monotonic() + 60
        while len(found) < there and time.monotonic() < deadline:
            found += probe.consume(1000, 0.2)
        assert len(found) == there
    finally:
        probe.close()
    return sorted(found, key=lambda one: one.timestamp()[1])[-count:]


def offsets(letters: DeadLetters, which: LetterFilter) -> list[int]:
    return sorted(head.offset for head in letters.find(which))
