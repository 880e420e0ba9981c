"""`wattnet doctor`, as people and scripts read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from command import Command
    from road import Road


def _env(road: Road, **changes: str) -> dict[str, str]:
    return {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_DATABASE": road.name,
        **changes,
    }


def test_doctor_says_what_it_looked_at(wattnet: Command, road: Road) -> None:
    shown = wattnet("doctor", env=_env(road))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "ok       migrations" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("no problems found: ")

    answer = wattnet("doctor", "--json", env=_env(road))
    assert (answer.returncode, answer.stderr) == (0, "")
    found = json.loads(answer.stdout)
    assert found["ok"] is True
    assert {
        "name": "cleanup",
        "severity": "ok",
        "seen": "cleanup.policy=delete",
        "remedy": "",
        "exit_code": 0,
    } in found["findings"]


def test_doctor_exits_78_with_the_remedy_when_something_has_to_be_changed(wattnet: Command, road: Road) -> None:
    road.client.command("ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 0")
    shown = wattnet("doctor", env=_env(road, KAFKA_TOPIC="nothing-here"))
    assert shown.returncode == 78
    assert "fatal deduplication ledger has no deduplication window" in " ".join(shown.stdout.split())
    assert "-> ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 10000" in shown.stdout
    assert "-> make it with `wattnet init`, or set KAFKA_TOPIC" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("fatal: 2, warnings: 0, not looked at: ")


def test_doctor_exits_69_when_a_service_is_away_and_looks_at_the_others(wattnet: Command, road: Road) -> None:
    answer = wattnet("doctor", "--json", env={**_env(road, CLICKHOUSE_PORT="1"), "CLICKHOUSE_PASSWORD": "s3cr3t"})
    assert (answer.returncode, answer.stderr) == (69, "")
    found = json.loads(answer.stdout)
    assert found["ok"] is False
    severities = {one["name"]: one["severity"] for one in found["findings"]}
    assert (severities["clickhouse"], severities["topic"]) == ("fatal", "ok")
    assert "s3cr3t" not in answer.stdout
