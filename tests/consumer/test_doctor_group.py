"""What `doctor` makes of lag, retention, breakers, dead letters, clocks, versions and groups, without a service."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from wattnet.consumer import FeedingGroup, GroupLag, KafkaSettings, Member, PartitionLag
from wattnet.consumer._doctor_group import judge_breakers, judge_groups, judge_lag, judge_letters, judge_retention
from wattnet.consumer._doctor_host import judge_versions
from wattnet.consumer._doctor_kafka import examine_options, judge_brokers_clocks

MEMBER = Member("m", "wattnet-consumer", "127.0.0.1", None)
HOUR_MS = 3_600_000


def look(*partitions: tuple[int, int], members: int = 1) -> GroupLag:
    """By partition: the commit and the end."""
    owner = MEMBER if members else None
    return GroupLag(
        topic="t",
        topic_id="id",
        group_id="g",
        protocol="classic",
        state="stable",
        members=(MEMBER,) * members,
        partitions=tuple(
            PartitionLag(number, done, False, None, end, end - done, 0, None, owner)
            for number, (done, end) in enumerate(partitions)
        ),
    )


@pytest.mark.parametrize(
    ("first", "second", "severity", "said"),
    [
        (look((100, 100)), look((100, 100)), "ok", "0 messages behind"),
        (look((0, 100), members=0), look((0, 100), members=0), "warning", "nobody consumes"),
        (look((0, 900)), look((500, 950)), "ok", "50 came and 500 were stored"),
        (look((0, 900)), look((10, 1_000)), "warning", "[0] grows"),
        (look((0, 900), (5, 5)), look((0, 900), (5, 5)), "warning", "[0] does not fall"),
        (look((90, 100)), look((100, 120)), "ok", "20 messages behind"),  # what waits for the next range
    ],
)
def test_lag_by_two_looks(first: GroupLag, second: GroupLag, severity: str, said: str) -> None:
    found = judge_lag(first, second, 3.0)
    assert (found.severity, said in found.seen) == (severity, True), found


def test_lag_that_is_old_against_retention_is_a_warning() -> None:
    assert judge_retention(HOUR_MS, {}, {}).severity == "ok"
    assert judge_retention(-1, {0: 5}, {}).severity == "ok"
    assert judge_retention(HOUR_MS, {0: 5}, {0: 60.0}).severity == "ok"
    assert judge_retention(HOUR_MS, {0: 5, 1: 7}, {0: 60.0, 1: 2_000.0}).severity == "warning"
    assert judge_retention(HOUR_MS, {0: 5}, {}).severity == "unseen"
    assert judge_retention(HOUR_MS, {0: 5, 1: 7}, {0: 60.0}).severity == "unseen"


def test_a_partition_that_is_not_read_behind_refused_messages_has_an_open_breaker() -> None:
    standing, bad = (look((1_000, 5_000)), look((1_000, 6_000))), {0: [(5_000, 0), (1_000, 900)]}
    assert judge_breakers(*standing, bad, 0.5).severity == "warning"
    assert "partitions [0]" in judge_breakers(*standing, bad, 0.5).seen
    assert judge_breakers(*standing, {0: [(1_000, 900), (1_000, 0)]}, 0.5).severity == "ok"
    assert judge_breakers(*standing, bad, 1.0).severity == "ok"
    assert judge_breakers(look((1_000, 5_000)), look((1_500, 6_000)), bad, 0.5).severity == "ok", "it is read"


def test_dead_letters_are_listed_by_reason() -> None:
    assert judge_letters([]).severity == "ok"
    found = judge_letters([("unknown framing", 1_200), ("not finite", 3)])
    assert (found.severity, found.seen) == ("warning", "1,203 in the last day: 1,200 unknown framing, 3 not finite")


def test_other_groups_are_named_and_one_with_members_is_fatal() -> None:
    started = datetime(2026, 12, 1, tzinfo=timezone.utc)
    own = FeedingGroup("new", "consumer", started, 1)
    assert judge_groups([own], "t").severity == "ok"
    gone = judge_groups([own, FeedingGroup("old", "consumer", started, 0)], "t")
    assert (gone.severity, "'old'" in gone.seen) == ("note", True)
    beside = judge_groups([own, FeedingGroup("old", "consumer", started, 2)], "t")
    assert (beside.exit_code, "'old'" in beside.seen, "'new'" in beside.seen) == (78, True, True)


def test_brokers_clocks_are_seen_by_what_they_stamped() -> None:
    assert judge_brokers_clocks(None, 1_000.0).severity == "note"
    assert judge_brokers_clocks(990_000, 1_000.0).severity == "ok"
    assert judge_brokers_clocks(1_060_000, 1_000.0).severity == "warning"


def test_versions_are_held_against_the_declared_ones() -> None:
    required = ["clickhouse-connect[pandas]<2,>=1.12", 'fastavro<2,>=1.12; extra == "x"']
    assert judge_versions({"clickhouse-connect": "1.12.1", "fastavro": "1.13"}, required).severity == "ok"
    assert "clickhouse-connect" in judge_versions({"clickhouse-connect": "1.2"}, required).remedy
    assert judge_versions({"fastavro": "2.0.1"}, required).severity == "warning"


@pytest.mark.parametrize(
    ("options", "severity"),
    [
        ({}, "ok"),
        ({"fetch.min.bytes": 10}, "ok"),
        ({"no.such.option": 1}, "fatal"),
        ({"fetch.min.bytes": "many"}, "fatal"),
        ({"enable.auto.commit": True}, "fatal"),
        ({"queue.buffering.max.ms": 5}, "warning"),  # a producer's: a consumer ignores it
    ],
)
def test_options_are_tried_on_librdkafka(options: dict[str, object], severity: str) -> None:
    found = examine_options(KafkaSettings(options=options))
    assert found.severity == severity, found
    assert all(key in found.seen for key in options), found
