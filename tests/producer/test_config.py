"""Arguments and options: what is refused, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest

from wattnet.producer import Producer, ProducerConfigError
from wattnet.producer._config import librdkafka_config


def config(**options: Any) -> dict[str, Any]:
    return librdkafka_config("a:1", queue_max_messages=10, options=options)


@pytest.mark.parametrize("servers", ["", " ", ",", None, ["localhost:9092"], b"localhost:9092"])
def test_a_broker_must_be_named(servers: Any) -> None:
    with pytest.raises(ProducerConfigError, match=r"bootstrap_servers .* 'localhost:9092'"):
        Producer(servers)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"topic": ""}, "topic"),
        ({"topic": None}, "topic"),
        ({"on_full": "wait"}, "'block', 'raise' or 'drop'"),
        ({"queue_max_messages": 0}, "queue_max_messages"),
        ({"queue_max_messages": True}, "queue_max_messages"),
        ({"queue_max_messages": 1e5}, "queue_max_messages"),
        ({"options": {"linger": 5}}, "linger"),
        ({"options": {"compression.type": "soon"}}, "soon"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ProducerConfigError, match=named):
        Producer("127.0.0.1:1", **arguments)


@pytest.mark.parametrize(
    "options",
    [
        {"enable.idempotence": False},
        {"enable.idempotence": "false"},
        {"acks": 1},
        {"acks": "0"},
        {"request.required.acks": 1},
        {"partitioner": "random"},
        {"transactional.id": "x"},
        {"bootstrap.servers": "b:1"},
        {"queue.buffering.max.messages": 5},
        {"on_delivery": print},
        {"error_cb": print},
        {"delivery.report.only.error": False},
    ],
)
def test_what_the_guarantees_rest_on_cannot_be_given(options: dict[str, Any]) -> None:
    with pytest.raises(ProducerConfigError, match=next(iter(options))):
        config(**options)


def test_options_come_last() -> None:
    made = config(**{"linger.ms": 500, "compression.type": "zstd", "acks": "all", "enable.idempotence": True})
    assert made["linger.ms"] == 500
    assert made["compression.type"] == "zstd"
    assert made["partitioner"] == "murmur2_random"
    assert made["queue.buffering.max.messages"] == 10
