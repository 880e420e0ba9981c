"""Messages as Kafka still holds them: read by offset, in no group, and only of the topic that they came from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from wattnet.consumer._errors import ServiceUnavailableError
from wattnet.consumer._kafka_admin import admin_client, read_topic_id
from wattnet.consumer._kafka_options import kafka_log, refused_options
from wattnet.consumer._message import offset_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from confluent_kafka import Message

    from wattnet.consumer._dead_letters import LetterHead
    from wattnet.consumer._settings import KafkaSettings

TIMEOUT_S = 10.0
SLICE_S = 0.2  # Ctrl-C is not seen while librdkafka waits
# Starting anew elsewhere takes a tenth of a second, in which so many messages are read (measured).
READ_OVER_MESSAGES = 2_000
# What says that there is no such message, now or ever again.
GONE = frozenset({KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})


class Originals:
    """Reads single messages. Commits nothing and joins no group; to be closed, or used in a with-block."""

    def __init__(self, settings: KafkaSettings, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._admin = admin_client(settings)
        options = {
            **settings.connection_options(),
            "group.id": settings.group_id,  # librdkafka wants one; nothing is subscribed to
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "queued.min.messages": 1,
        }
        with refused_options():
            self._consumer = Consumer(options, logger=kafka_log)

    def __enter__(self) -> Originals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, heads: Sequence[LetterHead]) -> dict[LetterHead, Message]:
        """The messages of those that Kafka still holds. Raises ServiceUnavailableError.

        A topic that was deleted and made again has other messages at the same offsets: only those of the topic id that
        the letter names are given. Letters without a topic id have no original.
        """
        found: dict[LetterHead, Message] = {}
        for topic in {head.topic for head in heads if head.topic_id}:
            topic_id = read_topic_id(self._admin, topic, timeout_s=self._timeout_s)
            own = [head for head in heads if head.topic == topic and head.topic_id == topic_id]
            messages: dict[LetterHead, Message] = {}
            for partition in {head.partition for head in own}:
                wanted = {head.offset: head for head in own if head.partition == partition}
                messages.update(self._of_partition(topic, partition, wanted))
            # They were fetched before this answer, so they are of the topic that it names.
            if own and read_topic_id(self._admin, topic, timeout_s=self._timeout_s) == topic_id:
                found.update(messages)
        return found

    def _of_partition(
        self, topic: str, partition: int, wanted: Mapping[int, LetterHead]
    ) -> Iterator[tuple[LetterHead, Message]]:
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=self._timeout_s)
            for first, last in _runs(offset for offset in wanted if low <= offset < high):
                self._consumer.assign([TopicPartition(topic, partition, first)])
                for message in self._until(last):
                    head = wanted.get(offset_of(message))
                    if head is not None:
                        yield head, message
        except KafkaException as exc:
            error = exc.args[0].str()
            raise ServiceUnavailableError(f"Kafka does not give partition {partition} of {topic!r}: {error}").caused_by(
                exc
            ) from None

    def _until(self, last: int) -> Iterator[Message]:
        """From where the consumer stands to the offset `last`, or to what is there before it ends."""
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            message = self._consumer.poll(SLICE_S)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                if error.code() in GONE:
                    return
                continue  # librdkafka goes on by itself
            deadline = time.monotonic() + self._timeout_s
            # Behind `last`: it was a hole that compaction or a transaction left.
            if offset_of(message) <= last:
                yield message
            if offset_of(message) >= last:
                return
        raise ServiceUnavailableError(f"Kafka gives no messages within {self._timeout_s:g} s")


def _runs(offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of those that are near enough to be read in one go."""
    first = last = None
    for offset in sorted(offsets):
        if first is not None and last is not None and offset - last > READ_OVER_MESSAGES:
            yield first, last
            first = None
        first, last = offset if first is None else first, offset
    if first is not None and last is not None:
        yield first, last
