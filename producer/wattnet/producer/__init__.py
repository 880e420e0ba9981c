"""Publish metrics to Kafka."""

from __future__ import annotations

from wattnet.producer._async_producer import AsyncProducer
from wattnet.producer._delivery import Delivery
from wattnet.producer._errors import (
    BrokerUnreachableError,
    ClockError,
    ConflictingValuesError,
    ConflictingValuesWarning,
    DeliveryError,
    FlushTimeoutError,
    ForkedProducerError,
    FrameError,
    NotDeliveredError,
    ProducerClosedError,
    ProducerConfigError,
    ProducerError,
    QueueFullError,
    SchemaRegistryError,
    SchemaRegistryUnreachableError,
    SendError,
    SpoolError,
    SpoolInUseError,
    TopicCreationError,
    VisibilityError,
    VisibilityTimeoutError,
)
from wattnet.producer._memory_producer import MemoryProducer
from wattnet.producer._producer import Producer
from wattnet.producer._queue import FlushResult
from wattnet.producer._spool import Spool
from wattnet.producer._statistics import ProducerStatistics
from wattnet.producer._topic import create_topic

__all__ = [
    "AsyncProducer",
    "BrokerUnreachableError",
    "ClockError",
    "ConflictingValuesError",
    "ConflictingValuesWarning",
    "Delivery",
    "DeliveryError",
    "FlushResult",
    "FlushTimeoutError",
    "ForkedProducerError",
    "FrameError",
    "MemoryProducer",
    "NotDeliveredError",
    "Producer",
    "ProducerClosedError",
    "ProducerConfigError",
    "ProducerError",
    "ProducerStatistics",
    "QueueFullError",
    "SchemaRegistryError",
    "SchemaRegistryUnreachableError",
    "SendError",
    "Spool",
    "SpoolError",
    "SpoolInUseError",
    "TopicCreationError",
    "VisibilityError",
    "VisibilityTimeoutError",
    "create_topic",
]
