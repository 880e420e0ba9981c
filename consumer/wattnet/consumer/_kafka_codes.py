"""What Kafka's error codes mean to a member of the group: wait, try again, or give up."""

from __future__ import annotations

from confluent_kafka import KafkaError

# Definite answers that this member may not commit now; the partition is about to be lost, or kept after a rebalance.
REFUSED_FOR_NOW = frozenset(
    {
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._NO_OFFSET,
    }
)
# A broker that has just started does not know its groups yet.
COORDINATOR_MOVES = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._WAIT_COORD,
    }
)
FOREVER_REFUSED = frozenset(
    {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.OFFSET_METADATA_TOO_LARGE,
        KafkaError.INVALID_GROUP_ID,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.FENCED_INSTANCE_ID,  # another process has this KAFKA_GROUP_INSTANCE_ID
    }
)

# librdkafka names what broke while it shook hands or said who it is, and nothing else: the password, the certificate,
# or a connection that a broker cut off while it started or stopped.
SHAKING_HANDS = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})
CUT_OFF = ("disconnected", "timed out", "reset by peer", "broken pipe", "connection refused", "closed by peer")


def heals(error: KafkaError) -> bool:
    """Whether an error of Kafka's may pass by itself, or somebody has to change a setting or a right."""
    if error.code() in SHAKING_HANDS:
        return any(sign in error.str().lower() for sign in CUT_OFF)
    return not error.fatal() and error.code() not in FOREVER_REFUSED
