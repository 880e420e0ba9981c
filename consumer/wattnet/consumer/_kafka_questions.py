"""What commands for people ask Kafka: nobody joins a group and nothing is changed."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one only since Python 3.11
from typing import TYPE_CHECKING, Any

import stamina
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does not list what it exports
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from wattnet.consumer._access import require_access
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._kafka_admin import REQUEST_TIMEOUT_S, admin_client
from wattnet.consumer._kafka_codes import COORDINATOR_MOVES, heals
from wattnet.consumer._kafka_options import kafka_log, refused_options
from wattnet.consumer._recovery import Committed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does not list what it exports
        ConsumerGroupDescription,
        DescribeClusterResult,
        TopicDescription,
    )

    from wattnet.consumer._settings import KafkaSettings

EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # it ships no types for these
LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
GREATEST_TIME = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]  # as above

# Kafka's own topic of what groups commit.
COMMITS = "__consumer_offsets"


class KafkaQuestions:
    """Every question raises ServiceUnavailableError when Kafka does not answer, ConfigurationError when it refuses."""

    def __init__(self, settings: KafkaSettings) -> None:
        require_access(settings)
        self._admin = admin_client(settings)
        self._settings = settings

    def cluster(self) -> DescribeClusterResult:
        """The cluster's id and its brokers."""
        future = self._admin.describe_cluster(request_timeout=REQUEST_TIMEOUT_S)
        answer: DescribeClusterResult = _answer(future, "its cluster")
        return answer

    def topic(self, name: str) -> TopicDescription | None:
        """The topic with its id, its partitions and what this user may do with it; None when there is none."""
        futures = self._admin.describe_topics(
            TopicCollection([name]), request_timeout=REQUEST_TIMEOUT_S, include_authorized_operations=True
        )
        answer: TopicDescription | None = _answer(
            futures[name], f"topic {name!r}", none=KafkaError.UNKNOWN_TOPIC_OR_PART
        )
        return answer

    def topic_options(self, name: str) -> dict[str, str]:
        """The topic's options, with the broker's defaults where it has none of its own."""
        resource = ConfigResource(ResourceType.TOPIC, name)
        # In a variable: the answers are delivered into this dict, and get lost when nobody holds it.
        futures = self._admin.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S)
        return {key: str(entry.value) for key, entry in _answer(futures[resource], f"options of {name!r}").items()}

    def first_offsets(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The oldest offset that Kafka holds, by partition."""
        answers = self._places(topic, partitions, EARLIEST)
        return {partition: answer.offset for partition, answer in answers.items()}

    def next_offsets(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The offset that the next message gets, by partition."""
        answers = self._places(topic, partitions, LATEST)
        return {partition: answer.offset for partition, answer in answers.items()}

    def stable_offsets(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The offset up to which every transaction is committed or aborted, by partition: nobody reads beyond it."""
        answers = self._places(topic, partitions, LATEST, isolation_level=IsolationLevel.READ_COMMITTED)
        return {partition: answer.offset for partition, answer in answers.items()}

    def greatest_time_ms(self, topic: str, partitions: Iterable[int]) -> int | None:
        """The greatest timestamp of any message, in milliseconds; None when there is no message."""
        answers = self._places(topic, partitions, GREATEST_TIME)
        times = [answer.timestamp for answer in answers.values() if answer.timestamp >= 0]
        return max(times, default=None)

    def newest_commit_time_ms(self) -> int | None:
        """When a broker stamped the newest commit of any group, in milliseconds; None while there is no commit."""
        commits = self.topic(COMMITS)
        return self.greatest_time_ms(COMMITS, [one.id for one in commits.partitions]) if commits else None

    def _places(
        self,
        topic: str,
        partitions: Iterable[int],
        at: OffsetSpec,
        isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[int, Any]:
        wanted = {TopicPartition(topic, partition): at for partition in partitions}
        futures = self._admin.list_offsets(wanted, isolation_level=isolation_level, request_timeout=REQUEST_TIMEOUT_S)
        return {place.partition: _answer(future, f"the offsets of {topic!r}") for place, future in futures.items()}

    def group(self, group_id: str) -> ConsumerGroupDescription | None:
        """The group, of either protocol, with its members and what this user may do; None when there is none."""
        answer: ConsumerGroupDescription | None = _when_its_coordinator_is_found(self._group, group_id)
        return answer

    def _group(self, group_id: str) -> Any:
        futures = self._admin.describe_consumer_groups(
            [group_id], request_timeout=REQUEST_TIMEOUT_S, include_authorized_operations=True
        )
        return _answer(futures[group_id], f"group {group_id!r}", none=KafkaError.GROUP_ID_NOT_FOUND)

    def commits(self, group_id: str, topic: str) -> dict[int, Committed]:
        """What the group committed in the topic, by partition; none when there is no topic."""
        described = self.topic(topic)
        if described is None:
            return {}
        self.group(group_id)  # who may not see it is refused here; the client below would wait for its coordinator
        # It only asks, and joins nothing. The admin client asks for commits, too, but librdkafka 2.16 ends the process
        # by SIGSEGV when the group's coordinator moves just then (OffsetFetch refreshes a group that it does not have).
        options = {"group.id": group_id, "enable.auto.commit": False, "enable.auto.offset.store": False}
        with refused_options():
            asking = Consumer({**self._settings.connection_options(), **options}, logger=kafka_log)
        places = [TopicPartition(topic, one.id) for one in described.partitions]
        try:
            answers: list[TopicPartition] = _when_its_coordinator_is_found(_commits, asking, group_id, places)
        finally:
            asking.close()
        return {
            one.partition: Committed(one.offset, Claim.parse(one.offset, one.metadata))
            for one in answers
            if one.offset >= 0
        }


def _commits(asking: Consumer, group_id: str, places: list[TopicPartition]) -> list[TopicPartition]:
    what = f"the commits of group {group_id!r}"
    try:
        answers = asking.committed(places, timeout=REQUEST_TIMEOUT_S)
    except KafkaException as exc:
        raise _not_described(what, exc.args[0]).caused_by(exc) from None
    for one in answers:
        if one.error is not None:
            raise _not_described(what, one.error).caused_by(KafkaException(one.error)) from None
    return answers


def _answer(future: Future[Any], what: str, *, none: int | None = None) -> Any:
    """The answer, None when it is the error `none`."""
    try:
        return future.result(REQUEST_TIMEOUT_S)
    except KafkaException as exc:
        error = exc.args[0]
        if error.code() == none:
            return None
        raise _not_described(what, error).caused_by(exc) from None
    except FutureTimeoutError as exc:
        raise ServiceUnavailableError(f"Kafka does not describe {what} within {REQUEST_TIMEOUT_S:g} s").caused_by(
            exc
        ) from None


def _not_described(what: str, error: KafkaError) -> ConfigurationError | ServiceUnavailableError:
    refused = not heals(error) or error.code() == KafkaError.TOPIC_EXCEPTION
    kind = ConfigurationError if refused else ServiceUnavailableError
    return kind(f"Kafka does not describe {what}: {error.str()}")


def _coordinator_moves(exc: Exception) -> bool:
    cause = getattr(exc, "cause", None)
    return isinstance(cause, KafkaException) and cause.args[0].code() in COORDINATOR_MOVES


_when_its_coordinator_is_found = stamina.RetryingCaller(
    attempts=None, timeout=REQUEST_TIMEOUT_S, wait_initial=0.1, wait_max=1
).on(_coordinator_moves)
