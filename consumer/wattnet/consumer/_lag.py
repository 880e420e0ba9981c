"""How far the group's commits are behind the topic's ends, and who is at it. Needs Kafka only, and changes nothing."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from wattnet.consumer._errors import ConfigurationError
from wattnet.consumer._kafka_options import client_options, kafka_log
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka.admin import ConsumerGroupDescription  # type: ignore[attr-defined]  # it lists no exports

    from wattnet.consumer._recovery import Committed
    from wattnet.consumer._settings import KafkaSettings

# The oldest message of each partition is fetched to see its time; what has not come by then stays unknown.
OLDEST_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Member:
    """One consumer of the group, as Kafka knows it. `instance_id` is set when its membership is static."""

    member_id: str
    client_id: str
    host: str
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition. Offsets are of the next message.

    `committed` is the offset before which all is stored, None when the group has no commit or a void one; `void` says
    that it is of a topic that was deleted. [committed, claimed) is claimed: its messages are on their way, or stored
    and not yet committed as such; `claimed` is None when nothing is. `lag` counts the offsets from `committed` to
    `end` that Kafka still holds, the claimed ones among them: what of them is stored already only ClickHouse knows.
    `gone` counts offsets behind `committed` that Kafka no longer holds. `oldest_age_s` is how long ago the oldest
    message of the lag was sent, None when there is none or it was not found out. `undecided` counts the offsets before
    `end` that nobody can read yet: from the first of a transaction that is neither committed nor aborted on.
    """

    partition: int
    committed: int | None
    void: bool
    claimed: int | None
    end: int
    lag: int
    gone: int
    oldest_age_s: float | None
    owner: Member | None
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class GroupLag:
    """What `wattnet lag` shows. `protocol` is classic or consumer (KIP-848), `state` as Kafka names it, absent when
    there is no such group."""

    topic: str
    topic_id: str
    group_id: str
    protocol: str
    state: str
    members: tuple[Member, ...]
    partitions: tuple[PartitionLag, ...]

    @property
    def lag(self) -> int:
        """Over all partitions."""
        return sum(one.lag for one in self.partitions)

    @property
    def idle_members(self) -> int:
        """Members that have no partition of the topic."""
        return len(
            {one.member_id for one in self.members} - {one.owner.member_id for one in self.partitions if one.owner}
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {"lag": self.lag, "idle_members": self.idle_members, **asdict(self)}


def measure_lag(settings: KafkaSettings) -> GroupLag:
    """The lag of the group in the topic, now; consumers may run or not.

    Raises ConfigurationError when there is no topic, ServiceUnavailableError when Kafka does not answer.
    """
    group = read_group_lag(KafkaQuestions(settings), settings)
    starts = {one.partition: one.end - one.lag for one in group.partitions if one.lag}
    ages = oldest_ages_s(settings, starts) if starts else {}
    return replace(
        group, partitions=tuple(replace(one, oldest_age_s=ages.get(one.partition)) for one in group.partitions)
    )


def read_group_lag(kafka: KafkaQuestions, settings: KafkaSettings) -> GroupLag:
    """The same without the ages."""
    topic = kafka.topic(settings.topic)
    if topic is None:
        raise ConfigurationError(
            f"there is no topic {settings.topic!r}: make it with `wattnet init`, or set KAFKA_TOPIC"
        )
    topic_id = str(topic.topic_id)
    numbers = sorted(one.id for one in topic.partitions)
    # Commits first, ends last: a consumer that goes on meanwhile makes the lag too large, never negative.
    commits = kafka.commits(settings.group_id, settings.topic)
    group = kafka.group(settings.group_id)
    lows = kafka.first_offsets(settings.topic, numbers)
    ends = kafka.next_offsets(settings.topic, numbers)
    # Asked for last: where no transaction is open it is not before the end.
    stable = kafka.stable_offsets(settings.topic, numbers)
    members, owners = _members(group, settings.topic)
    exists = group is not None and (members or group.state.name != "DEAD")
    return GroupLag(
        topic=settings.topic,
        topic_id=topic_id,
        group_id=settings.group_id,
        protocol=group.type.name.lower() if group and exists else "",
        state=group.state.name.lower() if group and exists else "absent",
        members=members,
        partitions=tuple(
            replace(
                _partition_lag(number, topic_id, commits.get(number), lows[number], ends[number], owners.get(number)),
                undecided=max(ends[number] - stable[number], 0),
            )
            for number in numbers
        ),
    )


def _partition_lag(
    number: int, topic_id: str, commit: Committed | None, low: int, end: int, owner: Member | None
) -> PartitionLag:
    claim = commit.claim if commit else None
    void = claim is not None and claim.topic_id != topic_id
    committed = None if commit is None or void else commit.offset
    reached = low if committed is None else committed
    return PartitionLag(
        partition=number,
        committed=committed,
        void=void,
        claimed=claim.next if claim is not None and claim.messages and not void else None,
        end=end,
        lag=max(end - max(reached, low), 0),
        gone=max(low - reached, 0),
        oldest_age_s=None,
        owner=owner,
    )


def _members(group: ConsumerGroupDescription | None, topic: str) -> tuple[tuple[Member, ...], dict[int, Member]]:
    members = []
    owners = {}
    for one in group.members if group else ():
        # Whoever joins chooses these.
        instance_id = printable(one.group_instance_id) if one.group_instance_id else None
        member = Member(
            printable(one.member_id), printable(one.client_id), printable(one.host.removeprefix("/")), instance_id
        )
        members.append(member)
        for place in one.assignment.topic_partitions:
            if place.topic == topic:
                owners[place.partition] = member
    return tuple(sorted(members, key=lambda one: (one.client_id, one.member_id))), owners


def oldest_ages_s(settings: KafkaSettings, starts: Mapping[int, int]) -> dict[int, float]:
    """By partition, how long ago the message at or after each offset was sent; by a reader outside of the group."""
    options = {**client_options(settings), "queued.min.messages": 1, "max.partition.fetch.bytes": 1}
    consumer = Consumer(options, logger=kafka_log)
    ages: dict[int, float] = {}
    try:
        consumer.assign([TopicPartition(settings.topic, partition, offset) for partition, offset in starts.items()])
        deadline = time.monotonic() + OLDEST_TIMEOUT_S
        while len(ages) < len(starts) and time.monotonic() < deadline:
            for message in consumer.consume(len(starts), 0.1):
                partition, (_, timestamp_ms) = message.partition(), message.timestamp()
                if message.error() is None and partition is not None and partition not in ages:
                    consumer.pause([TopicPartition(settings.topic, partition)])
                    ages[partition] = max(time.time() - timestamp_ms / 1000, 0)
    except KafkaException:
        pass  # it is only the age
    finally:
        consumer.close()
    return ages
