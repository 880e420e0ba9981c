"""Read metrics: by time range, by labels, as they are known now or as they were known then."""

from __future__ import annotations

from wattnet.clickhouse import ClickHouseUnavailableError, DatabaseMissingError, StorageError
from wattnet.query._async_client import AsyncClient
from wattnet.query._async_follow import AsyncFollow
from wattnet.query._async_query import AsyncQuery
from wattnet.query._changed import Revised
from wattnet.query._client import Client
from wattnet.query._errors import (
    AccessError,
    AnswerError,
    FilterError,
    IncompleteBucketWarning,
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
    UnknownValueWarning,
    UnpairedForecastWarning,
)
from wattnet.query._findings import BalanceInterval, ExchangeInterval, ForecastAccuracy, Gap
from wattnet.query._follow import Follow
from wattnet.query._follow_reader import Change
from wattnet.query._query import Query
from wattnet.query._series import Series
from wattnet.query._table import Table
from wattnet.query._times import parse_time

__all__ = [
    "AccessError",
    "AnswerError",
    "AsyncClient",
    "AsyncFollow",
    "AsyncQuery",
    "BalanceInterval",
    "Change",
    "ClickHouseUnavailableError",
    "Client",
    "DatabaseMissingError",
    "ExchangeInterval",
    "FilterError",
    "Follow",
    "ForecastAccuracy",
    "Gap",
    "IncompleteBucketWarning",
    "InferredResolutionWarning",
    "MemoryLimitError",
    "MissingExtraError",
    "Query",
    "QueryError",
    "QuestionError",
    "ResumeError",
    "Revised",
    "RowLimitError",
    "SchemaTooOldError",
    "Series",
    "StorageError",
    "Table",
    "TimeError",
    "TimeLimitError",
    "UnitError",
    "UnknownLabelError",
    "UnknownNameError",
    "UnknownValueWarning",
    "UnpairedForecastWarning",
    "parse_time",
]
