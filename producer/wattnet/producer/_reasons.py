"""Kafka's errors in words that say what to do."""

from __future__ import annotations

from confluent_kafka import KafkaError

_NO_TOPIC = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_ID,
    }
)
GIVEN_UP = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


def reason(error: KafkaError, *, topic: str, bootstrap_servers: str, last_broker_error: str | None) -> str:
    """Why a metric did not reach `topic`, and the remedy where one is known."""
    code = error.code()
    if code in _NO_TOPIC:
        return (
            f"topic {topic!r} does not exist at {bootstrap_servers}: "
            "run `wattnet init` (or create_topic), or correct the name"
        )
    if code == KafkaError._MSG_TIMED_OUT:
        seen = f"; the last error was: {last_broker_error}" if last_broker_error else ""
        return f"no broker at {bootstrap_servers} took it in time{seen}"
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return (
            "it is larger than the topic or the client takes: "
            "raise max.message.bytes of the topic, or message.max.bytes in options"
        )
    if code in GIVEN_UP:
        return "it was still in the queue when the producer closed"
    return f"{error.str()} ({error.name()})"
