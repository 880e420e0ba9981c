"""ClickHouse is away for an hour while metrics come in: flat memory, still in the group, nothing lost or doubled."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from road import QUICK_GROUP, until

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import ConsumerProcess, Road
    from scale import Scale

CAP_BYTES = 4_000_000
MESSAGE_BYTES = 600  # about: 150 of its own, and what Python needs around them
MAX_POLL_INTERVAL_S = 3
FLAT_BYTES = 20_000_000
SENT_A_SECOND = 500


def test_an_hour_without_clickhouse(road: Road, proxy: ClickHouseProxy, scale: Scale) -> None:
    """Once partitions are paused nothing depends on how long it lasts, so `make test` waits for seconds."""
    outage_s = scale(6, 3_600)
    options = json.dumps({**json.loads(QUICK_GROUP), "max.poll.interval.ms": MAX_POLL_INTERVAL_S * 1000})
    backlog = 10 * CAP_BYTES // MESSAGE_BYTES
    with road.consumer(
        **proxy.env,
        KAFKA_OPTIONS=options,
        WATTNET_MAX_BUFFER_BYTES=str(CAP_BYTES),
        WATTNET_MAX_BATCH_ROWS="2000",
        WATTNET_LOG_LEVEL="info",
    ) as consumer:
        road.send(1_000)
        until(lambda: road.released() == 1_000, "the first part is stored")
        with proxy.away():
            sent = 1_000 + backlog
            road.send(backlog, first=1_000)
            until(lambda: "partitions paused" in consumer.logged(), "the buffers are full")
            began_s, full = time.monotonic(), consumer.resident_bytes()
            lowest = highest = full
            while (passed_s := time.monotonic() - began_s) < outage_s:
                road.send(SENT_A_SECOND, first=sent)
                sent += SENT_A_SECOND
                lowest, highest = (f(one, consumer.resident_bytes()) for f, one in ((min, lowest), (max, highest)))
                scale.tell(f"away for {passed_s:,.0f} s, {sent:,} sent, {consumer.resident_bytes() / 1e6:.0f} MB")
                time.sleep(1)
            assert highest < full + FLAT_BYTES, f"{full / 1e6:.0f} MB when paused, then up to {highest / 1e6:.0f} MB"
            assert passed_s > MAX_POLL_INTERVAL_S, "longer than a member may stay silent"
            assert_still_a_member(road, consumer)
            assert not consumer.ready
            assert consumer.http("/livez")[0] == 200, "no reason to kill it"
            assert road.one("SELECT sum(messages) FROM ledger") == 1_000
        back_s = time.monotonic()
        until(lambda: road.released() == sent, "all of it is released", 60 + sent / 2_000)
        scale.tell(f"{sent - 1_000:,} stored {time.monotonic() - back_s:.1f} s after it came back")
        assert consumer.ready
        assert_still_a_member(road, consumer)
    road.assert_exact(sent)
    scale.tell(f"{road.verdict()}; memory {lowest / 1e6:.0f} to {highest / 1e6:.0f} MB")


def assert_still_a_member(road: Road, consumer: ConsumerProcess) -> None:
    """It never left: one assignment, nothing revoked or lost, and the group has it."""
    logged = consumer.logged()
    assert logged.count("assigned: partitions") == 1
    assert "revoked" not in logged
    assert "lost: partitions" not in logged
    (member,) = road.admin.describe_consumer_groups([road.group])[road.group].result(10).members
    assert len(member.assignment.topic_partitions) == road.partitions
