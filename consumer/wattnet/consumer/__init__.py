"""The consumer: Kafka to ClickHouse, each message's effect exactly once."""

from __future__ import annotations

from wattnet.consumer._access import require_access
from wattnet.consumer._avro_walk import DecodedField, Fault
from wattnet.consumer._dead_letters import (
    DeadLetter,
    DeadLetters,
    LetterAddress,
    LetterFilter,
    LetterHead,
    ReasonCount,
)
from wattnet.consumer._diagnosis import Diagnosis
from wattnet.consumer._doctor import examine
from wattnet.consumer._errors import (
    ConfigurationError,
    ConsumerError,
    DeadLetterError,
    ServiceUnavailableError,
    TopicChangedError,
    UnsafeToContinueError,
)
from wattnet.consumer._examine import Examined, examine_letters
from wattnet.consumer._feeders import FeedingGroup
from wattnet.consumer._finding import Finding
from wattnet.consumer._kafka_engine import (
    KafkaEnginePartition,
    KafkaEngineStatus,
    kafka_engine_off,
    kafka_engine_on,
    kafka_engine_status,
)
from wattnet.consumer._lag import GroupLag, Member, PartitionLag, measure_lag
from wattnet.consumer._printable import printable
from wattnet.consumer._replay import Outgoing, Replay, Replayed
from wattnet.consumer._service import consume
from wattnet.consumer._settings import BatchSettings, HttpSettings, KafkaSettings, Settings
from wattnet.consumer._verdict import PartitionProof, Problem, Verdict
from wattnet.consumer._verify import verify

__all__ = [
    "BatchSettings",
    "ConfigurationError",
    "ConsumerError",
    "DeadLetter",
    "DeadLetterError",
    "DeadLetters",
    "DecodedField",
    "Diagnosis",
    "Examined",
    "Fault",
    "FeedingGroup",
    "Finding",
    "GroupLag",
    "HttpSettings",
    "KafkaEnginePartition",
    "KafkaEngineStatus",
    "KafkaSettings",
    "LetterAddress",
    "LetterFilter",
    "LetterHead",
    "Member",
    "Outgoing",
    "PartitionLag",
    "PartitionProof",
    "Problem",
    "ReasonCount",
    "Replay",
    "Replayed",
    "ServiceUnavailableError",
    "Settings",
    "TopicChangedError",
    "UnsafeToContinueError",
    "Verdict",
    "consume",
    "examine",
    "examine_letters",
    "kafka_engine_off",
    "kafka_engine_on",
    "kafka_engine_status",
    "measure_lag",
    "printable",
    "require_access",
    "verify",
]
