"""kill -9 of a consumer at the moments that matter, then a restart: all is stored, nothing twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from road import Road, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_proxy import ClickHouseProxy, Place

    from wattnet.local import LocalStack

MESSAGES = 6_000


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """One partition, so that the insert that is stopped is the only one under way."""
    road = Road(wattnet_stack, tmp_path, partitions=1)
    yield road
    road.close()


def test_killed_after_the_claim(road: Road, proxy: ClickHouseProxy) -> None:
    """Claimed and not inserted: the next one rebuilds exactly the claimed range."""
    claim = _killed_at(road, proxy, "request", drop=True)
    assert road.one("SELECT count() FROM metrics") == 0, "the kill came before the insert"
    _recovers(road, claim)


@pytest.mark.parametrize("drop", [True, False], ids=["the rest never arrives", "the rest arrives later"])
def test_killed_during_the_insert(road: Road, proxy: ClickHouseProxy, drop: bool) -> None:
    """Half sent: whether ClickHouse then gets the rest or not, there is one copy."""
    claim = _killed_at(road, proxy, "half", drop=drop)
    _recovers(road, claim)


def test_killed_after_the_insert_before_the_next_claim(road: Road, proxy: ClickHouseProxy) -> None:
    """Stored, but the acknowledgement reached nobody: the repeat adds nothing to any table."""
    claim = _killed_at(road, proxy, "response", drop=True)
    assert road.one("SELECT sum(messages) FROM ledger") == claim["messages"], "the kill came after the insert"
    _recovers(road, claim)


def _killed_at(road: Road, proxy: ClickHouseProxy, place: Place, *, drop: bool) -> dict[str, int]:
    """Run a consumer into the gate and kill it there; returns the claim that stood in Kafka then."""
    road.send(MESSAGES)
    gate = proxy.hold_next_insert(place)
    consumer = road.start_consumer(**proxy.env)
    try:
        assert gate.reached.wait(60), consumer.logged()
    finally:
        consumer.kill()
    claims = [json.loads(one.metadata) | {"first": one.offset} for one in road.committed() if one.metadata]
    assert [claim for claim in claims if claim["messages"]], "a claim stood when the consumer was killed"
    if drop:
        gate.drop()
    else:
        gate.open()
    return max(claims, key=lambda claim: claim["messages"])


def _recovers(road: Road, claim: dict[str, int]) -> None:
    with road.consumer():
        until(lambda: road.released() == MESSAGES, "the claim is released")
    stored = road.sql("SELECT claim_first, claim_next, claim_messages FROM ledger")
    assert (claim["first"], claim["next"], claim["messages"]) in stored, "the claimed range was rebuilt exactly"
    road.assert_exact(MESSAGES)
