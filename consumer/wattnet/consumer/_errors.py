"""What can stop the consumer, and the exit code that says so.

ConsumerError                     70  internal (a wattnet.schemas.WattnetError)
├── ConfigurationError            78  a setting, a missing topic or table: somebody has to change something
├── ServiceUnavailableError       69  Kafka or ClickHouse did not come up, or drain was not possible in time
├── UnsafeToContinueError         70  going on would lose or double something
│   └── OffsetsGoneError              Kafka does not hold the next offset
├── DeadLetterError                2  what was asked for a dead letter cannot be done
├── TopicChangedError                 the topic was deleted or made again: start over with it
└── InsertError                       an insert failed
    ├── RetryableInsertError          may heal: the same bytes go again under the same token
    │   ├── TooMuchAtOnceError            short of memory, too many parts: the ranges after it are smaller
    │   └── DoubtfulInsertError           a record is broken, or a view behind the table is
    ├── PoisonError                   the data itself is refused
    └── FatalInsertError          78  ClickHouse will refuse whatever is sent: tables, rights
"""

from __future__ import annotations

from wattnet.schemas import WattnetError

EXIT_CLEAN = 0
EXIT_UNSEEN = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_INTERNAL = 70
EXIT_CONFIGURATION = 78


class ConsumerError(WattnetError):
    """Base of everything that this package raises; `cause` is what the Kafka or ClickHouse client raised."""

    exit_code = EXIT_INTERNAL


class ConfigurationError(ConsumerError):
    """Wrong settings, or a topic or table that is not there: it does not heal by itself."""

    exit_code = EXIT_CONFIGURATION


class ServiceUnavailableError(ConsumerError):
    """Kafka, ClickHouse or the schema registry did not answer in time."""

    exit_code = EXIT_UNAVAILABLE


class UnsafeToContinueError(ConsumerError):
    """Kafka and the ledger disagree in a way that no automatic step repairs without loss or doubles."""


class OffsetsGoneError(UnsafeToContinueError):
    """Kafka does not hold the offset to be read next: retention took it, or the topic is another one."""


class DeadLetterError(ConsumerError):
    """An address, a correction or a record that does not do; the message says why."""

    exit_code = EXIT_USAGE


class TopicChangedError(ConsumerError):
    """The topic is not the one that was subscribed to: it was deleted, or made again under its name."""


class InsertError(ConsumerError):
    """An insert was not acknowledged."""


class RetryableInsertError(InsertError):
    """Not acknowledged, or refused for a reason that passes."""


class TooMuchAtOnceError(RetryableInsertError):
    """ClickHouse is short of memory or has too many parts."""


class DoubtfulInsertError(RetryableInsertError):
    """Refused with a code that a broken record has, and a view that throws. Some tables may hold the rows then."""


class PoisonError(InsertError):
    """ClickHouse could not read the data, and stored nothing of it."""


class FatalInsertError(InsertError):
    """ClickHouse refuses every insert: tables, columns, rights or settings are wrong."""

    exit_code = EXIT_CONFIGURATION
