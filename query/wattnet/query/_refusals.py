"""What ClickHouse's refusals mean to a reader, and what to do about them; by code, never by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import OperationalError

from wattnet.clickhouse import ClickHouseUnavailableError, DatabaseMissingError, StorageError
from wattnet.query._errors import AccessError, AnswerError, MemoryLimitError, SchemaTooOldError, TimeLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.exceptions import ClickHouseError

    from wattnet.clickhouse import ClickHouseSettings

# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
_NO_SUCH_COLUMN = frozenset({10, 16, 47})
_UNKNOWN_TABLE = 60
_UNKNOWN_DATABASE = 81
_TIMEOUT_EXCEEDED = 159
_TOO_MANY_SIMULTANEOUS_QUERIES = 202
_MEMORY_LIMIT_EXCEEDED = 241
_ACCESS_DENIED = 497


class BusyError(AnswerError):
    """ClickHouse has too many queries at this moment; the client tries again before anybody sees it."""


def in_words(
    error: ClickHouseError, settings: ClickHouseSettings, timeout_s: float, has_tables: Callable[[], bool]
) -> StorageError:
    """The error for what the driver raised; `has_tables` says whether the database holds any of ours."""
    where = f"database {settings.database!r} at {settings.address}"
    code = getattr(error, "code", None)
    if code in _NO_SUCH_COLUMN or (code == _UNKNOWN_TABLE and has_tables()):
        return SchemaTooOldError(
            f"{where} has older tables than this client reads ({_first_line(error)}): "
            "run `wattnet migrate up` with this version, or read with the version that made them"
        )
    if code in (_UNKNOWN_TABLE, _UNKNOWN_DATABASE):
        return DatabaseMissingError(
            f"{where} has no wattnet tables: make them with `wattnet init` (or `wattnet migrate up`), "
            "or name the database that has them (database=…, CLICKHOUSE_DATABASE)"
        )
    if code == _TIMEOUT_EXCEEDED:
        return time_limit(settings, timeout_s)
    if code == _MEMORY_LIMIT_EXCEEDED:
        return MemoryLimitError(
            f"{where} has not enough memory for this question: ask for less at once (a shorter range, fewer series), "
            f"or raise max_memory_usage of the user {settings.user!r}. ClickHouse says: {_first_line(error)}"
        )
    if code == _TOO_MANY_SIMULTANEOUS_QUERIES:
        return BusyError(f"{where} has too many queries at once: ask again later, or raise max_concurrent_queries")
    if code == _ACCESS_DENIED:
        return AccessError(
            f"the user {settings.user!r} may not read this in {where}: give it the role wattnet_reader "
            f"(grants.sql). ClickHouse says: {_first_line(error)}"
        )
    if isinstance(error, OperationalError) and code is None:
        # The driver's text is the whole URL with all parameters; it stays in the cause.
        return ClickHouseUnavailableError(
            f"no answer from ClickHouse at {settings.address}: is it running there, and not overloaded?"
        )
    return AnswerError(f"{where} refused the query or broke off its answer: {error}")


def time_limit(settings: ClickHouseSettings, timeout_s: float) -> TimeLimitError:
    return TimeLimitError(
        f"database {settings.database!r} at {settings.address} did not answer within timeout_s={timeout_s:g} seconds: "
        "ask for less (a shorter range, more labels, resample), or allow more with Client(timeout_s=…)"
    )


def _first_line(error: ClickHouseError) -> str:
    return str(error).strip().partition("\n")[0][:300]
