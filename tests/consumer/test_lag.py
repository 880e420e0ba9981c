"""`lag` says how far the commits are behind, what is claimed, and who owns what, in groups of either protocol."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition
from road import until

from wattnet.consumer import ConfigurationError, GroupLag, ServiceUnavailableError, _kafka_questions, measure_lag
from wattnet.consumer._access import require_access
from wattnet.consumer._claim import Claim

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road


def lag(road: Road) -> GroupLag:
    return measure_lag(road.settings.kafka)


def fill(road: Road, *counts: int) -> None:
    """So many messages in each partition."""
    raw = road.raw_producer()
    for partition, count in enumerate(counts):
        for number in range(count):
            raw.produce(road.topic, b"%d" % number, partition=partition)
    raw.flush()


def test_without_a_group_all_that_kafka_holds_is_the_lag(road: Road) -> None:
    fill(road, 5, 0, 2)
    now = lag(road)
    assert (now.lag, now.state, now.protocol, now.members) == (7, "absent", "", ())
    assert now.topic_id == road.topic_id()
    assert [(one.committed, one.end, one.lag, one.owner) for one in now.partitions] == [
        (None, 5, 5, None),
        (None, 0, 0, None),
        (None, 2, 2, None),
    ]


def test_the_age_is_that_of_the_oldest_message_that_is_not_stored(road: Road) -> None:
    raw = road.raw_producer()
    now_ms = time.time_ns() // 1_000_000
    for hours in (5, 3, 1):
        raw.produce(road.topic, b"x", partition=0, timestamp=now_ms - hours * 3_600_000)
    raw.flush()
    road.commit(0, 1)
    ages = [one.oldest_age_s for one in lag(road).partitions]
    assert ages[0] is not None
    assert 3 * 3600 <= ages[0] < 3 * 3600 + 120
    assert ages[1:] == [None, None], "there is nothing whose age it could be"


def test_a_claim_under_way_counts_until_it_is_committed_as_stored(road: Road, proxy: ClickHouseProxy) -> None:
    gate = proxy.hold_next_insert("request")
    raw = road.raw_producer()
    for number in range(40):
        raw.produce(road.topic, b"%d" % number, partition=1)
    raw.flush()
    with road.consumer(**proxy.env):
        assert gate.reached.wait(60)
        held = lag(road).partitions[1]
        assert (held.committed, held.lag) == (0, 40)
        assert held.claimed == 40
        gate.open()
        until(lambda: lag(road).lag == 0, "it is committed as stored")
        done = lag(road).partitions[1]
        assert (done.committed, done.claimed, done.oldest_age_s) == (40, None, None)


def test_a_commit_of_a_topic_that_was_deleted_is_void(road: Road) -> None:
    fill(road, 9, 9)
    road.commit(0, 4, Claim(road.topic_id(), 4, 6, 2, 0).metadata())
    road.commit(1, 4, Claim("another-topic-id", 4, 6, 2, 0).metadata())
    today, old, _ = lag(road).partitions
    assert (today.void, today.committed, today.claimed, today.lag) == (False, 4, 6, 5)
    assert (old.void, old.committed, old.claimed, old.lag) == (True, None, None, 9)


def test_a_commit_that_an_operator_set_counts(road: Road) -> None:
    fill(road, 9)
    road.commit(0, 7)
    one = lag(road).partitions[0]
    assert (one.committed, one.claimed, one.lag) == (7, None, 2)


def test_what_kafka_no_longer_holds_is_gone_and_no_lag(road: Road) -> None:
    fill(road, 9)
    road.commit(0, 2)
    place = TopicPartition(road.topic, 0, 6)
    road.admin.delete_records([place])[place].result(10)
    one = lag(road).partitions[0]
    assert (one.committed, one.end, one.lag, one.gone) == (2, 9, 3, 4)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_the_owners_are_named_in_groups_of_both_protocols(road: Road, protocol: str) -> None:
    """A member with its client id, its host and, when its membership is static, its instance id."""
    session = {"session_timeout_ms": 1000} if protocol == "classic" else {}
    with road.member(group_protocol=protocol, client_id="one", group_instance_id="static-1", **session) as first:
        until(lambda: first.poll(0.1) is not None or len(first.assignment()) == 3, "all partitions are assigned")
        now = lag(road)
        assert (now.protocol, now.state, now.idle_members, len(now.members)) == (protocol, "stable", 0, 1)
        owners = [one.owner for one in now.partitions if one.owner]
        assert [(one.client_id, one.host, one.instance_id) for one in owners] == [("one", "127.0.0.1", "static-1")] * 3
    # A static member stays one until its session ends; that of the new protocol is the broker's to set, and longer.
    if protocol == "classic":
        until(lambda: lag(road).state == "empty", "the session is over")
        assert [one.owner for one in lag(road).partitions] == [None] * 3


def test_more_members_than_partitions_are_idle(road: Road) -> None:
    with ExitStack() as stack:
        members = [stack.enter_context(road.member(group_protocol="consumer")) for _ in range(4)]

        def settled() -> bool:
            sizes = [len(one.assignment()) for one in members if one.poll(0.02) is None]
            return sorted(sizes) == [0, 1, 1, 1]

        until(settled, "each partition has an owner of its own")
        now = lag(road)
        assert (len(now.members), now.idle_members, now.state) == (4, 1, "stable")


def test_hostile_client_ids_cannot_write_to_the_terminal(road: Road) -> None:
    with road.member(group_protocol="consumer", client_id="evil\x1b[31m\nrow" + "x" * 5_000) as evil:
        until(lambda: evil.poll(0.1) is not None or evil.assignment(), "it has its partitions")
        (shown,) = lag(road).members
    assert shown.client_id.startswith(r"evil\x1b[31m\nrowxx")
    assert len(shown.client_id) == 200


def test_without_a_topic_it_says_what_to_do(road: Road) -> None:
    settings = road.settings.kafka.model_copy(update={"topic": "no-such-topic"})
    with pytest.raises(ConfigurationError, match=r"there is no topic 'no-such-topic'.*wattnet init"):
        measure_lag(settings)
    with pytest.raises(ConfigurationError, match="Invalid topic"):
        measure_lag(settings.model_copy(update={"topic": "no such topic"}))


def test_options_that_librdkafka_refuses_are_a_configuration_error(road: Road) -> None:
    settings = road.settings.kafka.model_copy(update={"options": {"security.protocol": "carrier-pigeon"}})
    with pytest.raises(ConfigurationError, match=r"security.protocol.*KAFKA_OPTIONS"):
        measure_lag(settings)


def test_kafka_away_is_unavailable(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = road.settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    monkeypatch.setattr(_kafka_questions, "require_access", partial(require_access, timeout_s=1))
    with pytest.raises(ServiceUnavailableError, match=r"no broker at 127.0.0.1:1 answers"):
        measure_lag(settings)
