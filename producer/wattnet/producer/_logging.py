"""The loggers: 'wattnet.producer' for this package, 'wattnet.producer.librdkafka' for the client inside it.

What a program does not configure is on standard error from level warning on: metrics that are lost, and Kafka that is
away.
"""

from __future__ import annotations

import logging

from wattnet.producer.kafka_log import KafkaLog
from wattnet.schemas.outage import Outage

logger = logging.getLogger("wattnet.producer")
librdkafka_logger = logging.getLogger("wattnet.producer.librdkafka")
librdkafka_logger.addHandler(logging.NullHandler())  # what it retries by itself is for logs only


def kafka_log(bootstrap_servers: str) -> KafkaLog:
    """The log of the clients of one producer or one call."""
    outage = Outage(f"Kafka at {bootstrap_servers} is away", f"Kafka at {bootstrap_servers} is back", logger)
    return KafkaLog(outage, librdkafka_logger)
