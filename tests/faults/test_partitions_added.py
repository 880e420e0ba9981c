"""Partitions added to a topic while a consumer runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]  # its stubs forget it
from road import QUICK_GROUP, until

if TYPE_CHECKING:
    from road import Road


def test_partitions_added_under_a_running_consumer_are_read_from_their_beginning(road: Road) -> None:
    """Found with the next refresh of the topic's metadata; those that it had keep going."""
    road.send(1_000)
    options = {**json.loads(QUICK_GROUP), "topic.metadata.refresh.interval.ms": 300}
    with road.consumer(KAFKA_OPTIONS=json.dumps(options)) as consumer:
        until(lambda: road.released() == 1_000, "all of it is released")
        road.admin.create_partitions([NewPartitions(road.topic, 6)])[road.topic].result(30)
        road.partitions = 6
        road.send(2_000, first=1_000)
        until(lambda: road.released() == 3_000, "all of it is released")
        assert consumer.metric("wattnet_consumer_assigned_partitions") == 6, "the fault took place"
    assert road.one("SELECT uniqExact(`partition`) FROM ledger") > 3, "the new ones had messages"
    road.assert_exact(3_000)
