"""Dead letters sent again: as they were, or corrected.

At least once. Kafka acknowledges a message first, then its letter is marked as replayed: whatever dies in between
leaves a letter that is still pending, and sending it again is then a repeat. A repeated record replaces itself in the
tables, because its knowledge_time names the revision.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from wattnet.consumer._access import require_access
from wattnet.consumer._diagnosis import readable_record
from wattnet.consumer._errors import DeadLetterError, RetryableInsertError, ServiceUnavailableError
from wattnet.consumer._kafka_options import kafka_log, refused_options
from wattnet.consumer._originals import Originals
from wattnet.consumer._record import corrected_metric, metric_of, record_of_detail
from wattnet.consumer._writer_schemas import ConfluentRegistry
from wattnet.schemas import (
    METRIC_FINGERPRINT,
    METRIC_SCHEMA_JSON,
    MetricEncoder,
    confluent_header,
    single_object_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from confluent_kafka import Message

    from wattnet.consumer._dead_letters import DeadLetter, DeadLetters, LetterHead
    from wattnet.consumer._settings import KafkaSettings
    from wattnet.schemas import Metric

Origin = Literal["table", "topic", "record", "correction"]
TIMEOUT_S = 30.0
UNKNOWN_TOPIC_MS = 10_000
UNREACHABLE = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT})
PARTITION_BY_KEY = -1
SLICE_S = 0.1  # Ctrl-C is not seen while librdkafka waits


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The message that a letter becomes, and where it was taken from."""

    head: LetterHead
    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one letter: sent (or, in a dry run, to be sent) as `message`, or not, and why."""

    head: LetterHead
    message: Outgoing | None
    problem: str = ""


class Replay:
    """Sends dead letters again, to the topics that they came from.

    Kafka has `timeout_s` to answer, and to acknowledge a message. Raises ServiceUnavailableError, ConfigurationError.
    """

    def __init__(self, letters: DeadLetters, kafka: KafkaSettings, *, timeout_s: float = TIMEOUT_S) -> None:
        require_access(kafka, timeout_s=timeout_s)
        self._letters = letters
        self._kafka = kafka
        self._encoders: dict[str, MetricEncoder] = {}
        options = {
            **kafka.connection_options(),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",  # as the producers do: a series stays in its partition
            "message.max.bytes": 1_000_000_000,  # the topic took it before; the broker is the judge
            "delivery.timeout.ms": int(timeout_s * 1000),
            "topic.metadata.propagation.max.ms": UNKNOWN_TOPIC_MS,
        }
        with refused_options():
            self._producer = KafkaProducer(options, logger=kafka_log)

    def run(self, heads: Sequence[LetterHead], *, dry_run: bool = False) -> Iterator[Replayed]:
        """Send these again as they were: from the table, else from the topic, else from the decoded record.

        Yields each one when Kafka has it and its letter is marked. Raises ServiceUnavailableError; what was not yielded
        before is then still pending.
        """
        with Originals(self._kafka) as originals:
            for page in self._letters.load(heads):
                messages = originals.read([letter.head for letter in page if not letter.kept])
                made = [self._as_it_was(letter, messages.get(letter.head)) for letter in page]
                yield from self._finish(made, dry_run=dry_run)

    def correct(self, head: LetterHead, correction: object, *, dry_run: bool = False) -> Replayed:
        """Send one again with the correction's fields in place of its own.

        Raises DeadLetterError for what would be refused again.
        """
        with Originals(self._kafka) as originals:
            for page in self._letters.load([head]):
                for letter in page:
                    original = None if letter.kept else originals.read([head]).get(head)
                    metric = corrected_metric(readable_record(letter, original, self._kafka), correction)
                    return next(self._finish([self._message_of(letter, metric, "correction")], dry_run=dry_run))
        raise DeadLetterError(f"{head.address} was purged meanwhile")

    def _as_it_was(self, letter: DeadLetter, original: Message | None) -> Outgoing | Replayed:
        if letter.kept:
            headers = cast("list[tuple[str, bytes | None]]", list(letter.headers))
            return Outgoing(letter.head, "table", letter.key or None, letter.value, headers)
        if original is not None:
            headers = cast("list[tuple[str, bytes | None]]", original.headers() or [])
            return Outgoing(letter.head, "topic", original.key(), original.value(), headers)
        record = record_of_detail(letter.detail)
        if record is None:
            return Replayed(letter.head, None, "neither its bytes nor its record are kept: give the whole record")
        try:
            return self._message_of(letter, metric_of(record), "record")
        except DeadLetterError as exc:
            return Replayed(letter.head, None, str(exc))

    def _message_of(self, letter: DeadLetter, metric: Metric, origin: Origin) -> Outgoing:
        topic = letter.head.topic
        if topic not in self._encoders:
            self._encoders[topic] = MetricEncoder(self._framing(topic))
        known_us = metric.knowledge_time_us
        try:
            key, value = self._encoders[topic].encode(metric, time.time_ns() // 1000 if known_us is None else known_us)
        except UnicodeEncodeError as exc:
            raise DeadLetterError("its texts are no UTF-8: correct them").caused_by(exc) from None
        return Outgoing(letter.head, origin, key, value)

    def _framing(self, topic: str) -> bytes:
        """As this version's producers write to the topic: the registry's id, where they use one."""
        registry = self._kafka.registry_options()
        try:
            known = ConfluentRegistry(registry).schema_id(f"{topic}-value", METRIC_SCHEMA_JSON) if registry else None
        except RetryableInsertError as exc:
            raise ServiceUnavailableError(str(exc)).caused_by(exc) from None
        return single_object_header(METRIC_FINGERPRINT) if known is None else confluent_header(known)

    def _finish(self, made: Sequence[Outgoing | Replayed], *, dry_run: bool) -> Iterator[Replayed]:
        failed = {} if dry_run else self._send([one for one in made if isinstance(one, Outgoing)])
        if not dry_run:
            # After the acknowledgement: a letter that is marked and was not sent would be lost.
            self._letters.mark_replayed(
                [one.head for one in made if isinstance(one, Outgoing) and one.head not in failed]
            )
        for one in made:
            if isinstance(one, Replayed):
                yield one
            elif error := failed.get(one.head):
                if error.code() in UNREACHABLE:
                    raise ServiceUnavailableError(f"Kafka does not acknowledge what is sent again: {error.str()}")
                yield Replayed(one.head, None, f"Kafka does not take it: {error.str()}")
            else:
                yield Replayed(one.head, one)

    def _send(self, messages: Sequence[Outgoing]) -> dict[LetterHead, KafkaError]:
        """Wait until Kafka has all of them; returns the error of each that it has not."""
        waiting = {one.head for one in messages}
        failed: dict[LetterHead, KafkaError] = {}

        def delivered(head: LetterHead, error: KafkaError | None) -> None:
            waiting.discard(head)
            if error is not None:
                failed[head] = error

        for one in messages:
            self._produce(one, delivered)
        while waiting:
            self._producer.poll(SLICE_S)
        return failed

    def _produce(self, one: Outgoing, delivered: Callable[[LetterHead, KafkaError | None], None]) -> None:
        headers = cast("list[tuple[str, str | bytes | None]]", one.headers)
        # As producers do; what has no key stays where it was.
        partition = PARTITION_BY_KEY if one.key else one.head.partition
        while True:
            try:
                self._producer.produce(
                    one.head.topic,
                    one.value,
                    one.key,
                    partition,
                    on_delivery=lambda error, _: delivered(one.head, error),
                    headers=headers,
                )
            except BufferError:  # noqa: PERF203  the queue was full
                self._producer.poll(SLICE_S)
            except KafkaException as exc:
                delivered(one.head, exc.args[0])
                return
            else:
                return
