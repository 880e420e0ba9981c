"""One feeder per topic and tables: which groups have fed them, and whether another one has members now.

Two groups do not know of each other's claims, so both would store every message. A group is refused while another one
has members, before it joins and again whenever a partition is assigned to it. It is remembered between the two: of two
groups that start at once, the one that looks last finds the other one remembered and joined, so at least one stops.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError

from wattnet.clickhouse import heals
from wattnet.consumer._clickhouse_questions import ACCESS_DENIED, code_of, reason
from wattnet.consumer._engine_table import refuse_beside_engine
from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from clickhouse_connect.driver.client import Client
    from confluent_kafka.admin import ConsumerGroupDescription  # type: ignore[attr-defined]  # it lists no exports

    from wattnet.consumer._kafka_questions import KafkaQuestions
    from wattnet.consumer._ledger import Ledger, LedgerTail

Feeder = Literal["consumer", "kafka-engine"]

REMEMBERED = """
    SELECT group_id, argMax(feeder, started_at), max(started_at) FROM feeders
    WHERE topic = {topic:String} AND cluster_id = {cluster_id:String}
    GROUP BY group_id ORDER BY group_id
"""
REMEMBER = """
    INSERT INTO feeders (cluster_id, topic, group_id, feeder)
    SELECT {cluster_id:String}, {topic:String}, {group_id:String}, {feeder:String}
"""


@dataclass(frozen=True, slots=True)
class FeedingGroup:
    """A consumer group that has fed the tables from the topic.

    `started_at` is when one of its members started last, None for a group that never fed them. `members` counts those
    that read the topic now, None where this user may not see them.
    """

    group_id: str
    feeder: Feeder
    started_at: datetime | None
    members: int | None


class Feeders:
    """The groups that feed the tables behind `client` from one topic of one Kafka cluster.

    `connect` gives a client of Kafka that is asked about groups. A long-lived process makes a new one each time: an
    older one may not find a group's coordinator any more after a broker was restarted, and wait for it in vain.
    """

    def __init__(self, client: Client, connect: Callable[[], KafkaQuestions], *, cluster_id: str, topic: str) -> None:
        self._client = client
        self._connect = connect
        self._where = {"cluster_id": cluster_id, "topic": topic}

    def remember(self, group_id: str, feeder: Feeder) -> None:
        """Write down that the group is about to feed the tables; raises as `others` does."""
        with _asking(self._client):
            self._client.command(
                REMEMBER,
                parameters={**self._where, "group_id": group_id, "feeder": feeder},
                settings={"async_insert": 0, "distributed_foreground_insert": 1},
            )

    def groups(self, own: str) -> tuple[FeedingGroup, ...]:
        """The group `own` first, then the others that have fed the tables, with their members.

        Raises ServiceUnavailableError when a service does not answer, ConfigurationError for a missing table or right.
        """
        known = self._remembered()
        return self._described({own: known.pop(own, ("consumer", None)), **known})

    def refuse_others(self, own: Collection[str]) -> None:
        """Raise ConfigurationError while a group that is not in `own` has members; the first of `own` is the caller's.

        Kafka is asked only if another group has ever fed the tables. Raises ServiceUnavailableError when a service does
        not answer, ConfigurationError for a missing table or right too.
        """
        others = {name: known for name, known in self._remembered().items() if name not in own}
        if others and (refusal := refusal_beside(next(iter(own)), self._described(others), self._where)):
            raise ConfigurationError(refusal)

    def refuse_engine(self) -> None:
        """Raise ConfigurationError while ClickHouse's Kafka engine feeds the tables from the topic."""
        refuse_beside_engine(self._client, self._where["topic"])

    def _remembered(self) -> dict[str, tuple[Feeder, datetime | None]]:
        with _asking(self._client):
            rows = self._client.query(REMEMBERED, parameters=self._where).result_rows
        return {str(group_id): (feeder, started_at) for group_id, feeder, started_at in rows}

    def _described(self, known: Mapping[str, tuple[Feeder, datetime | None]]) -> tuple[FeedingGroup, ...]:
        kafka = self._connect()
        return tuple(FeedingGroup(name, *what, self._members(kafka, name)) for name, what in known.items())

    def _members(self, kafka: KafkaQuestions, group_id: str) -> int | None:
        try:
            group = kafka.group(group_id)
        except ConfigurationError:  # this user may not describe it
            return None
        return feeding_members(group, self._where["topic"]) if group else 0


class LedgerOfOneFeeder:
    """A ledger whose tail nobody learns while another group has members: without it no partition can be positioned.

    A member asks for it whenever a partition is assigned to it, so also after it had lost its membership.
    """

    def __init__(self, ledger: Ledger, feeders: Feeders, group_id: str) -> None:
        self._ledger = ledger
        self._feeders = feeders
        self._group_id = group_id

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        """See Ledger. Raises ConfigurationError while another group has members, or the Kafka engine is on."""
        self._feeders.refuse_engine()  # its members join some time after its view is there
        self._feeders.refuse_others([self._group_id])
        return self._ledger.tail(topic_id, partition, since)

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        """See Ledger."""
        return self._ledger.refusals(topic_id, partition, first, next_)


def feeding_members(group: ConsumerGroupDescription, topic: str) -> int:
    """How many members of the group read the topic, or are about to: all of them while none has a partition."""
    assigned = [{one.topic for one in member.assignment.topic_partitions} for member in group.members]
    if any(assigned) and not any(topic in topics for topics in assigned):
        return 0  # they read another topic
    return len(assigned)


def refusal_beside(own: str, others: Collection[FeedingGroup], where: Mapping[str, str]) -> str:
    """Why the group `own` must not feed the tables now, empty when it may."""
    topic = where["topic"]
    for other in others:
        if other.members is None:
            return (
                f"group {other.group_id!r} has fed these tables from topic {topic!r}, and this user may not see "
                "whether it has members: give it Describe on that group"
            )
        if other.members:
            members = "a member" if other.members == 1 else f"{other.members} members"
            return (
                f"group {other.group_id!r} has {members} and feeds these tables from topic {topic!r}: with group "
                f"{own!r} beside it every message would be stored twice. Set KAFKA_GROUP_ID to {other.group_id!r}, or "
                "stop its members first, then this group goes on where the ledger ends (a member that was killed "
                "counts until its session times out)"
            )
    return ""


@contextmanager
def _asking(client: Client) -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
        code = code_of(exc)
        if code == ACCESS_DENIED:
            grant = f"GRANT SELECT, INSERT ON {client.database}.feeders"
            raise ConfigurationError(f"this user may not see or say which groups feed the tables: {grant}").caused_by(
                exc
            ) from None
        said = f"ClickHouse does not say which groups feed the tables: {reason(exc)}"
        kind = ServiceUnavailableError if heals(code) else ConfigurationError
        raise kind(said).caused_by(exc) from None
