"""Read metrics: by time range, by labels, as they are known now or as they were known then."""

from __future__ import annotations

from wattnet.clickhouse import ClickHouseUnavailableError, DatabaseMissingError, StorageError
from wattnet.query._client import Client
from wattnet.query._errors import (
    AnswerError,
    FilterError,
    MissingExtraError,
    QueryError,
    QuestionError,
    TimeError,
    UnknownLabelError,
    UnknownNameError,
)
from wattnet.query._query import Query
from wattnet.query._series import Series
from wattnet.query._times import parse_time

__all__ = [
    "AnswerError",
    "ClickHouseUnavailableError",
    "Client",
    "DatabaseMissingError",
    "FilterError",
    "MissingExtraError",
    "Query",
    "QueryError",
    "QuestionError",
    "Series",
    "StorageError",
    "TimeError",
    "UnknownLabelError",
    "UnknownNameError",
    "parse_time",
]
