"""`wattnet kafka-engine` as a command: what it says, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from road import until

from wattnet.consumer import kafka_engine_status

if TYPE_CHECKING:
    from command import Command
    from road import Road


def env(road: Road) -> dict[str, str]:
    """The road's settings."""
    return {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_DATABASE": road.name,
        "WATTNET_FLUSH_INTERVAL_S": "0.2",
    }


def test_on_status_and_off_say_what_they_did_and_what_the_engine_cannot_do(
    wattnet: Command, registry_road: Road
) -> None:
    road = registry_road
    road.send(100)
    switched = wattnet("kafka-engine", "on", "--consumers", "1", env=env(road))
    assert switched.returncode == 0, switched.stderr
    assert "the Kafka engine is on" in switched.stdout
    for limit in ("at least once", "Empty messages leave no trace", "become dead letters"):
        assert limit in switched.stdout
    road.wait_stored(100)

    until(lambda: kafka_engine_status(road.settings).lag == 0, "it has committed")
    status = wattnet("kafka-engine", "status", "--json", env=env(road))
    assert status.returncode == 0, status.stdout
    told = json.loads(status.stdout)
    assert (told["state"], told["lag"], told["problems"]) == ("on", 0, [])
    assert sum(one["stored"] for one in told["partitions"]) == 100
    proven = wattnet("verify", env=env(road))
    assert proven.returncode == 0
    assert "100 messages more came from the Kafka engine" in proven.stdout
    switched = wattnet("kafka-engine", "off", env=env(road))
    assert switched.returncode == 0, switched.stderr
    assert "the Kafka engine is off" in switched.stdout


def test_without_a_registry_it_ends_with_78(wattnet: Command, road: Road) -> None:
    refused = wattnet("kafka-engine", "on", env=env(road))
    assert refused.returncode == 78
    assert refused.stdout == ""
    assert "SCHEMA_REGISTRY_URL" in refused.stderr
