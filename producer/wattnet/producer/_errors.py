"""What can go wrong between a metric and the topic.

ProducerError (a wattnet.schemas.WattnetError)
├── ProducerConfigError (a ValueError)   an argument or option that cannot be used
├── SchemaRegistryError                  the registry does not take the schema
│   └── SchemaRegistryUnreachableError   the registry did not answer, or is in trouble: later it may
├── SpoolError                           the spool's folder cannot be used, or holds metrics for another topic
│   └── SpoolInUseError                  another producer has it
├── BrokerUnreachableError               no broker answered an administrative request
├── TopicCreationError                   the brokers refused to make the topic
├── ProducerClosedError                  the producer was closed before the call
├── ForkedProducerError                  the producer belongs to the parent process
├── ClockError                           the system clock was set back by about a day or more
├── QueueFullError                       the queue is full: the metric was not taken
├── FrameError (a ValueError)            the layout of a frame, not a value in it: nothing of it was sent
├── ConflictingValuesError (a ValueError)   two values of one point, of which only the last would be left
├── SendError                            the client refused a metric at the call: it was not taken
├── NotDeliveredError                    one metric that was taken and did not reach the topic; goes to on_error
├── VisibilityError                      Kafka does not tell this user how far the consumers are
│   └── VisibilityTimeoutError           ClickHouse does not have everything yet
└── DeliveryError                        from flush and close: how many did not reach the topic, and why the first one
    └── FlushTimeoutError                some are still in the queue

ConflictingValuesWarning (a UserWarning)   the same, where the caller asked for a warning
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.schemas import Metric, WattnetError, decode_metric

if TYPE_CHECKING:
    from collections.abc import Mapping


class ProducerError(WattnetError):
    """Base of all errors that the producer raises; `cause` is what librdkafka, the file system or a callback raised."""


class ProducerConfigError(ProducerError, ValueError):
    """An argument or an option that cannot be used."""


class SchemaRegistryError(ProducerError):
    """The schema registry does not take the schema."""


class SchemaRegistryUnreachableError(SchemaRegistryError):
    """The schema registry did not answer, or is in trouble itself."""


class SpoolError(ProducerError):
    """The spool's folder cannot be used."""


class SpoolInUseError(SpoolError):
    """Another producer has the spool's folder."""


class BrokerUnreachableError(ProducerError):
    """No broker answered."""


class TopicCreationError(ProducerError):
    """The brokers refused to make the topic."""


class ProducerClosedError(ProducerError):
    """The producer was closed before the call."""


class ForkedProducerError(ProducerError):
    """The producer was made in the parent process, and its threads did not come along."""


class ClockError(ProducerError):
    """The system clock was set back so far that metrics would look as if they came from the future."""


class QueueFullError(ProducerError):
    """The queue is full, and the metric was not taken."""


class FrameError(ProducerError, ValueError):
    """The layout of a frame is not one that can be sent, or says a thing twice. Nothing of it was sent."""


class ConflictingValuesError(ProducerError, ValueError):
    """Two values of one point differ and have the same quality and knowledge_time: only the last would be left."""


class ConflictingValuesWarning(UserWarning):
    """Two such values were sent, because the caller asked for it."""


class SendError(ProducerError):
    """The client refused the metric, and it was not taken."""


class NotDeliveredError(ProducerError):
    """One metric was taken and did not reach the topic.

    series_key  which series it belongs to
    reason      what Kafka said, and what to do about it
    metric      the metric itself, with the knowledge_time that it was sent with: to be kept, or sent again
    """

    def __init__(self, reason: str, *, series_key: str, value: bytes, header_bytes: int) -> None:
        super().__init__(f"{series_key} was not delivered: {reason}")
        self.reason = reason
        self.series_key = series_key
        self._value = value
        self._header_bytes = header_bytes

    @property
    def metric(self) -> Metric:
        return decode_metric(self._value[self._header_bytes :])


class VisibilityError(ProducerError):
    """Whether ClickHouse has what was sent cannot be found out."""


class VisibilityTimeoutError(VisibilityError):
    """ClickHouse does not have everything when the time is over; it is in the topic, and may be stored later.

    behind   how many offsets each partition still has to go, by partition; empty when Kafka did not answer
    members  how many consumers the group has; None when Kafka did not say
    """

    def __init__(self, message: str, *, behind: Mapping[int, int], members: int | None) -> None:
        super().__init__(message)
        self.behind = dict(behind)
        self.members = members


class DeliveryError(ProducerError):
    """Metrics did not reach the topic since the last flush.

    failed   how many are given up
    queued   how many are still in the queue (FlushTimeoutError; given up, when it came from close)
    dropped  how many were never taken (on_full="drop")
    """

    def __init__(self, message: str, *, failed: int, queued: int = 0, dropped: int = 0) -> None:
        super().__init__(message)
        self.failed = failed
        self.queued = queued
        self.dropped = dropped


class FlushTimeoutError(DeliveryError):
    """Some metrics are still in the queue when the time is over."""
