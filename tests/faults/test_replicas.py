"""Replicas join and leave in the midst of a range, by every group protocol: all is stored, nothing twice."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from road import QUICK_GROUP, until

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import ConsumerProcess, Road


def classic(strategy: str) -> dict[str, str]:
    """A group whose members share out partitions by this strategy."""
    return {"KAFKA_OPTIONS": json.dumps({**json.loads(QUICK_GROUP), "partition.assignment.strategy": strategy})}


def owns_some(consumer: ConsumerProcess) -> bool:
    """Whether partitions were assigned to it."""
    return re.search(r"assigned: partitions \[\d", consumer.logged()) is not None


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(classic("range,roundrobin"), id="eager"),
        pytest.param(classic("cooperative-sticky"), id="cooperative"),
        pytest.param({"KAFKA_GROUP_PROTOCOL": "consumer", "KAFKA_OPTIONS": "{}"}, id="KIP-848"),
    ],
)
def test_a_replica_joins_and_leaves_while_a_range_is_being_stored(
    road: Road, proxy: ClickHouseProxy, group: dict[str, str]
) -> None:
    road.send(3_000)
    settings = {**group, "WATTNET_MAX_BATCH_ROWS": "300", "WATTNET_MIN_BATCH_ROWS": "300"}
    gate = proxy.hold_next_insert("request")
    with road.consumer(**proxy.env, **settings) as stays:
        assert gate.reached.wait(60), stays.logged()
        with road.consumer(**settings) as comes:
            until(lambda: "revoked: partitions" in stays.logged(), "partitions are asked back, an insert under way")
            gate.open()
            until(lambda: owns_some(comes), "the second one has partitions")
            road.send(3_000, first=3_000)
            until(lambda: "stored: " in comes.logged(), "it stores")
        road.send(3_000, first=6_000)
        until(lambda: road.released() == 9_000, "all of it is released")
        assert stays.metric("wattnet_consumer_assigned_partitions") == 3, "it has them all again"
    road.assert_exact(9_000)


def test_a_static_member_comes_back_without_a_rebalance(road: Road) -> None:
    """What it held is not shared out while it restarts within its session."""
    options = json.dumps({"session.timeout.ms": 30_000, "heartbeat.interval.ms": 200})
    first, second = ({"KAFKA_GROUP_INSTANCE_ID": name, "KAFKA_OPTIONS": options} for name in ("one", "two"))
    road.send(1_000)
    with road.consumer(**first) as stays:
        with road.consumer(**second) as leaves:
            until(
                lambda: (
                    {one.metric("wattnet_consumer_assigned_partitions") for one in (stays, leaves)} == {1, 2}
                    and road.released() == 1_000
                ),
                "both have partitions",
            )
        rebalances = stays.metric("wattnet_consumer_rebalances_total")
        road.send(1_000, first=1_000)
        with road.consumer(**second) as again:
            until(lambda: road.released() == 2_000, "all of it is released")
            assert owns_some(again)
        assert stays.metric("wattnet_consumer_rebalances_total") == rebalances
    road.assert_exact(2_000)
