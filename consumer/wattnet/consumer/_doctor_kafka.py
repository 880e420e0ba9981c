"""What a consumer needs of Kafka: the topic as it must be, its copies, its clock, and the group."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]  # it lists no exports

from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._finding import Finding, misconfigured, note, ok, unavailable, unseen, warning
from wattnet.consumer._kafka_options import client_options, refused_options
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._spoken import count, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confluent_kafka.admin import TopicDescription  # type: ignore[attr-defined]  # it lists no exports

    from wattnet.consumer._settings import KafkaSettings

DAY_MS = 86_400_000
# Clocks of machines that nobody looks after drift this far; less is not worth a warning.
CLOCK_TOLERANCE_S = 5.0


def examine_kafka(settings: KafkaSettings, *, only_fatal: bool) -> Iterator[Finding]:
    """Kafka's part of the examination; with `only_fatal` only what forbids to consume is asked for."""
    options = examine_options(settings)
    yield options
    if options.severity == "fatal":
        return
    try:
        kafka = KafkaQuestions(settings)
        if not only_fatal:
            cluster = kafka.cluster()
            brokers = count(len(cluster.nodes), "broker")
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
            yield _brokers_clocks(kafka)
    except ServiceUnavailableError as exc:
        yield unavailable("kafka", str(exc), "start it, or set KAFKA_BOOTSTRAP_SERVERS")
    except ConfigurationError as exc:
        yield misconfigured("kafka", str(exc), "correct the KAFKA_* settings, or the user's rights in Kafka")


def examine_options(settings: KafkaSettings) -> Finding:
    """Whether librdkafka takes KAFKA_OPTIONS and the settings beside it. Makes a client that connects to nobody."""
    name, told = "KAFKA_OPTIONS", _Told()
    logger = logging.Logger("wattnet.consumer.librdkafka.options")
    logger.addHandler(told)
    try:
        with refused_options():
            consumer = Consumer({**client_options(settings), "bootstrap.servers": ""}, logger=logger)
    except ConfigurationError as exc:
        return misconfigured(name, str(exc), "correct KAFKA_OPTIONS")
    consumer.poll(0)  # what librdkafka logged comes here
    consumer.close()
    if told.doubts:
        return warning(name, "; ".join(told.doubts), "remove it from KAFKA_OPTIONS")
    if not settings.options:
        return ok(name, "none is set")
    return ok(name, f"librdkafka knows all of them: {', '.join(sorted(settings.options))}")


class _Told(logging.Handler):
    """What librdkafka says of options that it takes and does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.doubts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "CONFWARN" in text:
            self.doubts.append(text.rpartition("]: ")[2] or text)


def _readable(settings: KafkaSettings, topic: TopicDescription) -> Finding:
    if topic.authorized_operations and AclOperation.READ not in topic.authorized_operations:
        return misconfigured(
            "topic", f"this user may not read topic {settings.topic!r}", "give it Read on the topic and on the group"
        )
    leaderless = [one.id for one in topic.partitions if not _has_leader(one.leader)]
    if leaderless:
        return warning("topic", f"partitions {leaderless} have no leader: nobody can read them", "bring brokers back")
    return ok("topic", f"{settings.topic!r} (id {topic.topic_id}) has {count(len(topic.partitions), 'partition')}")


def _has_leader(leader: object) -> bool:
    """What is said to be a node is None, or has no id, while there is none."""
    return leader is not None and getattr(leader, "id", -1) >= 0


def _configuration(kafka: KafkaQuestions, topic: TopicDescription, *, only_fatal: bool) -> Iterator[Finding]:
    try:
        options = kafka.topic_options(topic.name)
    except ConfigurationError:
        # A consumer needs no right to see them.
        yield unseen("topic's options", "this user may not see them (DescribeConfigs)")
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
    seen = "messages are kept for ever" if kept_ms < 0 else f"messages are kept for {span(kept_ms / 1000)}"
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
            f"it is from {span(-age_s)} in the future: the clock of whoever stamped it is ahead, or this machine's "
            "is behind",
            "synchronize the clocks (NTP)",
        )
    return ok("newest message", f"it is {span(max(age_s, 0))} old")


def _brokers_clocks(kafka: KafkaQuestions) -> Finding:
    try:
        return judge_brokers_clocks(kafka.newest_commit_time_ms(), time.time())
    except ConfigurationError:
        return unseen("brokers' clocks", "this user may not describe __consumer_offsets, where brokers tell the time")


def judge_brokers_clocks(newest_commit_ms: int | None, now_s: float) -> Finding:
    """Brokers tell no time; they stamp each commit of a group. One that is behind shows only while it stamps."""
    name = "brokers' clocks"
    if newest_commit_ms is None:
        return note(name, "not known: brokers tell the time only in commits of groups, and there is none yet")
    age_s = now_s - newest_commit_ms / 1000
    if age_s < -CLOCK_TOLERANCE_S:
        seen = f"a broker's clock is at least {span(-age_s)} ahead of this machine's"
        return warning(name, seen, "synchronize the clocks (NTP)")
    return ok(name, f"not ahead of this machine's: the newest commit was stamped {span(max(age_s, 0))} ago")
