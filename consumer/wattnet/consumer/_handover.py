"""The offsets between two feeders: from the consumers' group to the Kafka engine's, and back.

Each feeder has its own group, and only one of them may be at work. What says so stands in the consumers' commits: an
empty claim that names the engine as the feeder. Kafka takes such a commit only while nobody is in the group, and
whoever joins later reads it and stops, so there is no moment at which both could begin.

On the way back, the ledger gets a row for each range that the engine stored: a claim of no messages. Claims tile over
it, and nothing ever repeats it (see _recovery). It is written before the commit, so that whenever this is
interrupted, the ledger knows what the commits do not know yet.
"""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one only since Python 3.11
from typing import TYPE_CHECKING, Protocol

import stamina
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._kafka_admin import REQUEST_TIMEOUT_S, admin_client
from wattnet.consumer._kafka_codes import COORDINATOR_MOVES
from wattnet.consumer._recovery import plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._engine_table import Handover
    from wattnet.consumer._kafka_questions import KafkaQuestions
    from wattnet.consumer._ledger import Ledger
    from wattnet.consumer._recovery import Committed
    from wattnet.consumer._settings import KafkaSettings

FEEDER = "kafka-engine"
POLL_INTERVAL_S = 0.1
LEDGER_COLUMNS = (
    *("topic", "topic_id", "partition", "claim_first", "claim_next", "claim_messages"),
    *("first_offset", "last_offset", "messages", "refused"),
)
HANDED_OVER = """
    SELECT `partition`, claim_first, claim_next FROM ledger
    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND claim_messages = 0
"""


class Commits(Protocol):
    """What a group committed, and how to commit for it."""

    def commits(self) -> Mapping[int, Committed]:
        """By partition."""

    def commit(self, claims: Mapping[int, Claim]) -> None:
        """Commit, while nobody is in it."""


class Group:
    """A consumer group that nobody of this process is in."""

    def __init__(self, kafka: KafkaQuestions, settings: KafkaSettings, group_id: str) -> None:
        self._kafka = kafka
        self._admin = admin_client(settings)
        self._topic = settings.topic
        self.group_id = group_id

    def members(self) -> int:
        """How many are in it; raises ServiceUnavailableError."""
        group = self._kafka.group(self.group_id)
        return len(group.members) if group else 0

    def wait_empty(self, timeout_s: float) -> None:
        """Until nobody is in it; raises ServiceUnavailableError after the time."""
        deadline = time.monotonic() + timeout_s
        while members := self.members():
            if time.monotonic() > deadline:
                raise ServiceUnavailableError(
                    f"{members} members are still in group {self.group_id!r} after {timeout_s:g} s. Nothing is lost: "
                    "run the command again"
                )
            time.sleep(POLL_INTERVAL_S)

    def commits(self) -> dict[int, Committed]:
        """What it committed, by partition; raises ServiceUnavailableError."""
        return self._kafka.commits(self.group_id, self._topic)

    def commit(self, claims: Mapping[int, Claim]) -> None:
        """Commit for it. Kafka refuses that while anybody is in it: ConfigurationError."""
        if not claims:
            return
        try:
            _when_its_coordinator_is_found(self._commit, claims)
        except FutureTimeoutError as exc:
            raise ServiceUnavailableError(
                f"Kafka does not take offsets for group {self.group_id!r} within {REQUEST_TIMEOUT_S:g} s"
            ).caused_by(exc) from None
        except KafkaException as exc:
            error = exc.args[0]
            if error.code() in (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP):
                raise ConfigurationError(
                    f"group {self.group_id!r} is in use: stop its members, then run the command again"
                ).caused_by(exc) from None
            raise ServiceUnavailableError(
                f"Kafka does not take offsets for group {self.group_id!r}: {error.str()}"
            ).caused_by(exc) from None

    def _commit(self, claims: Mapping[int, Claim]) -> None:
        places = [
            TopicPartition(self._topic, partition, claim.first, metadata=claim.metadata())
            for partition, claim in claims.items()
        ]
        request = ConsumerGroupTopicPartitions(self.group_id, places)
        answer = self._admin.alter_consumer_group_offsets([request])[self.group_id].result(REQUEST_TIMEOUT_S)
        for place in answer.topic_partitions:
            if place.error is not None:
                raise KafkaException(place.error)


def take_over(
    kafka: KafkaQuestions, consumers: Group, ledger: Ledger, topic: str, topic_id: str, partitions: Iterable[int]
) -> dict[int, tuple[int, int]]:
    """For each partition where the engine has to begin, and where this topic's claims began.

    Raises ConfigurationError while a range is claimed that may not be stored whole; UnsafeToContinueError as a
    consumer would.
    """
    commits = consumers.commits()
    lows, highs = kafka.first_offsets(topic, partitions), kafka.next_offsets(topic, partitions)
    begins = {}
    for number in partitions:
        committed = commits.get(number)
        if committed and committed.claim and committed.claim.topic_id == topic_id and committed.claim.feeder:
            # An earlier switch was interrupted before the engine began.
            begins[number] = (committed.offset, committed.claim.start)
            continue
        tail = ledger.tail(topic_id, number, committed.done if committed else None)
        where = plan(topic_id, committed, tail.claims, tail.start, lows[number], highs[number])
        if where.repeats:
            first, next_, messages = where.repeats[0]
            raise ConfigurationError(
                f"partition {number}: [{first}, {next_}) with {messages} messages is claimed and may not be stored "
                "whole. The engine cannot repeat a claim: start `wattnet consume`, stop it with SIGTERM when it has "
                "drained (exit code 0), then try again"
            )
        begins[number] = (where.position, where.start)
    return begins


def stored_by_engine(engine: Group, handover: Handover, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
    """For each partition the range that the engine stored, by what it committed."""
    ranges = {}
    commits = engine.commits()
    for number in partitions:
        # A partition that was added meanwhile was the engine's from its first offset on.
        first, _ = handover.begins.get(number, (0, 0))
        committed = commits.get(number)
        ranges[number] = (first, max(first, committed.offset if committed else first))
    return ranges


def record(client: Client, handover: Handover, ranges: Mapping[int, tuple[int, int]]) -> None:
    """Write the engine's ranges into the ledger as handed over, those that are not there yet."""
    where = {"topic": handover.topic, "topic_id": handover.topic_id}
    known = {tuple(row) for row in client.query(HANDED_OVER, parameters=where).result_rows}
    rows = [
        [handover.topic, handover.topic_id, number, first, next_, 0, first, next_ - 1, 0, 0]
        for number, (first, next_) in ranges.items()
        if next_ > first and (number, first, next_) not in known
    ]
    if not rows:
        return
    # A repeat whose first try was stored after all is dropped by the token.
    token = ":".join([handover.topic_id, FEEDER, *(f"{row[2]}-{row[3]}-{row[4]}" for row in rows)])
    client.insert(
        "ledger",
        rows,
        column_names=LEDGER_COLUMNS,
        settings={"async_insert": 0, "insert_deduplication_token": token},
    )


def hand_back(consumers: Commits, handover: Handover, ranges: Mapping[int, tuple[int, int]]) -> None:
    """Commit for the consumers where the engine ended. Commits that are a consumer's own already are left alone."""
    claims = {}
    commits = consumers.commits()
    for number, (_, next_) in ranges.items():
        committed = commits.get(number)
        if committed is None or (committed.claim is not None and committed.claim.feeder):
            _, start = handover.begins.get(number, (0, 0))
            claims[number] = Claim.nothing(handover.topic_id, next_, start)
    consumers.commit(claims)


def _coordinator_moves(exc: Exception) -> bool:
    return isinstance(exc, KafkaException) and exc.args[0].code() in COORDINATOR_MOVES


_when_its_coordinator_is_found = stamina.RetryingCaller(
    attempts=None, timeout=REQUEST_TIMEOUT_S, wait_initial=0.1, wait_max=1
).on(_coordinator_moves)
