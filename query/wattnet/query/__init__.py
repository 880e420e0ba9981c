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
    ResumeError,
    RowLimitError,
    SchemaTooOldError,
    TimeError,
    TimeLimitError,
    UnitError,
    UnknownLabelError,
    UnknownNameError,
)
from wattnet.query._follow import Follow
from wattnet.query._follow_reader import Change
from wattnet.query._query import Query
from wattnet.query._series import Series
from wattnet.query._times import parse_time

__all__ = [
    "AccessError",
    "AnswerError",
    "Change",
    "ClickHouseUnavailableError",
    "Client",
    "DatabaseMissingError",
    "FilterError",
    "Follow",
    "InferredResolutionWarning",
    "MemoryLimitError",
    "MissingExtraError",
    "Query",
    "QueryError",
    "QuestionError",
    "ResumeError",
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
