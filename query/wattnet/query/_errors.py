"""What can go wrong when reading. Every message names the value, the rule and the remedy.

StorageError (of wattnet.clickhouse)
├── ClickHouseUnavailableError   nothing answers at the address
├── DatabaseMissingError         it answers, but the database or its tables are not there
└── QueryError
    ├── QuestionError (ValueError)          the question itself is wrong
    │   ├── TimeError                       a time that is no moment, or an end before its start
    │   ├── FilterError                     a value that no label could have
    │   ├── UnknownNameError (LookupError)  nothing is stored under this metric name
    │   └── UnknownLabelError (LookupError) no series of this name has a label of this name
    ├── MissingExtraError (ImportError)     the answer's form needs a package that is not installed
    └── AnswerError                         ClickHouse refused the query, or its answer broke off
"""

from __future__ import annotations

from wattnet.clickhouse import StorageError


class QueryError(StorageError):
    """Base of the errors that only readers meet."""


class QuestionError(QueryError, ValueError):
    """The question is wrong as it stands."""


class TimeError(QuestionError):
    """A time that names no moment, or an end before its start."""


class FilterError(QuestionError):
    """A filter with a value that no label could have."""


class UnknownNameError(QuestionError, LookupError):
    """Nothing is stored under this metric name."""


class UnknownLabelError(QuestionError, LookupError):
    """No series of this metric name has a label of this name."""


class MissingExtraError(QueryError, ImportError):
    """The answer's form needs a package that is not installed."""


class AnswerError(QueryError):
    """ClickHouse refused the query, or its answer broke off."""
