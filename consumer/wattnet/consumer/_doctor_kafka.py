"""What a consumer needs of Kafka: the topic as it must be, its copies, its clock, and the group."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]  # it lists no exports

from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._finding import Finding, misconfigured, note, ok, unavailable, warning
from wattnet.consumer._kafka_options import client_options
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._lag import read_group_lag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confluent_kafka.admin import TopicDescription  # type: ignore[attr-defined]  # it lists no exports

    from wattnet.consumer._settings import KafkaSettings

DAY_MS = 86_400_000
# Clocks of machines that nobody looks after drift this far; less is not worth a warning.
CLOCK_TOLERANCE_S = 5.0


def examine_kafka(settings: KafkaSettings, *, only_fatal: bool) -> Iterator[Finding]:
    """Kafka's part of the examination; with `only_fatal` only what forbids to consume is asked for."""
    try:
        client_options(settings)
        kafka = KafkaQuestions(settings)
        if not only_fatal:
            cluster = kafka.cluster()
            brokers = _count(len(cluster.nodes), "broker")
            yield ok("kafka", f"cluster {cluster.cluster_id} answers at {settings.bootstrap_servers}: {brokers}")
        topic = kafka.topic(settings.topic)
        if topic is None:
            yield misconfigured(
                "topic", f"there is no topic {settings.topic!r}", "make it with `wattnet init`, or set KAFKA_TOPIC"
            )
            return
        yield _readable(settings, topic)
        yield from _configuration(kafka, topic, only_fatal=only_fatal)
        if not only_fatal:
            yield _time(kafka, topic)
            yield from _group(kafka, settings)
    except ServiceUnavailableError as exc:
        yield unavailable("kafka", str(exc), "start it, or set KAFKA_BOOTSTRAP_SERVERS")
    except ConfigurationError as exc:
        yield misconfigured("kafka", str(exc), "correct the KAFKA_* settings, or the user's rights in Kafka")


def _readable(settings: KafkaSettings, topic: TopicDescription) -> Finding:
    if topic.authorized_operations and AclOperation.READ not in topic.authorized_operations:
        return misconfigured(
            "topic", f"this user may not read topic {settings.topic!r}", "give it Read on the topic and on the group"
        )
    leaderless = [one.id for one in topic.partitions if not _has_leader(one.leader)]
    if leaderless:
        return warning("topic", f"partitions {leaderless} have no leader: nobody can read them", "bring brokers back")
    return ok("topic", f"{settings.topic!r} (id {topic.topic_id}) has {_count(len(topic.partitions), 'partition')}")


def _has_leader(leader: object) -> bool:
    """What is said to be a node is None, or has no id, while there is none."""
    return leader is not None and getattr(leader, "id", -1) >= 0


def _configuration(kafka: KafkaQuestions, topic: TopicDescription, *, only_fatal: bool) -> Iterator[Finding]:
    try:
        options = kafka.topic_options(topic.name)
    except ConfigurationError:
        # A consumer needs no right to see them.
        yield note("topic's options", "not judged: this user may not see them (DescribeConfigs)")
        return
    yield _cleanup(options)
    if not only_fatal:
        yield _copies(topic, options)
        yield _retention(options)
        yield _timestamps(options)


def _cleanup(options: Mapping[str, str]) -> Finding:
    policy = options.get("cleanup.policy", "")
    if "compact" in policy:
        return misconfigured(
            "cleanup",
            f"cleanup.policy={policy}: Kafka removes messages from the midst, a claim could not be repeated as it was",
            "set the topic's cleanup.policy=delete",
        )
    return ok("cleanup", f"cleanup.policy={policy}")


def _copies(topic: TopicDescription, options: Mapping[str, str]) -> Finding:
    needed = int(options.get("min.insync.replicas", "1"))
    copies = min(len(one.replicas) for one in topic.partitions)
    behind = [one.id for one in topic.partitions if len(one.isr) < len(one.replicas)]
    seen = f"{copies} of each message, {needed} before it is acknowledged"
    if behind:
        return warning("copies", f"{seen}; partitions {behind} have fewer now", "look after the broker that is behind")
    if copies == 1:
        return note(
            "copies", f"{seen}: what was not stored is lost with the broker's disk", "have three where it matters"
        )
    if needed >= copies:
        return warning(
            "copies", f"{seen}: nobody can send while one broker is away", "have more copies than are needed"
        )
    if needed == 1:
        return warning(
            "copies", f"{seen}: what was acknowledged is lost with that broker's disk", "set min.insync.replicas=2"
        )
    return ok("copies", seen)


def _retention(options: Mapping[str, str]) -> Finding:
    kept_ms, kept_bytes = int(options.get("retention.ms", "-1")), int(options.get("retention.bytes", "-1"))
    seen = "messages are kept for ever" if kept_ms < 0 else f"messages are kept for {_span(kept_ms / 1000)}"
    if 0 <= kept_ms < DAY_MS:
        return warning(
            "retention", f"{seen}: an outage that lasts longer loses them", "set retention.ms to a week (604800000)"
        )
    if kept_bytes >= 0:
        return note(
            "retention",
            f"{seen}, or until a partition has {kept_bytes:,} bytes: a burst shortens what an outage may take",
            "set retention.bytes=-1 where the disk allows it",
        )
    return ok("retention", seen)


def _timestamps(options: Mapping[str, str]) -> Finding:
    kind = options.get("message.timestamp.type", "")
    if kind == "LogAppendTime":
        return note(
            "timestamps",
            f"message.timestamp.type={kind}: latency is measured from the broker on, not from the producer",
            "set it to CreateTime to see the whole road",
        )
    return ok("timestamps", f"message.timestamp.type={kind}")


def _time(kafka: KafkaQuestions, topic: TopicDescription) -> Finding:
    """All that Kafka tells of a clock: the greatest timestamp, a producer's or (LogAppendTime) a broker's."""
    newest_ms = kafka.greatest_time_ms(topic.name, [one.id for one in topic.partitions])
    if newest_ms is None:
        return ok("newest message", "there is none yet")
    age_s = time.time() - newest_ms / 1000
    if age_s < -CLOCK_TOLERANCE_S:
        return warning(
            "newest message",
            f"it is from {_span(-age_s)} in the future: the clock of whoever stamped it is ahead, or this machine's "
            "is behind",
            "synchronize the clocks (NTP)",
        )
    return ok("newest message", f"it is {_span(max(age_s, 0))} old")


def _group(kafka: KafkaQuestions, settings: KafkaSettings) -> Iterator[Finding]:
    description = kafka.group(settings.group_id)
    operations = description.authorized_operations if description else None
    if operations and AclOperation.READ not in operations:
        yield misconfigured("group", f"this user may not join group {settings.group_id!r}", "give it Read on the group")
    group = read_group_lag(kafka, settings)
    behind = f"{_count(group.lag, 'message')} behind"
    partitions, members = len(group.partitions), len(group.members)
    if not members:
        yield note("group", f"{settings.group_id!r}: nobody consumes now; {behind}", "start `wattnet consume`")
    elif members > partitions:
        yield warning(
            "group",
            f"{settings.group_id!r}: {members} members share {_count(partitions, 'partition')}: "
            f"{members - partitions} have nothing to do; {behind}",
            f"run at most {partitions}",
        )
    else:
        yield ok("group", f"{settings.group_id!r}: {group.state}, {_count(members, 'member')}; {behind}")
    void = [one.partition for one in group.partitions if one.void]
    if void:
        yield note("commits", f"those of partitions {void} are of a topic that was deleted: they are started afresh")
    gone = {one.partition: one.gone for one in group.partitions if one.gone and one.committed is not None}
    if gone:
        yield warning(
            "commits",
            f"Kafka deleted {sum(gone.values()):,} offsets behind the commits of partitions {sorted(gone)}",
            "run `wattnet verify`: it says whether they were stored",
        )


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _span(seconds: float) -> str:
    for unit, unit_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.1f} seconds"
