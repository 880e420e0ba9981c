"""`wattnet dead-letters` on a real stack: looked into, sent again and purged; and nothing in them steers a terminal."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from road import Road, load, until

from wattnet.consumer import (
    DeadLetters,
    KafkaSettings,
    LetterAddress,
    LetterFilter,
    Replay,
    ServiceUnavailableError,
    examine_letters,
)
from wattnet.producer import create_topic
from wattnet.schemas import METRIC_FINGERPRINT, Metric, MetricEncoder, decode_metric, single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wattnet.local import LocalStack

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


DRIVER = """
import contextlib, io, json, sys
from wattnet.cli._app import run
answers = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["dead-letters", *arguments])
    answers.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(answers))
"""
ON_A_TERMINAL = """
import json, sys
from wattnet.cli._app import run
sys.exit(max(run(["dead-letters", *arguments]) for arguments in json.loads(sys.argv[1])))
"""


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
    """What `wattnet dead-letters` answers, one after the other, in one interpreter: starting is slow."""
    arguments = [sys.executable, "-c", DRIVER, json.dumps(commands)]
    environment = {**os.environ, **env(road)}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = [Answer(*answer) for answer in json.loads(done.stdout)]
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


@pytest.fixture(scope="module")
def refused(wattnet_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """One dead letter of each kind, at offset 1 and following of partition 1, and a good metric before and behind.

    Tests only look at it.
    """
    road = Road(wattnet_stack, tmp_path_factory.mktemp("refused"))
    send(road, GOOD, *(letter[1] for letter in LETTERS), GOOD)
    consumed(road, len(LETTERS) + 2)
    assert road.sql("SELECT reason FROM dead_letters ORDER BY `offset`") == [(letter[2],) for letter in LETTERS]
    yield road
    road.close()


@pytest.fixture
def letters(road: Road) -> Iterator[DeadLetters]:
    """Of this road."""
    with DeadLetters.open(road.clickhouse) as letters:
        yield letters


def offsets(letters: DeadLetters, which: LetterFilter) -> list[int]:
    return sorted(head.offset for head in letters.find(which))


def test_show_points_at_the_broken_byte_or_field(refused: Road) -> None:
    with DeadLetters.open(refused.clickhouse) as letters:
        heads = letters.at([LetterAddress(refused.topic, 1, number) for number in range(1, len(LETTERS) + 1)])
        examined = list(examine_letters(letters, heads, refused.settings.kafka))
    for (name, value, _, (field, first, after)), one in zip(LETTERS, examined, strict=True):
        fault = one.diagnosis.fault
        assert fault is not None, name
        assert (one.diagnosis.message, fault.field, fault.first) == (value, field, first), (name, fault)
        assert after is None or fault.next == after, (name, fault)
        assert one.key == KEY
        assert one.headers == tuple(AS_SENT)


def test_the_commands_answer_in_lines_and_in_json_and_refuse_what_makes_no_sense(refused: Road) -> None:
    every = [f"1:{number}" for number in range(1, len(LETTERS) + 1)]
    listed, as_json, counted, shown, *wrong = asked(
        refused,
        ["list"],
        ["list", "--json", "--since", "-1d", "--pending", "--limit", "2"],
        ["list", "--by-reason", "--json"],
        ["show", *every, "--json"],
        ["list", "--since", "yesterday"],
        ["list", "--replayed", "--pending"],
        ["show", "1:99999"],
        ["show", "one"],
        ["replay"],
        ["replay", "--all", "--with", "nowhere.json"],
        ["purge", "--pending-too"],
    )
    lines = listed.stdout.splitlines()
    assert len(lines) == len(LETTERS)
    assert {line.count("\t") for line in lines} == {5}
    assert all(line.replace("\t", "").isprintable() for line in lines)
    assert len(as_json.lines) == 2
    assert "more than these 2" in as_json.stderr
    assert {one["reason"]: one["letters"] for one in counted.lines}["bad labels"] == 3
    assert [bytes.fromhex(one["message_hex"] or "") for one in shown.lines] == [letter[1] or b"" for letter in LETTERS]
    record = shown.lines[NO_ZONE - 1]["record"]
    assert (record["labels"], record["timestamp"]) == ({"unit": "MW"}, "2025-03-01T00:00:00Z")
    assert [(answer.code, bool(answer.stderr)) for answer in wrong] == [(2, True)] * len(wrong)


def test_without_kafka_the_tables_say_what_they_can(refused: Road) -> None:
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with DeadLetters.open(refused.clickhouse) as letters:
        heads = letters.at([LetterAddress(refused.topic, 1, TRUNCATED), LetterAddress(refused.topic, 1, NO_ZONE)])
        truncated, no_zone = examine_letters(letters, heads, nowhere, timeout_s=0.5)
    assert truncated.diagnosis.fault is not None
    assert truncated.diagnosis.fault.first == len(GOOD) - 7
    assert no_zone.diagnosis.message is None
    assert "Kafka does not describe" in no_zone.where
    assert no_zone.diagnosis.fault is not None
    assert no_zone.diagnosis.fault.field == "labels"
    assert (no_zone.diagnosis.record or {})["labels"] == {"unit": "MW"}


def test_nothing_in_a_letter_steers_the_terminal(refused: Road) -> None:
    every = [f"1:{number}" for number in range(1, len(LETTERS) + 1)]
    terminal, inside = pty.openpty()
    program = [sys.executable, "-c", ON_A_TERMINAL, json.dumps([["list"], ["show", *every]])]
    process = subprocess.Popen(program, env={**os.environ, **env(refused), "COLUMNS": "200"}, stdout=inside)
    os.close(inside)
    shown = b""
    while piece := read(terminal):
        shown += piece
    os.close(terminal)
    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode().replace("\r\n", "\n"))  # our own colours
    assert all(line.isprintable() for line in text.split("\n"))
    listed = text.split("\n")[: len(LETTERS) + 1]
    assert listed[0].startswith("address")
    assert max(map(len, listed)) <= 200
    assert text.count("\\x1b[2J") > len(LETTERS), "it is shown all the same"
    assert len(text) < 40_000


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


def test_letters_are_found_by_reason_topic_time_and_state(refused: Road) -> None:
    with DeadLetters.open(refused.clickhouse) as letters:
        everything = letters.find(LetterFilter())
        assert [head.stored_at for head in everything] == sorted((one.stored_at for one in everything), reverse=True)
        labels = [number for number, letter in enumerate(LETTERS, 1) if letter[2] == "bad labels"]
        assert offsets(letters, LetterFilter(reasons=("bad labels",))) == labels
        assert len(offsets(letters, LetterFilter(reasons=("bad labels", "no zone")))) == len(labels) + 1
        assert len(offsets(letters, LetterFilter(topic=refused.topic))) == len(LETTERS)
        assert offsets(letters, LetterFilter(topic="another")) == []
        times = sorted(head.stored_at for head in everything)
        assert len(letters.find(LetterFilter(since=times[0]))) == len(LETTERS)
        assert letters.find(LetterFilter(until=times[0])) == []
        assert letters.find(LetterFilter(replayed=True)) == []
        assert len(letters.find(LetterFilter(replayed=False), limit=3)) == 3
        assert offsets(letters, LetterFilter(addresses=(LetterAddress(refused.topic_id(), 1, 3),))) == [3]
        counts = {one.reason: one.letters for one in letters.by_reason(LetterFilter())}
        assert counts["bad labels"] == len(labels)
        for hostile in ("' OR 1=1 --", "\\", "\n\t", STEERS, "{topic:String}", "\x00"):
            assert letters.find(LetterFilter(reasons=(hostile,), topic=hostile)) == []


def test_a_replay_sends_bytes_key_and_headers_as_they_were_and_only_once(road: Road, letters: DeadLetters) -> None:
    """From the table where it has them, from Kafka where the tables refused it."""
    send(road, GOOD[:-7], None, b"", unruly(unit="MW"))
    before = last_messages(road, 4)
    consumed(road, 4)
    dry, first, second, named, again = asked(
        road,
        ["replay", "--all", "--dry-run"],
        ["replay", "--all"],
        ["replay", "--all"],
        ["replay", "1:0"],
        ["replay", "1:0", "--again"],
    )
    assert {answer.code for answer in (dry, first, second, named, again)} == {0}
    assert "from the table" in dry.stdout
    assert "from Kafka" in dry.stdout
    assert "would send 4 again" in dry.stdout
    assert "sent 4 again" in first.stdout
    assert "sent 0 again" in second.stdout
    assert "skipped" in named.stdout
    assert "sent 1 again" in again.stdout
    messages = last_messages(road, 99)
    assert [(one.value(), one.key(), one.headers()) for one in messages] == [
        (one.value(), KEY, AS_SENT) for one in (*before, *before, before[0])
    ]
    assert len(letters.find(LetterFilter(replayed=True))) == 4


def test_a_corrected_record_is_stored_and_its_letter_purged(road: Road, letters: DeadLetters) -> None:
    send(road, unruly(unit="MW"), GOOD[:-7])
    files = {
        "still wrong": '{"labels": {"unit": "MW"}}',
        "not whole": '{"value": 1}',
        "right": '{"labels": {"unit": "MW", "zone": "ES"}, "value": 7.25}',
    }
    for name, text in files.items():
        (road.folder / name).write_text(text)
    with road.consumer():
        road.wait_stored(2)
        still_wrong, not_whole, too_many, right, purged = asked(
            road,
            ["replay", "1:0", "--with", str(road.folder / "still wrong")],
            ["replay", "1:1", "--with", str(road.folder / "not whole")],
            ["replay", "--all", "--with", str(road.folder / "right")],
            ["replay", "1:0", "--with", str(road.folder / "right")],
            ["purge", "--yes"],
        )
        road.wait_stored(3)
    assert (still_wrong.code, not_whole.code, too_many.code, right.code) == (2, 2, 2, 0)
    assert "zone" in still_wrong.stderr
    assert "must be a whole one" in not_whole.stderr
    assert len(last_messages(road, 99)) == 3, "what would be refused again is not sent"
    assert road.sql("SELECT name, zone, value FROM metrics") == [("zone_load", "ES", 7.25)]
    assert "purged 1 dead letter" in purged.stdout
    assert [head.offset for head in letters.find(LetterFilter())] == [1], "the pending one stays"
    verdict = road.verdict()
    assert verdict.ok, verdict.problems
    assert (verdict.stored, verdict.refused) == (3, 2)


def test_a_replay_that_dies_after_the_acknowledgement_leaves_it_pending(road: Road, letters: DeadLetters) -> None:
    """Never lost: it may be sent twice."""
    refuse(road, GOOD)
    program = (
        "import os, signal; from wattnet.consumer import DeadLetters; from wattnet.cli import main\n"
        "DeadLetters.mark_replayed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nmain()"
    )
    arguments = [sys.executable, "-c", program, "dead-letters", "replay", "--all"]
    died = subprocess.run(arguments, env={**os.environ, **env(road)}, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert [(one.value(), one.key()) for one in last_messages(road, 99)] == [(GOOD, KEY)], "Kafka has it"
    assert offsets(letters, LetterFilter(replayed=False)) == [0]
    assert len(list(Replay(letters, road.settings.kafka).run(letters.find(LetterFilter())))) == 1
    assert len(last_messages(road, 99)) == 2
    assert offsets(letters, LetterFilter(replayed=True)) == [0]


def test_what_kafka_does_not_take_stays_pending(road: Road, letters: DeadLetters) -> None:
    refuse(road, GOOD, b"x" * 3_000_000)
    sent, refused = Replay(letters, road.settings.kafka).run(letters.find(LetterFilter()))
    assert sent.message is not None
    assert (refused.message, refused.head.offset) == (None, 1)
    assert "too large" in refused.problem
    assert offsets(letters, LetterFilter(replayed=False)) == [1]
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1", topic=road.topic)
    with pytest.raises(ServiceUnavailableError, match="no broker"):
        Replay(letters, nowhere, timeout_s=0.1)


def test_what_kafka_no_longer_holds_is_sent_from_its_record(road: Road, letters: DeadLetters) -> None:
    """And never from another topic of the same name, which has other messages at the same offsets."""
    sent = [raw_metric(unit="MW", mood="'\"\\\n\t\u202eö"), raw_metric(unit="GW")]
    send(road, *map(wire, sent), GOOD, GOOD)
    store(road, *sent)
    pending = LetterFilter(replayed=False)
    road.admin.delete_records([TopicPartition(road.topic, 1, 1)])[TopicPartition(road.topic, 1, 1)].result(30)
    second, first = letters.find(pending)
    replayed = list(Replay(letters, road.settings.kafka).run([first, second], dry_run=True))
    assert [one.message.origin for one in replayed if one.message] == ["record", "topic"]
    road.admin.delete_topics([road.topic])[road.topic].result(30)
    until(lambda: create_topic(road.stack.bootstrap_servers, road.topic, partitions=road.partitions), "made again")
    assert road.topic_id() != first.topic_id
    send(road, GOOD, GOOD)
    replayed = list(Replay(letters, road.settings.kafka).run([first, second]))
    assert [one.message.origin for one in replayed if one.message] == ["record", "record"]
    again = {decode_metric((one.value() or b"")[10:]) for one in last_messages(road, 2)}
    assert again == {decode_metric(wire(metric)[10:]) for metric in sent}
    assert letters.find(pending) == []


def test_verify_tells_a_purge_from_a_loss(road: Road, letters: DeadLetters) -> None:
    refuse(road, *[GOOD] * 5)
    assert letters.purge(LetterFilter(replayed=True)) == 0, "none was sent again"
    assert letters.purge(LetterFilter(addresses=(LetterAddress(road.topic, 1, 3),))) == 1
    assert offsets(letters, LetterFilter()) == [0, 1, 2, 4]
    assert road.one("SELECT count() FROM dead_letters") == 4, "it is deleted, not hidden"
    assert road.verdict().ok
    road.client.command("ALTER TABLE dead_letters DELETE WHERE `offset` = 2", settings={"mutations_sync": 2})
    (problem,) = road.verdict().problems
    assert (problem.kind, problem.partition) == ("dead_letters", 1)
    assert "4 dead letters of 5" in problem.detail


def test_a_purge_that_dies_before_it_deletes_is_finished_by_the_next(
    road: Road, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(road, *[GOOD] * 3)
    commands: list[str] = []

    class KilledError(Exception):
        pass

    def run(self: DeadLetters, sql: str, values: dict[str, Any], settings: dict[str, Any]) -> None:
        commands.append(sql)
        if "DELETE" in sql:
            raise KilledError
        run_command(self, sql, values, settings)

    run_command = DeadLetters._command
    monkeypatch.setattr(DeadLetters, "_command", run)
    with pytest.raises(KilledError):
        letters.purge(LetterFilter(addresses=(LetterAddress(road.topic, 1, 1),)))
    assert len(commands) == 2
    monkeypatch.undo()
    assert road.one("SELECT count() FROM dead_letters") == 3, "it died before"
    assert offsets(letters, LetterFilter()) == [0, 2]
    assert road.verdict().ok
    assert letters.purge(LetterFilter(reasons=("nothing has this reason",))) == 0
    assert road.one("SELECT count() FROM dead_letters") == 2
    assert road.verdict().ok


def test_a_range_that_is_stored_once_more_brings_no_purged_letter_back(road: Road, letters: DeadLetters) -> None:
    refuse(road, GOOD)
    road.client.command("CREATE TABLE kept AS dead_letters")
    road.client.command("INSERT INTO kept SELECT * FROM dead_letters")
    assert letters.purge(LetterFilter()) == 1
    road.client.command(
        "INSERT INTO dead_letters SELECT * REPLACE (now64(3) AS stored_at) FROM kept SETTINGS insert_deduplicate = 0"
    )
    assert road.one("SELECT count() FROM dead_letters") == 1
    assert letters.find(LetterFilter()) == []
    assert road.verdict().ok


def test_letters_of_the_kafka_engine_are_purged_by_place_and_time(
    road: Road, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have no topic id: the same place may be another message later, of a topic that was made again."""

    def arrive(raw: str) -> None:
        names = "topic, topic_id, `partition`, `offset`, reason, raw"
        road.client.command(
            f"INSERT INTO dead_letters ({names}) VALUES ('{road.topic}', '', 1, 7, 'an engine', '{raw}')"
        )

    def run(self: DeadLetters, sql: str, values: dict[str, Any], settings: dict[str, Any]) -> None:
        if "DELETE" in sql:
            arrive("second")
        run_command(self, sql, values, settings)

    arrive("first")
    run_command = DeadLetters._command
    with monkeypatch.context() as patch:
        patch.setattr(DeadLetters, "_command", run)
        assert letters.purge(LetterFilter()) == 1
    assert road.sql("SELECT raw FROM dead_letters") == [("second",)], (
        "it came between the writing down and the deletion"
    )
    assert letters.purge(LetterFilter(replayed=True)) == 0
    (head,) = letters.find(LetterFilter())
    ((letter,),) = letters.load([head])
    assert letter.value == b"second"


def test_many_letters_are_sent_in_the_order_of_their_offsets(road: Road, letters: DeadLetters) -> None:
    """More than are held in memory at once."""
    values: Sequence[bytes] = [GOOD[:-7] + b"%d" % number for number in range(450)]
    refuse(road, *values)
    replayed = list(Replay(letters, road.settings.kafka).run(letters.find(LetterFilter())))
    assert [one.head.offset for one in replayed] == list(range(450))
    assert len(letters.find(LetterFilter(replayed=True))) == 450
    assert [one.value() for one in last_messages(road, 450)] == values
