"""The one place that knows librdkafka's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.producer._errors import ProducerConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What each guarantee rests on: the only spellings that keep it, and the guarantee.
_KEPT: dict[str, tuple[tuple[str, ...], str]] = {
    "enable.idempotence": (("true",), "a retry would store a metric twice or out of order"),
    "acks": (("all", "-1"), "an acknowledged metric could be lost with one broker"),
    "request.required.acks": (("all", "-1"), "an acknowledged metric could be lost with one broker"),
    "partitioner": (("murmur2_random",), "one series would be in two partitions and lose its order"),
}
# What the producer sets itself, and how it is given instead.
_TAKEN: dict[str, str] = {
    "bootstrap.servers": "give it as the first argument",
    "metadata.broker.list": "give it as the first argument",
    "queue.buffering.max.messages": "give it as queue_max_messages",
    "transactional.id": "the producer makes no transactions",
    "delivery.report.only.error": "give on_delivery to the producer",
    "on_delivery": "give on_delivery or on_error to the producer",
    "dr_cb": "give on_delivery or on_error to the producer",
    "dr_msg_cb": "give on_delivery or on_error to the producer",
    "error_cb": "broker errors go to the logger 'wattnet.producer' and into the messages of errors",
    "log_cb": "librdkafka's log goes to the logger 'wattnet.producer.librdkafka'",
    "logger": "librdkafka's log goes to the logger 'wattnet.producer.librdkafka'",
}
_LONGEST_DELIVERY_MS = 120_000
_NO_LIMIT = 0


# What is said to a producer only.
_PRODUCING = frozenset(
    {
        "enable.idempotence",
        "acks",
        "request.required.acks",
        "partitioner",
        "compression.type",
        "compression.codec",
        "compression.level",
        "linger.ms",
        "batch.size",
        "batch.num.messages",
        "queue.buffering.max.ms",
        "queue.buffering.max.messages",
        "queue.buffering.max.kbytes",
        "delivery.timeout.ms",
        "message.timeout.ms",
        "delivery.report.only.error",
        "on_delivery",
    }
)


def connection(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of a producer's configuration what any other client of the same cluster needs."""
    return {key: value for key, value in config.items() if key not in _PRODUCING}


def text(value: object, what: str, example: str) -> str:
    """`value`, if it is a string with something in it; `what` names it in the error."""
    if not isinstance(value, str) or not value.strip(" ,"):
        raise ProducerConfigError(f"{what} is {value!r}: give a string, such as {example!r}")
    return value


def librdkafka_config(
    bootstrap_servers: str, *, queue_max_messages: int, options: Mapping[str, Any] | None, spooled: bool = False
) -> dict[str, Any]:
    """librdkafka's configuration: ours, then `options` over it. Raises ProducerConfigError.

    spooled  a spool sends again what librdkafka gives up, and in order only if that gives nothing up for its age
    """
    if type(queue_max_messages) is not int or queue_max_messages < 1:
        raise ProducerConfigError(f"queue_max_messages is {queue_max_messages!r}: give an int of at least 1")
    given = dict(options or {})
    for key, value in given.items():
        if key in _TAKEN:
            raise ProducerConfigError(f"option {key!r} cannot be given: {_TAKEN[key]}")
        if key in _KEPT and str(value).lower() not in _KEPT[key][0]:
            raise ProducerConfigError(f"option {key!r}: {value!r} is refused, because {_KEPT[key][1]}: leave it out")
    config: dict[str, Any] = {
        "bootstrap.servers": text(bootstrap_servers, "bootstrap_servers", "localhost:9092"),
        "client.id": "wattnet-producer",
        "enable.idempotence": True,
        "acks": "all",
        # As the clients of other languages place keys: one series is in one partition whoever sends it.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        # Batches of some hundred records per partition at full speed; flush does not wait for it.
        "linger.ms": 20,
        "queue.buffering.max.messages": queue_max_messages,
        "delivery.timeout.ms": _NO_LIMIT if spooled else _LONGEST_DELIVERY_MS,
        # How long an unknown topic may still turn up; 30 s is long to wait for a mistyped name.
        "topic.metadata.propagation.max.ms": 10_000,
        # Success costs no call into Python; the binding handles this key and frees what belongs to the message.
        "delivery.report.only.error": True,
    }
    return config | given  # in this order: librdkafka has other names for some keys, and takes the last one given
