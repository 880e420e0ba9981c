"""init, migrate and verify on real services."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from command import Command
    from road import Road

    from wattnet.local import LocalStack


def test_init_makes_what_is_missing_and_repeats_safely(wattnet: Command, wattnet_stack: LocalStack) -> None:
    env = {**wattnet_stack.env, "KAFKA_TOPIC": f"init-{wattnet.mark}", "CLICKHOUSE_DATABASE": f"init_{wattnet.mark}"}
    admin = AdminClient({"bootstrap.servers": wattnet_stack.bootstrap_servers})
    try:
        first = wattnet("init", "--partitions", "5", env=env)
        assert (first.returncode, first.stderr) == (0, "")
        assert "created, 5 partitions" in first.stdout
        assert "applied " in first.stdout
        assert len(admin.list_topics(timeout=10).topics[env["KAFKA_TOPIC"]].partitions) == 5

        again = wattnet("init", env=env)
        assert (again.returncode, again.stderr) == (0, "")
        assert again.stdout.count("already") == 2
        assert len(admin.list_topics(timeout=10).topics[env["KAFKA_TOPIC"]].partitions) == 5
    finally:
        admin.delete_topics([env["KAFKA_TOPIC"]])[env["KAFKA_TOPIC"]].result(30)


def test_init_without_kafka_exits_69(wattnet: Command, wattnet_stack: LocalStack) -> None:
    answer = wattnet("init", env={**wattnet_stack.env, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, timeout_s=40)
    assert answer.returncode == 69
    assert answer.stderr.startswith("wattnet: no broker at 127.0.0.1:1 answered")
    assert answer.stderr.count("\n") == 1, "librdkafka's own log stays away from the terminal"


def test_migrate_there_and_back(wattnet: Command, wattnet_stack: LocalStack) -> None:
    env = {**wattnet_stack.env, "CLICKHOUSE_DATABASE": f"migrate_{wattnet.mark}"}
    before = wattnet("migrate", "status", env=env)
    assert before.returncode == 78
    names = [line.split()[0] for line in before.stdout.splitlines()]
    assert names
    assert before.stdout.count(" pending") == len(names)

    up = wattnet("migrate", "up", env=env)
    assert up.stdout.splitlines() == [f"applied {name}" for name in names]
    assert "is up to date" in wattnet("migrate", "up", env=env).stdout

    unasked = wattnet("migrate", "down", env=env)
    assert unasked.returncode == 2
    assert "deletes all data" in unasked.stderr
    assert "--yes" in unasked.stderr

    too_many = wattnet("migrate", "down", "--steps", str(len(names) + 1), "--yes", env=env)
    assert (too_many.returncode, too_many.stdout) == (2, "")
    assert f"has only {len(names)} migrations" in too_many.stderr

    down = wattnet("migrate", "down", "--steps", "2", "--yes", env=env)
    rolled_back = f"rolled back {names[-1]}\nrolled back {names[-2]}\n"
    assert (down.returncode, down.stdout) == (0, rolled_back), "the refused calls changed nothing"
    after = wattnet("migrate", "status", env=env).stdout
    assert (after.count(" applied "), after.count(" pending")) == (len(names) - 2, 2)
    assert wattnet("migrate", "up", env=env).stdout == f"applied {names[-2]}\napplied {names[-1]}\n"


def _env(road: Road) -> dict[str, str]:
    return {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_DATABASE": road.name,
    }


def test_verify_says_what_it_found(wattnet: Command, road: Road) -> None:
    road.send(300)
    waiting = wattnet("verify", env=_env(road))
    assert waiting.returncode == 0
    assert "300 in flight; no consumer is running" in waiting.stdout
    assert "0 stored, 0 rejected, 300 in flight" in waiting.stdout
    assert wattnet("verify", "--max-in-flight", "300", env=_env(road)).returncode == 0
    late = wattnet("verify", "--max-in-flight", "299", "--json", env=_env(road))
    assert (late.returncode, json.loads(late.stdout)["ok"]) == (1, False)

    with road.consumer():
        road.wait_stored(300)
    good = wattnet("verify", "--json", env=_env(road))
    assert (good.returncode, good.stderr) == (0, "")
    answer = json.loads(good.stdout)
    assert (answer["ok"], answer["stored"], answer["in_flight"]) == (True, 300, 0)
    assert answer["verdict"] == "every offset is stored exactly once (300 messages)"

    lost = road.sql("SELECT `partition`, claim_first, claim_next FROM ledger LIMIT 1")[0]
    road.client.command(f"DELETE FROM ledger WHERE `partition` = {lost[0]} AND claim_first = {lost[1]}")
    bad = wattnet("verify", env=_env(road))
    assert bad.returncode == 1
    assert f"partition {lost[0]} [{lost[1]}, {lost[2]})" in bad.stdout
    assert bad.stdout.splitlines()[-1].startswith("NOT exact")


def test_verify_without_kafka_exits_69_soon(wattnet: Command, road: Road) -> None:
    started_s = time.monotonic()
    answer = wattnet("verify", env={**_env(road), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, timeout_s=60)
    assert answer.returncode == 69
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert time.monotonic() - started_s < 30


def test_verify_without_tables_exits_78(wattnet: Command, road: Road) -> None:
    answer = wattnet("verify", env={**_env(road), "CLICKHOUSE_DATABASE": "nothing_here"})
    assert answer.returncode == 78
    assert "wattnet migrate up" in answer.stderr
