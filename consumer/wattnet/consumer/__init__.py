"""The consumer: Kafka to ClickHouse, each message's effect exactly once."""

from __future__ import annotations

from wattnet.consumer._doctor import examine
from wattnet.consumer._errors import (
    ConfigurationError,
    ConsumerError,
    ServiceUnavailableError,
    TopicChangedError,
    UnsafeToContinueError,
)
from wattnet.consumer._finding import Finding
from wattnet.consumer._kafka_engine import (
    KafkaEnginePartition,
    KafkaEngineStatus,
    kafka_engine_off,
    kafka_engine_on,
    kafka_engine_status,
)
from wattnet.consumer._lag import GroupLag, Member, PartitionLag, measure_lag
from wattnet.consumer._service import consume
from wattnet.consumer._settings import BatchSettings, HttpSettings, KafkaSettings, Settings
from wattnet.consumer._verify import PartitionProof, Problem, Verdict, verify

__all__ = [
    "BatchSettings",
    "ConfigurationError",
    "ConsumerError",
    "Finding",
    "GroupLag",
    "HttpSettings",
    "KafkaEnginePartition",
    "KafkaEngineStatus",
    "KafkaSettings",
    "Member",
    "PartitionLag",
    "PartitionProof",
    "Problem",
    "ServiceUnavailableError",
    "Settings",
    "TopicChangedError",
    "UnsafeToContinueError",
    "Verdict",
    "consume",
    "examine",
    "kafka_engine_off",
    "kafka_engine_on",
    "kafka_engine_status",
    "measure_lag",
    "verify",
]
