"""`wattnet lag`, as people and scripts read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from command import Command
    from road import Road


def _env(road: Road) -> dict[str, str]:
    return {**road.stack.env, "KAFKA_TOPIC": road.topic, "KAFKA_GROUP_ID": road.group}


def test_lag_shows_each_partition_and_the_sum(wattnet: Command, road: Road) -> None:
    raw = road.raw_producer()
    for number in range(1_234):
        raw.produce(road.topic, b"%d" % number, partition=1)
    raw.flush()
    # It needs no ClickHouse.
    shown = wattnet("lag", env={**_env(road), "CLICKHOUSE_PORT": "1"})
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[0] == f"topic {road.topic} (id {road.topic_id()})"
    assert lines[1] == f"group {road.group}: absent, 0 members"
    assert [line.split()[:5] for line in lines[3:6]] == [
        ["0", "-", "-", "0", "0"],
        ["1", "-", "-", "1,234", "1,234"],
        ["2", "-", "-", "0", "0"],
    ]
    assert lines[4].endswith("nobody")
    assert lines[-1] == "1,234 messages behind"

    answer = json.loads(wattnet("lag", "--json", env=_env(road)).stdout)
    assert answer["lag"] == 1_234
    assert [one["lag"] for one in answer["partitions"]] == [0, 1_234, 0]
    assert answer["partitions"][1]["oldest_age_s"] > 0


def test_lag_without_a_topic_exits_78(wattnet: Command, road: Road) -> None:
    answer = wattnet("lag", env={**_env(road), "KAFKA_TOPIC": "nothing-here"})
    assert (answer.returncode, answer.stdout) == (78, "")
    assert "there is no topic 'nothing-here'" in answer.stderr
    assert "wattnet init" in answer.stderr
