"""What can go wrong when reading. Every message names the value, the rule and the remedy.

StorageError (of wattnet.clickhouse)
├── ClickHouseUnavailableError   nothing answers at the address, also after some tries
├── DatabaseMissingError         it answers, but the database or its tables are not there
├── SchemaTooOldError            the tables are there, and older than this client
└── QueryError
    ├── QuestionError (ValueError)          the question itself is wrong, or contradicts itself
    │   ├── TimeError                       a time that is no moment, or an end before its start
    │   ├── FilterError                     a value that no label could have
    │   ├── ResumeError                     a token of another question, or of a table that is no longer there
    │   ├── UnitError                       units that are no power or energy, or that are mixed
    │   ├── UnknownNameError (LookupError)  nothing is stored under this metric name
    │   └── UnknownLabelError (LookupError) no series of this name has a label of this name
    ├── MissingExtraError (ImportError)     the answer's form needs a package that is not installed
    ├── AccessError                         the user may not read this
    └── AnswerError                         ClickHouse refused the query, or its answer broke off
        ├── RowLimitError                   more rows than the client's max_rows
        ├── TimeLimitError                  it took longer than the client's timeout_s
        └── MemoryLimitError                it takes more memory than ClickHouse gives one query

InferredResolutionWarning (UserWarning)     the answer rests on a step that was inferred from the values
UnknownValueWarning (UserWarning)           no series has the wanted value of a label
IncompleteBucketWarning (UserWarning)       buckets without energy or power, because values are missing in them
"""

from __future__ import annotations

from wattnet.clickhouse import StorageError


class SchemaTooOldError(StorageError):
    """The tables lack something that this version of the client reads."""


class QueryError(StorageError):
    """Base of the errors that only readers meet."""


class QuestionError(QueryError, ValueError):
    """The question is wrong as it stands."""


class TimeError(QuestionError):
    """A time that names no moment, or an end before its start."""


class FilterError(QuestionError):
    """A filter with a value that no label could have."""


class ResumeError(QuestionError):
    """Following cannot go on where the token says."""


class UnitError(QuestionError):
    """A unit that is neither power nor energy, or several where one is needed."""


class UnknownNameError(QuestionError, LookupError):
    """Nothing is stored under this metric name."""


class UnknownLabelError(QuestionError, LookupError):
    """No series of this metric name has a label of this name."""


class MissingExtraError(QueryError, ImportError):
    """The answer's form needs a package that is not installed."""


class AccessError(QueryError):
    """The user may not read this."""


class AnswerError(QueryError):
    """ClickHouse refused the query, or its answer broke off."""


class RowLimitError(AnswerError):
    """The answer has more rows than the client's max_rows."""


class TimeLimitError(AnswerError):
    """The answer took longer than the client's timeout_s."""


class MemoryLimitError(AnswerError):
    """The answer takes more memory than ClickHouse gives one query."""


class InferredResolutionWarning(UserWarning):
    """Values do not say for how long they stand; the most frequent gap around them was taken."""


class UnknownValueWarning(UserWarning):
    """No series has the wanted value for a label: a typo, or a zone without data yet."""


class UnpairedForecastWarning(UserWarning):
    """Values of forecasts could not be compared, because what happened in their intervals is not known in whole."""


class IncompleteBucketWarning(UserWarning):
    """Buckets have no energy (or mean power), because values are missing in part of their time."""
