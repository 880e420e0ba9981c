"""Many rows into the queue at once, by the rules of `send`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError

from wattnet.producer._errors import QueueFullError, SendError
from wattnet.producer._frame_encoding import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from wattnet.producer._client import KafkaClient
    from wattnet.producer._frame_encoding import Knowledge
    from wattnet.producer._frame_rows import Rows
    from wattnet.producer._producer import Producer

# How long one call waits inside librdkafka, where Ctrl-C is not seen.
_SLICE_S = 0.1
# A message without room costs as much as one that is taken, so few of them try their luck at a time.
_AT_ONCE = 1_024


def queue_rows(producer: Producer, rows: Rows, knowledge: Knowledge, told: Callable[[int], object]) -> int:
    """Queue a message a row, in their order; returns how many were taken, which is all unless some were dropped.

    told  called with how many are through so far

    Raises QueueFullError, SendError, ProducerClosedError, ForkedProducerError; those before are taken then.
    """
    _client(producer)  # closed is closed, also for no rows
    taken = through = 0
    for batch in encoded(rows, producer._encoder, knowledge):
        for start in range(0, len(batch), _AT_ONCE):
            taken += _queue(producer, batch[start : start + _AT_ONCE], taken, rows.count)
        through += len(batch)
        told(through)
    return taken


def _queue(producer: Producer, messages: list[dict[str, Any]], before: int, total: int) -> int:
    """How many of these were taken; `before` were taken of the others."""
    taken = 0
    wait_s: float | None = None
    while messages:
        with producer._exchanging:  # nobody puts another client in this one's place meanwhile
            count = _client(producer).produce_batch(producer._topic, messages)
        taken += count
        producer._taken += count
        if count == len(messages):
            break
        messages = [message for message in messages if "_error" in message]
        for message in messages:
            error: KafkaError = message.pop("_error")
            if error.code() != KafkaError._QUEUE_FULL:
                raise SendError(
                    f"a metric of {message['key'].decode()} was not taken: {producer._deliveries.reason(error)} "
                    f"({before + taken:,} of {total:,} rows were)"
                )
        if count or wait_s is None:
            wait_s = 0.0  # first serve only: what was delivered counts as queued until its report is served
        elif producer._on_full == "block":
            wait_s = _SLICE_S
        else:
            _when_full(producer, messages, f"{before + taken:,} of {total:,} rows were taken")
            break
        producer._serve(wait_s)
    producer._serve(0)
    return taken


def _when_full(producer: Producer, messages: list[dict[str, Any]], rows_taken: str) -> None:
    if producer._on_full != "drop":
        try:
            producer._when_full(messages[0]["key"])
        except QueueFullError as exc:
            raise QueueFullError(f"{exc}. {rows_taken}: they are on their way, send the others later") from None
    for message in messages:
        producer._deliveries.dropped(message["key"].decode())
    producer._deliveries.tell()


def _client(producer: Producer) -> KafkaClient:
    kafka = producer._kafka
    if kafka is None:
        producer._produce(producer._topic, b"", b"")
        raise AssertionError("produce raises when the producer is closed, or forked")
    return kafka
