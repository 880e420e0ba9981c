"""Kafka as the consumer sees it: the one place that talks to librdkafka."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import stamina
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from wattnet.consumer._call import Call
from wattnet.consumer._claim import Claim
from wattnet.consumer._ends import Ends
from wattnet.consumer._errors import ConfigurationError, OffsetsGoneError, ServiceUnavailableError
from wattnet.consumer._kafka_admin import REQUEST_TIMEOUT_S, admin_client, read_topic_id
from wattnet.consumer._kafka_codes import COORDINATOR_MOVES, FOREVER_REFUSED, REFUSED_FOR_NOW
from wattnet.consumer._kafka_options import client_options, is_next_generation, kafka_log, refused_options
from wattnet.consumer._message import offset_of, partition_of
from wattnet.consumer._recovery import Committed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wattnet.consumer._settings import KafkaSettings

logger = logging.getLogger(__name__)

# Enough to put a question, not for its answer, which waits behind a fetch that waits for messages.
WAKE_TIMEOUT_S = 0.02
WAKE_ALL_S = 0.5
# The thread that polls waits no longer than this for the topic's id before a claim, for the claim, and for leaving the
# group: asked to stop, it has to end in time also when Kafka is silent.
ANSWER_TIMEOUT_S = 5.0


class RebalanceListener(Protocol):
    """Told, inside `Source.poll`, which partitions come and go. None of it may raise."""

    def assigned(self, partitions: Sequence[int]) -> None:
        """These partitions are this member's from now on, paused until they are positioned."""

    def revoked(self, partitions: Sequence[int]) -> None:
        """These go to somebody else when this returns; commits are still accepted."""

    def lost(self, partitions: Sequence[int]) -> None:
        """These are somebody else's already: commit nothing."""


class Source(Protocol):
    """What the loop needs of Kafka."""

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group."""

    def poll(self, max_messages: int, timeout_s: float) -> list[Message]:
        """Serve the group and return messages, [] when there are none. Raises ConsumerError for what cannot heal."""

    def claim(self, claims: Mapping[int, Claim]) -> frozenset[int]:
        """Commit claims by partition, waiting for the broker; returns the partitions whose claim was accepted.

        Whether one that is not returned was committed is unknown: the same claim has to be tried again. Returns in
        seconds, also while the broker is silent; only inside a RebalanceListener it waits as long as it takes.
        """

    def committed(self, partition: int) -> Committed | None:
        """What the group committed last; raises ServiceUnavailableError when the broker does not say."""

    def extent(self, partition: int) -> tuple[int, int]:
        """The first and the next offset of the partition; raises ServiceUnavailableError."""

    def topic_id(self) -> str | None:
        """Today's id of the topic, None while there is no such topic; raises ServiceUnavailableError."""

    def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """The newest known next offsets, possibly seconds old and not of all; never blocks."""

    def ends_at(self, partition: int, offset: int) -> bool:
        """Whether the partition ended at this next offset when it was fetched from last; never blocks."""

    def ends_read(self) -> Mapping[int, int]:
        """The partitions that the last `poll` read to their end, and that end: all messages before it were returned."""

    def start_at(self, partition: int, offset: int) -> None:
        """Read an assigned, paused partition from `offset` on; raises ServiceUnavailableError."""

    def pause(self, partitions: Iterable[int]) -> None:
        """Stop fetching."""

    def resume(self, partitions: Iterable[int]) -> None:
        """Fetch again."""

    def close(self) -> None:
        """Leave the group; returns in seconds, also while the broker is silent."""


def _coordinator_moves(exc: Exception) -> bool:
    return isinstance(exc, KafkaException) and exc.args[0].code() in COORDINATOR_MOVES


class KafkaSource:
    """A member of the consumer group, over confluent-kafka."""

    def __init__(self, settings: KafkaSettings) -> None:
        options = client_options(settings)
        self._topic = settings.topic
        self._admin = admin_client(settings)
        self._ends = Ends(self._admin, settings.topic)
        with refused_options():
            self._consumer = Consumer(options, logger=kafka_log)
        # While a commit waits for its answer, confluent-kafka holds back every other call, from any thread.
        self._commit: Call[list[TopicPartition] | None] | None = None
        self._later: list[Callable[[], object]] = []
        self._ends_read: dict[int, int] = {}
        self._telling = False  # the listener is being told that partitions go
        self._incremental = is_next_generation(options) or "cooperative" in options["partition.assignment.strategy"]

    def subscribe(self, listener: RebalanceListener) -> None:
        """See Source."""

        def on_assign(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            # The loop finds the real start and seeks to it. Here only an offset that exists is wanted: a logical one
            # would be looked up, and the answer could overtake that seek.
            places = self._existing_offsets(partitions)
            if self._incremental:
                consumer.incremental_assign(places)
            else:
                consumer.assign(places)
            consumer.pause(places)
            listener.assigned([one.partition for one in partitions])

        def on_revoke(_: Consumer, partitions: list[TopicPartition]) -> None:
            self._telling = True
            try:
                listener.revoked([one.partition for one in partitions])
            finally:
                self._telling = False

        def on_lost(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.lost([one.partition for one in partitions])

        self._consumer.subscribe([self._topic], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)

    def _existing_offsets(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        try:
            lows = [self.extent(one.partition)[0] for one in partitions]
        except ServiceUnavailableError as exc:
            logger.warning("%s", exc)
            lows = [0] * len(partitions)
        return [TopicPartition(one.topic, one.partition, low) for one, low in zip(partitions, lows, strict=True)]

    def poll(self, max_messages: int, timeout_s: float) -> list[Message]:
        """See Source."""
        self._ends_read = {}
        if self._silent(timeout_s):
            return []
        messages = self._consumer.consume(max_messages, timeout_s)
        kafka_log.look(self._consumer)
        if any(map(Message.error, messages)):
            for message in messages:
                error = message.error()
                if error is not None:
                    self._judge(error, message)
            messages = [message for message in messages if message.error() is None]
        return messages

    def _judge(self, error: KafkaError, message: Message) -> None:
        """Raise for what cannot heal; librdkafka goes on by itself after the rest."""
        if error.code() == KafkaError._PARTITION_EOF:
            self._ends_read[partition_of(message)] = offset_of(message)
            return
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise OffsetsGoneError(
                f"{message.topic()}[{message.partition()}]: Kafka does not hold offset {message.offset()} any more: "
                f"{error.str()}. Run `wattnet verify`; if they are really lost, reset the group's offsets"
            )
        if error.fatal() or error.code() in FOREVER_REFUSED:
            raise ConfigurationError(f"Kafka refuses this consumer: {error.str()}")
        kafka_log.error(error)

    def claim(self, claims: Mapping[int, Claim]) -> frozenset[int]:
        """See Source."""
        if self._silent(0):
            return frozenset()
        offsets = [
            TopicPartition(self._topic, partition, claim.offset, metadata=claim.metadata())
            for partition, claim in claims.items()
        ]
        act = partial(self._consumer.commit, offsets=offsets, asynchronous=False)
        commit = None
        if not self._telling:
            commit = self._commit = Call(act)
        if self._silent(ANSWER_TIMEOUT_S):
            kafka_log.outage.failed(
                f"claims wait: Kafka has not answered those of partitions {sorted(claims)} in {ANSWER_TIMEOUT_S:g} s"
            )
            return frozenset()
        try:
            # Told that partitions go, this is inside a call that a commit on another thread would wait for. The answer
            # is waited for there too: a commit that arrived after the next owner's would take its claim back.
            answers = (commit.answer() if commit else act()) or []
        except KafkaException as exc:
            self._refused(exc.args[0], claims)
            return frozenset()
        for answer in answers:
            if answer.error is not None:
                self._refused(answer.error, [answer.partition])
        return frozenset(answer.partition for answer in answers if answer.error is None)

    def _refused(self, error: KafkaError, partitions: Iterable[int]) -> None:
        if error.fatal() or error.code() in FOREVER_REFUSED:
            raise ConfigurationError(f"Kafka refuses the commits of this consumer: {error.str()}")
        level = logging.INFO if error.code() in REFUSED_FOR_NOW else logging.WARNING
        logger.log(level, "claims of partitions %s were not accepted: %s", sorted(partitions), error.str())

    def _silent(self, timeout_s: float) -> bool:
        """Whether a commit still waits for its answer, after so long; what had to wait for it is done when not."""
        if self._commit is not None:
            if not self._commit.answered(timeout_s):
                return True
            self._commit = None
        while self._later:
            self._later.pop(0)()
        return False

    def _require_answer(self) -> None:
        if self._silent(0):
            raise ServiceUnavailableError("Kafka is silent on a commit")

    def committed(self, partition: int) -> Committed | None:
        """See Source."""
        self._require_answer()
        try:
            for attempt in stamina.retry_context(
                on=_coordinator_moves, attempts=None, timeout=REQUEST_TIMEOUT_S, wait_initial=0.1, wait_max=1
            ):
                with attempt:
                    answer = self._committed(partition)
        except KafkaException as exc:
            raise ServiceUnavailableError(
                f"the committed offset of partition {partition}: {exc.args[0].str()}"
            ).caused_by(exc) from None
        if answer.offset < 0:
            return None
        return Committed(answer.offset, Claim.parse(answer.offset, answer.metadata))

    def _committed(self, partition: int) -> TopicPartition:
        (answer,) = self._consumer.committed([TopicPartition(self._topic, partition)], timeout=REQUEST_TIMEOUT_S)
        if answer.error is not None:
            raise KafkaException(answer.error)
        return answer

    def extent(self, partition: int) -> tuple[int, int]:
        """See Source."""
        self._require_answer()
        try:
            return self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, partition), timeout=REQUEST_TIMEOUT_S
            )
        except KafkaException as exc:
            raise ServiceUnavailableError(f"the offsets of partition {partition}: {exc.args[0].str()}").caused_by(
                exc
            ) from None

    def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """See Source."""
        return self._ends.of(partitions)

    def ends_at(self, partition: int, offset: int) -> bool:
        """See Source."""
        if self._silent(0):
            return False
        try:
            extent = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
        except KafkaException:  # it was not fetched from yet
            return False
        return extent[1] == offset

    def ends_read(self) -> Mapping[int, int]:
        """See Source."""
        return self._ends_read

    def topic_id(self) -> str | None:
        """See Source."""
        return read_topic_id(self._admin, self._topic, timeout_s=ANSWER_TIMEOUT_S)

    def partitions(self) -> list[int]:
        """The topic's partitions, in order; raises ServiceUnavailableError."""
        try:
            return sorted(
                self._consumer.list_topics(self._topic, timeout=REQUEST_TIMEOUT_S).topics[self._topic].partitions
            )
        except KafkaException as exc:
            raise ServiceUnavailableError(f"the partitions of topic {self._topic!r}: {exc.args[0].str()}").caused_by(
                exc
            ) from None

    def start_at(self, partition: int, offset: int) -> None:
        """See Source."""
        self._require_answer()
        try:
            self._consumer.seek(TopicPartition(self._topic, partition, offset))
        except KafkaException as exc:
            raise ServiceUnavailableError(f"seek in partition {partition}: {exc.args[0].str()}").caused_by(
                exc
            ) from None

    def pause(self, partitions: Iterable[int]) -> None:
        """See Source."""
        self._later.append(partial(self._consumer.pause, self._places(partitions)))
        self._silent(0)

    def resume(self, partitions: Iterable[int]) -> None:
        """See Source."""
        self._later.append(partial(self._resume, self._places(partitions)))
        self._silent(0)

    def _resume(self, places: list[TopicPartition]) -> None:
        self._consumer.resume(places)
        # librdkafka looks what to fetch when something wakes the thread of the partition's broker, or after a second.
        began_s = time.monotonic()
        for place in places:
            with suppress(KafkaException):
                self._consumer.get_watermark_offsets(place, timeout=WAKE_TIMEOUT_S)
            if time.monotonic() - began_s > WAKE_ALL_S:
                break

    def _places(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    def close(self) -> None:
        """See Source."""
        leaving = Call(self._consumer.close)
        if leaving.answered(0 if self._silent(0) else ANSWER_TIMEOUT_S):
            leaving.answer()
        else:
            logger.warning("Kafka is silent: the group learns by session.timeout.ms that this member has left")
