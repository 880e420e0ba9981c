"""What librdkafka says of its brokers, at a rate that people can read; for every client of ours."""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka import Producer as KafkaProducer

    from wattnet.schemas.outage import Outage

__all__ = ["KafkaLog", "reason"]

# librdkafka's lines and errors that come again and again while a broker is away.
_AWAY_LINES = frozenset({"FAIL", "ERROR", "REQTMOUT"})
_AWAY_CODES = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._AUTHENTICATION,
        KafkaError._RESOLVE,
        KafkaError._SSL,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
    }
)
# "[thrd:localhost:9092/1]: localhost:9092/1: Connect to … failed: Connection refused (after 0ms in state CONNECT)"
_THREAD = re.compile(r"^\[thrd:[^\]]*\]: ")
_STATE = re.compile(r" \(after \d+ms in state .*\)")
_COORDINATOR = re.compile(r"^(?:Group|Txn)Coordinator: (?=\S+:\d+: )")
_NODE = re.compile(r"/(bootstrap|\d+|GroupCoordinator|TxnCoordinator)(?=: )")
# librdkafka tries a broker that it needs again within 10 s (reconnect.backoff.max.ms).
_QUIET_S = 12.0
_LOOK_EVERY_S = 5.0
_ANSWER_S = 0.2


class KafkaLog:
    """The `logger` of a client: lines about brokers that are away go through an Outage, all others as they are.

    Args:
        outage: Of the brokers that the client talks to; several clients may share it.
        logger: Where all other lines go.
    """

    def __init__(self, outage: Outage, logger: logging.Logger) -> None:
        self.outage = outage
        self._logger = logger
        self._look_at_s = 0.0

    def log(self, level: int, text: str, *arguments: Any) -> None:
        """librdkafka's line: its kind, its client and its words."""
        kind = arguments[0] if arguments else ""
        if level < logging.WARNING or kind not in _AWAY_LINES:
            self._logger.log(level, text, *arguments)
            return
        self._logger.debug(text, *arguments)
        why = str(arguments[-1])
        if "brokers are down" not in why:  # the line before it says why
            self.outage.failed(reason(why))

    def error(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            return
        if error.code() in _AWAY_CODES:
            self.outage.failed(reason(error.str()))
        else:
            self._logger.warning("%s", error.str())

    def look(self, client: KafkaProducer | Consumer) -> None:
        """Log that Kafka is back when it was away and answers; asks now and then, and only when it was away."""
        if not self.outage.lasts or self.outage.quiet_s < _QUIET_S or time.monotonic() < self._look_at_s:
            return
        self._look_at_s = time.monotonic() + _LOOK_EVERY_S
        with suppress(KafkaException):
            client.list_topics(timeout=_ANSWER_S)
            self.outage.works()


def reason(text: str) -> str:
    """The address and the cause in one of librdkafka's lines, without its inner states."""
    return _STATE.sub("", _NODE.sub("", _COORDINATOR.sub("", _THREAD.sub("", text)), count=1))
