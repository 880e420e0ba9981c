"""Messages as Kafka still holds them: read by offset, in no group, and only of the topic that they came from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from wattnet.consumer._errors import ServiceUnavailableError
from wattnet.consumer._message import offset_of
from wattnet.consumer._source import admin_client, librdkafka_logger, read_topic_id, refused_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from confluent_kafka import Message

    from wattnet.consumer._dead_letters import LetterHead
    from wattnet.consumer._settings import KafkaSettings

TIMEOUT_S = 10.0
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
            self._consumer = Consumer(options, logger=librdkafka_logger)

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
            messages = {head: self._message(head) for head in own}
            # They were fetched before this answer, so they are of the topic that it names.
            if own and read_topic_id(self._admin, topic, timeout_s=self._timeout_s) == topic_id:
                found.update({head: message for head, message in messages.items() if message is not None})
        return found

    def _message(self, head: LetterHead) -> Message | None:
        place = TopicPartition(head.topic, head.partition, head.offset)
        try:
            self._consumer.assign([place])
            deadline = time.monotonic() + self._timeout_s
            while time.monotonic() < deadline:
                message = self._consumer.poll(0.2)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    # Behind it: a hole that compaction or a transaction left.
                    return message if offset_of(message) == head.offset else None
                if error.code() in GONE:
                    return None
        except KafkaException as exc:
            raise ServiceUnavailableError(f"Kafka does not give {head.address}: {exc.args[0].str()}") from exc
        raise ServiceUnavailableError(f"Kafka does not give {head.address} within {self._timeout_s:g} s")
