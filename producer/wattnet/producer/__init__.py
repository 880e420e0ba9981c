"""Publish metrics to Kafka."""

from __future__ import annotations

from wattnet.producer._errors import (
    BrokerUnreachableError,
    ClockError,
    DeliveryError,
    FlushTimeoutError,
    ForkedProducerError,
    NotDeliveredError,
    ProducerClosedError,
    ProducerConfigError,
    ProducerError,
    QueueFullError,
    SchemaRegistryError,
    SendError,
    TopicCreationError,
)
from wattnet.producer._memory_producer import MemoryProducer
from wattnet.producer._producer import FlushResult, Producer
from wattnet.producer._topic import create_topic

__all__ = [
    "BrokerUnreachableError",
    "ClockError",
    "DeliveryError",
    "FlushResult",
    "FlushTimeoutError",
    "ForkedProducerError",
    "MemoryProducer",
    "NotDeliveredError",
    "Producer",
    "ProducerClosedError",
    "ProducerConfigError",
    "ProducerError",
    "QueueFullError",
    "SchemaRegistryError",
    "SendError",
    "TopicCreationError",
    "create_topic",
]
