"""`wattnet dead-letters list` and `show` on a real stack; and nothing in a letter steers a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from command import Command
from road import Road

from wattnet.consumer import DeadLetters, KafkaSettings, LetterAddress, LetterFilter, examine_letters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local import LocalStack
from cli.letters import AS_SENT, GOOD, KEY, LETTERS, NO_ZONE, STEERS, TRUNCATED, asked, consumed, env, offsets, send


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
    command, wide = Command(refused.folder), {**env(refused), "COLUMNS": "200"}
    shown = "".join(command.on_a_terminal("dead-letters", *one, env=wide) for one in (["list"], ["show", *every]))
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.replace("\r\n", "\n"))  # our own colours
    assert all(line.isprintable() for line in text.split("\n"))
    listed = text.split("\n")[: len(LETTERS) + 1]
    assert listed[0].startswith("address")
    assert max(map(len, listed)) <= 200
    assert text.count("\\x1b[2J") > len(LETTERS), "it is shown all the same"
    assert len(text) < 40_000


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
