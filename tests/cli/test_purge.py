"""Dead letters purged: verify knows of it, an interrupted purge is finished, and nothing comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli.letters import GOOD, offsets, refuse

from wattnet.consumer import DeadLetters, LetterAddress, LetterFilter

if TYPE_CHECKING:
    from road import Road


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
