"""Read metrics: by time range, by labels, as they are known now or as they were known then."""

from __future__ import annotations

from wattnet.clickhouse import ClickHouseUnavailableError, DatabaseMissingError, StorageError
from wattnet.query._client import Client
from wattnet.query._errors import (
    AccessError,
    AnswerError,
    FilterError,
    InferredResolutionWarning,
    MemoryLimitError,
    MissingExtraError,
    QueryError,
    QuestionError,
    RowLimitError,
    SchemaTooOldError,
    TimeError,
    TimeLimitError,
    UnitError,
    UnknownLabelError,
    UnknownNameError,
)
from wattnet.query._query import Query
from wattnet.query._series import Series
from wattnet.query._times import parse_time

__all__ = [
    "AccessError",
    "AnswerError",
    "ClickHouseUnavailableError",
    "Client",
    "DatabaseMissingError",
    "FilterError",
    "InferredResolutionWarning",
    "MemoryLimitError",
    "MissingExtraError",
    "Query",
    "QueryError",
    "QuestionError",
    "RowLimitError",
    "SchemaTooOldError",
    "Series",
    "StorageError",
    "TimeError",
    "TimeLimitError",
    "UnitError",
    "UnknownLabelError",
    "UnknownNameError",
    "parse_time",
]
