"""`wattnet dead-letters replay`: sent again as it was or corrected, once, and pending until Kafka has it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from command import Command
from confluent_kafka import TopicPartition
from road import Road, until

from wattnet.consumer import DeadLetters, KafkaSettings, LetterFilter, Replay, ServiceUnavailableError
from wattnet.producer import create_topic
from wattnet.schemas import decode_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

from cli.letters import (
    AS_SENT,
    GOOD,
    KEY,
    asked,
    consumed,
    env,
    last_messages,
    offsets,
    raw_metric,
    refuse,
    send,
    store,
    unruly,
    wire,
)

DIES = """
import os, signal
from wattnet.cli._app import run
from wattnet.consumer import DeadLetters

DeadLetters.mark_replayed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run(["dead-letters", "replay", "--all"])
"""


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
    program = road.folder / "dies.py"
    program.write_text(DIES)
    died = Command(road.folder)(program=program, env=env(road))
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


def test_many_letters_are_sent_in_the_order_of_their_offsets(road: Road, letters: DeadLetters) -> None:
    """More than are held in memory at once."""
    values: Sequence[bytes] = [GOOD[:-7] + b"%d" % number for number in range(450)]
    refuse(road, *values)
    replayed = list(Replay(letters, road.settings.kafka).run(letters.find(LetterFilter())))
    assert [one.head.offset for one in replayed] == list(range(450))
    assert len(letters.find(LetterFilter(replayed=True))) == 450
    assert [one.value() for one in last_messages(road, 450)] == values
