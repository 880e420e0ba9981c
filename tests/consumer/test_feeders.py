"""One group feeds the tables from a topic at a time: what is refused, and that no order of two starts lets both in."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from road import until

from wattnet.consumer import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._feeders import REMEMBERED, Feeders, FeedingGroup, feeding_members, refusal_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from road import Road

TOPIC = "wattnet.metrics"
WHERE = {"topic": TOPIC, "cluster_id": "c"}


def group(*assignments: tuple[str, ...]) -> Any:
    """A group as Kafka describes it: for each member the topics of its partitions."""
    return SimpleNamespace(
        members=[
            SimpleNamespace(assignment=SimpleNamespace(topic_partitions=[SimpleNamespace(topic=one) for one in topics]))
            for topics in assignments
        ]
    )


@pytest.mark.parametrize(
    ("assignments", "members"),
    [
        ((), 0),
        (((TOPIC,), (TOPIC, TOPIC)), 2),
        (((TOPIC,), ()), 2),
        (((), ()), 2),  # before partitions are assigned
        ((("another",), ()), 0),  # the group reads another topic now
        ((("another",), (TOPIC,)), 2),
    ],
)
def test_members_count_that_read_the_topic_or_are_about_to(
    assignments: tuple[tuple[str, ...], ...], members: int
) -> None:
    assert feeding_members(group(*assignments), TOPIC) == members


def test_a_refusal_names_both_groups_the_topic_and_what_to_do() -> None:
    assert refusal_beside("new", [FeedingGroup("old", "consumer", None, 0)], WHERE) == ""
    refusal = refusal_beside("new", [FeedingGroup("old", "consumer", None, 2)], WHERE)
    for part in ("'new'", "'old' has 2 members", repr(TOPIC), "KAFKA_GROUP_ID", "stop its members", "ledger ends"):
        assert part in refusal
    unseen = refusal_beside("new", [FeedingGroup("old", "consumer", None, None)], WHERE)
    assert "give it Describe on that group" in unseen


class Services:
    """ClickHouse's table of feeders and Kafka's groups, as far as Feeders asks them."""

    database = "wattnet"

    def __init__(self) -> None:
        self.remembered: list[str] = []
        self.joined: set[str] = set()
        self.connections = 0

    def command(self, _: str, *, parameters: dict[str, str], settings: object) -> None:
        self.remembered.append(parameters["group_id"])

    def query(self, sql: str, **_: object) -> Any:
        rows = [(one, "consumer", None) for one in self.remembered] if sql == REMEMBERED else []
        return SimpleNamespace(result_rows=rows)

    def group(self, group_id: str) -> Any:
        return group(*[(TOPIC,)] * (group_id in self.joined))

    def connect(self) -> Services:
        self.connections += 1
        return self

    def feeders(self) -> Feeders:
        return Feeders(self, self.connect, cluster_id="c", topic=TOPIC)  # type: ignore[arg-type]  # as far as asked


def start(services: Services, group_id: str) -> Iterator[None]:
    """A consumer's start, step by step; StopIteration once it may claim."""
    feeders = services.feeders()
    feeders.refuse_others([group_id])
    yield
    feeders.remember(group_id, "consumer")
    yield
    services.joined.add(group_id)
    yield
    try:
        feeders.refuse_others([group_id])
    except ConfigurationError:
        yield
        services.joined.discard(group_id)
        raise


def test_two_groups_that_start_at_once_never_both_feed() -> None:
    """In every order of their steps one of them is let in, or none."""
    outcomes = set()
    for firsts in combinations(range(10), 5):
        services = Services()
        starts = {name: start(services, name) for name in "ab"}
        feeding = set()
        for turn in range(10):
            name = "a" if turn in firsts else "b"
            try:
                next(starts[name])
            except StopIteration:
                if name in services.joined:
                    feeding.add(name)
            except ConfigurationError:
                pass  # it has ended: another step of it is a StopIteration
        assert len(feeding) < 2, firsts
        outcomes.add(len(feeding))
    assert outcomes == {0, 1}


def test_kafka_is_asked_only_about_other_groups_and_by_a_new_client_each_time() -> None:
    """After a restart of its broker an older client may wait for a group's coordinator in vain."""
    services = Services()
    feeders = services.feeders()
    feeders.remember("a", "consumer")
    feeders.refuse_others(["a"])
    assert services.connections == 0
    feeders.remember("b", "consumer")
    feeders.refuse_others(["a"])
    feeders.refuse_others(["a"])
    assert services.connections == 2


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (lambda: DatabaseError("DB::Exception: Not enough privileges", code=497), ConfigurationError, "GRANT SELECT"),
        (lambda: DatabaseError("DB::Exception: no table", code=60), ConfigurationError, "no table"),
        (lambda: DatabaseError("DB::Exception: memory", code=241), ServiceUnavailableError, "memory"),
        (lambda: ConnectionResetError("reset"), ServiceUnavailableError, "reset"),
    ],
)
def test_what_clickhouse_refuses_for_good_is_told_from_what_passes(
    fault: Callable[[], Exception], error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services()

    def fails(*_: object, **__: object) -> None:
        raise fault()

    monkeypatch.setattr(services, "query", fails)
    with pytest.raises(error, match=said):
        services.feeders().refuse_others(["a"])


def test_a_second_group_is_refused_and_a_renamed_one_goes_on(road: Road) -> None:
    """Exit code 78 while the first group has members; once they are stopped the new one stores what came since."""
    road.send(300)
    first = road.group
    with road.consumer():
        road.wait_stored(300)
        second = road.start_consumer(KAFKA_GROUP_ID=f"{first}-renamed")
        assert second.process.wait(60) == 78, second.logged()
        for part in (f"group '{first}' has a member", f"'{first}-renamed'", "KAFKA_GROUP_ID", "stop its members first"):
            assert part in second.logged()
        until(lambda: road.released() == 300, "all of it is released")
    assert road.one("SELECT count() FROM feeders WHERE group_id LIKE '%-renamed'") == 0, "it never fed the tables"
    road.send(100, first=300)
    until(lambda: not road.members(), "the first group is empty")
    with road.consumer(KAFKA_GROUP_ID=f"{first}-renamed"):
        road.wait_stored(400)
        late = road.start_consumer()
        assert late.process.wait(60) == 78, late.logged()
        assert f"group '{first}-renamed' has a member" in late.logged()
    assert road.sql("SELECT uniqExact(group_id), uniqExact(topic) FROM feeders") == [(2, 1)]
    assert road.sql("SELECT sum(messages) FROM ledger") == [(400,)]
    assert road.verdict().ok
