"""What feeds the tables: the group and its lag, its breakers, its dead letters, and other groups."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]  # it lists no exports

from wattnet.consumer._breaker import Breaker
from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._feeders import Feeders, refusal_beside
from wattnet.consumer._finding import Finding, misconfigured, note, ok, unseen, warning
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._lag import GroupLag, oldest_ages_s, read_group_lag
from wattnet.consumer._spoken import count, span
from wattnet.consumer._tables import asking_clickhouse, open_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._feeders import FeedingGroup
    from wattnet.consumer._settings import KafkaSettings, Settings

# Longer than from one range of an idle consumer to the next, so that what waits in between is not taken for lag.
BESIDE_FLUSH_INTERVAL_S = 1.0
# Lag that is older than this share of the retention is close to being lost.
RETENTION_SHARE = 0.5
# A breaker judges by 1,000 messages, and a range has at least one.
NEWEST_RANGES = """
    SELECT `partition`, sum(messages), sum(refused) FROM ledger FINAL
    WHERE topic = {topic:String} AND topic_id = {topic_id:String}
    GROUP BY `partition`, claim_first ORDER BY `partition`, claim_first DESC LIMIT 1000 BY `partition`
"""
LETTERS_OF_A_DAY = """
    SELECT reason, uniqExact(topic_id, `partition`, `offset`) AS letters FROM dead_letters
    WHERE topic = {topic:String} AND stored_at > now() - INTERVAL 1 DAY
    GROUP BY reason ORDER BY letters DESC, reason
"""


def examine_group(settings: Settings) -> Iterator[Finding]:
    """The part of the examination that Kafka and the tables answer together; it looks at the lag twice."""
    kafka: KafkaQuestions | None = None
    looks: tuple[GroupLag, GroupLag, float] | None = None
    try:
        kafka = KafkaQuestions(settings.kafka)
        looks = _look_twice(kafka, settings)
        yield from _group(kafka, settings.kafka, looks[1])
        yield judge_lag(*looks)
        yield _retention(kafka, settings.kafka, looks[1])
    except (ServiceUnavailableError, ConfigurationError):
        pass  # Kafka's part says it
    try:
        with closing(open_tables(settings.clickhouse)) as client:
            yield from _tables(client, settings, kafka, looks)
    except (ServiceUnavailableError, ConfigurationError):
        pass  # ClickHouse's part says it


def _look_twice(kafka: KafkaQuestions, settings: Settings) -> tuple[GroupLag, GroupLag, float]:
    first = read_group_lag(kafka, settings.kafka)
    if not first.lag or not first.members:
        return first, first, 0.0
    began_s = time.monotonic()
    time.sleep(settings.batch.flush_interval_s + BESIDE_FLUSH_INTERVAL_S)
    return first, read_group_lag(kafka, settings.kafka), time.monotonic() - began_s


def _group(kafka: KafkaQuestions, settings: KafkaSettings, group: GroupLag) -> Iterator[Finding]:
    description = kafka.group(settings.group_id)
    operations = description.authorized_operations if description else None
    if operations and AclOperation.READ not in operations:
        yield misconfigured("group", f"this user may not join group {settings.group_id!r}", "give it Read on the group")
    partitions, members = len(group.partitions), len(group.members)
    if not members:
        yield note("group", f"{settings.group_id!r}: nobody consumes now", "start `wattnet consume`")
    elif members > partitions:
        yield warning(
            "group",
            f"{settings.group_id!r}: {members} members share {count(partitions, 'partition')}: "
            f"{members - partitions} have nothing to do",
            f"run at most {partitions}",
        )
    else:
        yield ok("group", f"{settings.group_id!r}: {group.state}, {count(members, 'member')}")
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


def judge_lag(first: GroupLag, second: GroupLag, elapsed_s: float) -> Finding:
    """The lag by two looks. A partition is behind for good where more waits than came in between and it is not less."""
    seen = f"{count(second.lag, 'message')} behind"
    if not second.lag:
        return ok("lag", seen)
    if not second.members:
        return warning("lag", f"{seen}, and nobody consumes", "start `wattnet consume`")
    before = {one.partition: one for one in first.partitions}
    stuck = []
    for one in second.partitions:
        earlier = before.get(one.partition, one)
        if one.lag >= earlier.lag > one.end - earlier.end:
            stuck.append(one.partition)
    came = sum(one.end - before[one.partition].end for one in second.partitions if one.partition in before)
    stored = first.lag + came - second.lag
    moved = f"{seen}; in {elapsed_s:.0f} s {came:,} came and {stored:,} were stored"
    if stuck:
        grows = "grows" if second.lag > first.lag else "does not fall"
        return warning("lag", f"{moved}: that of partitions {stuck} {grows}", "see docs/runbooks/lag-grows.md")
    return ok("lag", moved)


def _retention(kafka: KafkaQuestions, settings: KafkaSettings, group: GroupLag) -> Finding:
    try:
        kept_ms = int(kafka.topic_options(settings.topic).get("retention.ms", "-1"))
    except ConfigurationError:
        return unseen("lag against retention", "this user may not see the topic's options (DescribeConfigs)")
    starts = {one.partition: one.end - one.lag for one in group.partitions if one.lag}
    ages_s = oldest_ages_s(settings, starts) if starts else {}
    return judge_retention(kept_ms, starts, ages_s)


def judge_retention(kept_ms: int, starts: Mapping[int, int], ages_s: Mapping[int, float]) -> Finding:
    """How close what waits is to being deleted. `ages_s` are of the oldest message of each lagging partition."""
    name = "lag against retention"
    if not starts:
        return ok(name, "nothing waits")
    if kept_ms < 0:
        return ok(name, "messages are kept for ever")
    kept_s = kept_ms / 1000
    if not ages_s:
        return unseen(name, "the age of the oldest message that waits was not found out in time")
    oldest_s = max(ages_s.values())
    seen = f"the oldest message that waits is {span(oldest_s)} old, and messages are kept for {span(kept_s)}"
    if oldest_s > RETENTION_SHARE * kept_s:
        return warning(name, f"{seen}: then it is lost", "lengthen the topic's retention.ms until the lag is 0")
    if missing := sorted(starts.keys() - ages_s.keys()):
        return unseen(name, f"{seen}; of partitions {missing} the age was not found out in time")
    return ok(name, seen)


def _tables(
    client: Client, settings: Settings, kafka: KafkaQuestions | None, looks: tuple[GroupLag, GroupLag, float] | None
) -> Iterator[Finding]:
    topic = settings.kafka.topic
    try:
        yield judge_letters(_rows(client, LETTERS_OF_A_DAY, topic=topic))
    except (ServiceUnavailableError, ConfigurationError):
        yield unseen("dead letters", "this user may not see when they were stored")
    if kafka is None or looks is None:
        return
    first, second, _ = looks
    ranges: dict[int, list[tuple[int, int]]] = {}
    for partition, messages, refused in _rows(client, NEWEST_RANGES, topic=topic, topic_id=second.topic_id):
        ranges.setdefault(int(partition), []).insert(0, (int(messages), int(refused)))
    yield judge_breakers(first, second, ranges, settings.batch.breaker_share)
    feeders = Feeders(client, lambda: kafka, cluster_id=str(kafka.cluster().cluster_id), topic=topic)
    try:
        yield judge_groups(feeders.groups(settings.kafka.group_id), topic)
    except ConfigurationError as exc:
        yield unseen("other groups", str(exc))


def _rows(client: Client, sql: str, **parameters: object) -> Sequence[Sequence[Any]]:
    with asking_clickhouse():
        return client.query(sql, parameters=parameters).result_rows


def judge_letters(reasons: Sequence[Sequence[Any]]) -> Finding:
    """The dead letters of the last day; `reasons` with their counts, the most frequent one first."""
    total = sum(letters for _, letters in reasons)
    if not total:
        return ok("dead letters", "none in the last day")
    listed = ", ".join(f"{letters:,} {reason}" for reason, letters in reasons[:5])
    more = f", and {len(reasons) - 5} more reasons" if len(reasons) > 5 else ""
    return warning("dead letters", f"{total:,} in the last day: {listed}{more}", "see `wattnet dead-letters list`")


def judge_breakers(
    first: GroupLag, second: GroupLag, ranges: Mapping[int, Sequence[tuple[int, int]]], share: float
) -> Finding:
    """Partitions that were not moved between two looks, and whose newest ranges make a breaker open.

    `ranges` are (messages, refused) by partition, the oldest first: what a breaker is told. Consumers alone know their
    breakers; this is judged from what they go by.
    """
    if share >= 1:
        return ok("breakers", "they are switched off (WATTNET_BREAKER_SHARE=1)")
    before = {one.partition: one.committed for one in first.partitions}
    open_ = {}
    for one in second.partitions:
        stands = one.lag and one.owner is not None and before.get(one.partition) == one.committed
        if stands and (why := _why_open(ranges.get(one.partition, ()), share)):
            open_[one.partition] = why
    if open_:
        partition, why = next(iter(open_.items()))
        return warning(
            "breakers",
            f"partitions {sorted(open_)} are not read, by all signs because their breakers are open: of partition "
            f"{partition} {why}",
            "see `wattnet dead-letters list`; then `wattnet close-breakers URL`",
        )
    return ok("breakers", "none is open" if second.members else "none is open, for nobody consumes")


def _why_open(ranges: Sequence[tuple[int, int]], share: float) -> str:
    breaker = Breaker(share, pause_s=0)
    why = ""
    for messages, refused in ranges:
        why = breaker.count(messages, refused, 0)
    return why


def judge_groups(groups: Sequence[FeedingGroup], topic: str) -> Finding:
    """The groups that have fed the tables; the settings' own is the first."""
    own, *others = groups
    if not others:
        return ok("other groups", f"only {own.group_id!r} feeds these tables from topic {topic!r}")
    if refusal := refusal_beside(own.group_id, others, {"topic": topic}):
        return misconfigured("other groups", refusal, "see docs/runbooks/two-groups.md")
    names = ", ".join(f"{one.group_id!r} (started {one.started_at:%Y-%m-%d %H:%M} UTC)" for one in others)
    return note("other groups", f"{names} fed these tables from topic {topic!r}, and have no members now")
