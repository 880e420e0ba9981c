"""ClickHouse's Kafka engine as the other feeder of the same tables: on, off, and how it is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError

from wattnet.consumer._access import require_access
from wattnet.consumer._claim import Claim
from wattnet.consumer._engine_table import EngineTable, Handover
from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._feeders import Feeders
from wattnet.consumer._handover import FEEDER, Group, hand_back, record, stored_by_engine, take_over
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._ledger import ClickHouseLedger
from wattnet.consumer._printable import printable
from wattnet.consumer._tables import open_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._settings import Settings

# The engine stores what it has read before it leaves its group; a member that was killed leaves by its session's end.
LEAVE_TIMEOUT_S = 120.0
MAX_ERROR_LENGTH = 500
STORED = """
    SELECT sum(messages), sum(refused) FROM ledger
    WHERE topic = {topic:String} AND topic_id = '' AND `partition` = {partition:UInt16}
      AND first_offset >= {first:Int64}
"""


@dataclass(frozen=True, slots=True)
class KafkaEnginePartition:
    """One partition in the engine's hands: it began at `first`, committed `next`, and Kafka's next offset is `high`.

    `stored` counts messages, `refused` those of them that are dead letters.
    """

    partition: int
    first: int
    next: int
    high: int
    stored: int
    refused: int

    @property
    def lag(self) -> int:
        """Offsets that it has not committed yet."""
        return max(self.high - self.next, 0)


@dataclass(frozen=True, slots=True)
class KafkaEngineStatus:
    """How the engine is. `state` is on, off, or half (a switch was interrupted: run it again).

    `members` are the engine's in its group, `consumers` those of `wattnet consume` in theirs; `problems` say in words
    what somebody has to look after.
    """

    topic: str
    state: str
    group_id: str
    members: int
    consumers: int
    partitions: tuple[KafkaEnginePartition, ...]
    problems: tuple[str, ...]

    @property
    def lag(self) -> int:
        """Offsets that the engine has not committed yet."""
        return sum(one.lag for one in self.partitions)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {**asdict(self), "lag": self.lag}


def kafka_engine_on(settings: Settings, *, consumers: int = 2) -> KafkaEngineStatus:
    """Hand the topic from the consumers to the Kafka engine, where they stopped. Does nothing when it is on already.

    Raises ConfigurationError, with nothing changed, when somebody is in one of the groups or in another one that feeds
    the tables, a claim is not stored whole, there is no registry, the tables are a cluster's, or ClickHouse does not
    make the table; UnsafeToContinueError where a consumer would; ServiceUnavailableError when a service does not
    answer. Interrupted, it is finished by another call.
    """
    if settings.clickhouse.cluster:
        raise ConfigurationError(
            f"CLICKHOUSE_CLUSTER is {settings.clickhouse.cluster!r}, and the Kafka engine is for one server: its view "
            "would write through the fronts of a cluster's tables, and what it repeats after a failure would not be "
            "recognized. Run `wattnet consume` there; for a database on one server leave CLICKHOUSE_CLUSTER out"
        )
    if not settings.kafka.schema_registry_url:
        raise ConfigurationError(
            "the Kafka engine reads Confluent framing only: set SCHEMA_REGISTRY_URL, here and for every producer. "
            "What producers without a registry send would become dead letters"
        )
    with _opened(settings) as engine:
        handover = engine.table.handover()
        if handover is not None:
            if handover.topic != settings.kafka.topic:
                raise ConfigurationError(
                    f"in database {settings.clickhouse.database!r} the Kafka engine is on for topic "
                    f"{handover.topic!r}: one engine a database; switch that one off first"
                )
            if not engine.table.reads():
                raise ConfigurationError("an `off` was interrupted: finish it with `wattnet kafka-engine off`")
            return engine.status()
        engine.hand_over(consumers)
        return engine.status()


def kafka_engine_off(settings: Settings) -> KafkaEngineStatus:
    """Stop the engine and hand its partitions back to the consumers, where it ended. Does nothing when it is off.

    Raises ServiceUnavailableError when a service does not answer or the engine does not leave its group,
    ConfigurationError when somebody is in the consumers' group. Interrupted, it is finished by another call.
    """
    with _opened(settings) as engine:
        engine.take_back()
        return engine.status()


def kafka_engine_status(settings: Settings) -> KafkaEngineStatus:
    """How the engine is. Changes nothing."""
    with _opened(settings) as engine:
        return engine.status()


@contextmanager
def _opened(settings: Settings) -> Iterator[_KafkaEngine]:
    client = open_tables(settings.clickhouse)
    require_access(settings.kafka)
    engine = _KafkaEngine(settings, client)
    try:
        yield engine
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
        raise ServiceUnavailableError(f"ClickHouse does not do what it was asked: {exc}").caused_by(exc) from None
    finally:
        engine.close()


class _KafkaEngine:
    def __init__(self, settings: Settings, client: Client) -> None:
        kafka = settings.kafka
        self._settings = settings
        self._client = client
        self._topic = kafka.topic
        self._kafka = KafkaQuestions(kafka)
        self._consumers = Group(self._kafka, kafka, kafka.group_id)
        self._engine = Group(self._kafka, kafka, f"{kafka.group_id}-{FEEDER}")
        cluster_id = str(self._kafka.cluster().cluster_id)
        self._feeders = Feeders(client, lambda: self._kafka, cluster_id=cluster_id, topic=self._topic)
        self.table = EngineTable(client)

    def close(self) -> None:
        self._client.close()

    def hand_over(self, consumers: int) -> None:
        topic_id, partitions = self._today()
        if topic_id is None:
            raise ConfigurationError(
                f"there is no topic {self._topic!r}: make it with `wattnet init`, or set KAFKA_TOPIC"
            )
        for group, whose in ((self._consumers, "consumers"), (self._engine, "Kafka engine's consumers")):
            if members := group.members():
                raise ConfigurationError(
                    f"{members} {whose} are in group {group.group_id!r}: stop them first, for a topic has one feeder"
                )
        own = (self._engine.group_id, self._consumers.group_id)
        self._feeders.refuse_others(own)
        self._feeders.remember(self._engine.group_id, "kafka-engine")
        ledger = ClickHouseLedger(self._client, self._topic)
        begins = take_over(self._kafka, self._consumers, ledger, self._topic, topic_id, partitions)
        self.table.stop()  # of an earlier try: without the view it has never read
        self.table.create(self._settings, group_id=self._engine.group_id, consumers=max(1, min(consumers, len(begins))))
        claims = {number: Claim.nothing(topic_id, *begin) for number, begin in begins.items()}
        try:
            self._engine.commit(claims)
            self._consumers.commit({number: replace(claim, feeder=FEEDER) for number, claim in claims.items()})
        except ConfigurationError:
            self.table.stop()
            raise
        self.table.begin(Handover(self._topic, topic_id, begins))
        try:
            self._feeders.refuse_others(own)
        except ConfigurationError:  # a consumer of another group started meanwhile
            self.take_back()
            raise

    def take_back(self) -> None:
        handover = self.table.handover()
        if handover is not None and handover.topic != self._topic:
            raise ConfigurationError(
                f"the Kafka engine in this database reads topic {handover.topic!r}: set KAFKA_TOPIC to it"
            )
        self.table.stop()
        if handover is None:
            self._take_marks_back()
            return
        self._engine.wait_empty(LEAVE_TIMEOUT_S)
        # Of a topic that was made again, nobody knows what the engine read: consumers begin at its beginning.
        topic_id, partitions = self._today()
        if topic_id == handover.topic_id:
            ranges = stored_by_engine(self._engine, handover, partitions)
            record(self._client, handover, ranges)
            hand_back(self._consumers, handover, ranges)
        self.table.forget()

    def _take_marks_back(self) -> None:
        """Nothing was handed over, but an interrupted `on` may have told the consumers so."""
        claims = {number: commit.claim for number, commit in self._consumers.commits().items() if commit.claim}
        self._consumers.commit({number: replace(claim, feeder="") for number, claim in claims.items() if claim.feeder})

    def status(self) -> KafkaEngineStatus:
        handover = self.table.handover()
        if handover is not None and handover.topic != self._topic:
            handover = None
        reads = handover is not None and self.table.reads()
        topic_id, partitions = self._today()
        members, consumers = self._engine.members(), self._consumers.members()
        problems = []
        if handover is not None and not reads:
            problems.append("an `off` was interrupted: finish it with `wattnet kafka-engine off`")
        if reads and consumers:
            problems.append(
                f"{consumers} consumers are in group {self._consumers.group_id!r}: what both store is there twice"
            )
        if reads and handover is not None and topic_id != handover.topic_id:
            problems.append("the topic was deleted or made again: switch the engine off, and on again")
        if reads and (error := self.table.last_error()):
            problems.append(f"the engine's newest error: {printable(error, max_length=MAX_ERROR_LENGTH)}")
        return KafkaEngineStatus(
            topic=self._topic,
            state="off" if handover is None else "on" if reads else "half",
            group_id=self._engine.group_id,
            members=members,
            consumers=consumers,
            partitions=self._shares(handover, partitions) if handover is not None else (),
            problems=tuple(problems),
        )

    def _shares(self, handover: Handover, partitions: list[int]) -> tuple[KafkaEnginePartition, ...]:
        shares = []
        highs = self._kafka.next_offsets(self._topic, partitions)
        for number, (first, next_) in stored_by_engine(self._engine, handover, partitions).items():
            where = {"topic": self._topic, "partition": number, "first": first}
            stored, refused = self._client.query(STORED, parameters=where).result_rows[0]
            shares.append(KafkaEnginePartition(number, first, next_, highs[number], int(stored), int(refused)))
        return tuple(shares)

    def _today(self) -> tuple[str | None, list[int]]:
        """The topic's id and its partitions, None and none when there is no topic."""
        topic = self._kafka.topic(self._topic)
        return (str(topic.topic_id), sorted(one.id for one in topic.partitions)) if topic else (None, [])
