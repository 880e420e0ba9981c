"""One insert into metrics_ingest: one body, one block in every table, one token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from wattnet.clickhouse import INSERT_SETTINGS, heals
from wattnet.consumer._errors import (
    DoubtfulInsertError,
    FatalInsertError,
    InsertError,
    PoisonError,
    RetryableInsertError,
    TooMuchAtOnceError,
)

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

# ClickHouse's error codes (src/Common/ErrorCodes.cpp). What is neither here nor fatal may heal, and is tried again.
POISON_CODES = frozenset(
    {
        1001,  # STD_EXCEPTION: what the Avro library throws
    }
)
# A view that parses text throws the same, when other tables have their rows already: without one broken record in it
# the range must go in again as it is, or those rows are there twice.
DOUBTFUL_CODES = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA
        69,  # ARGUMENT_OUT_OF_BOUND
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
    }
)
# May heal, and smaller ranges help.
TOO_MUCH_CODES = frozenset(
    {
        173,  # CANNOT_ALLOCATE_MEMORY
        241,  # MEMORY_LIMIT_EXCEEDED
        252,  # TOO_MANY_PARTS
    }
)

# What an insert takes, views included, is 10 to 25 times its body (measured: usual metrics, many labels, none).
LIMIT_PER_BYTE = 64
LEAST_LIMIT_BYTES = 64 * 2**20
MAX_MEMORY = "max_memory_usage"

SETTINGS = {
    **INSERT_SETTINGS,
    "input_format_avro_allow_missing_fields": 1,
    "input_format_parallel_parsing": 0,  # a range stays one block
}


class Ingest(Protocol):
    """Where container files go."""

    def insert(self, body: bytes, token: str, *, limited: bool = False) -> None:
        """Store the container file, once for each token; raises an InsertError of the right kind.

        When `limited`, it gets the memory that a body of its size needs, and TooMuchAtOnceError where it wants more.
        """


class ClickHouseIngest:
    """Inserts over HTTP. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        theirs = client.server_settings.get(MAX_MEMORY)
        # A profile's own limit is never raised, nor one that may not be set.
        self._profile_limit = int(theirs.value) if theirs is not None else 0
        self._may_limit = theirs is not None and not theirs.readonly

    def insert(self, body: bytes, token: str, *, limited: bool = False) -> None:
        """See Ingest. What is ambiguous (a timeout, a closed connection) is a RetryableInsertError."""
        settings = {**SETTINGS, "insert_deduplication_token": token}
        if limited and self._may_limit:
            limit = memory_limit_bytes(len(body))
            settings[MAX_MEMORY] = min(limit, self._profile_limit) if self._profile_limit else limit
        try:
            self._client.raw_insert(
                "metrics_ingest",
                insert_block=body,
                fmt="Avro",
                settings=settings,
            )
        except Error as exc:
            raise _by_kind(exc).caused_by(exc) from None
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
            raise RetryableInsertError(f"ClickHouse did not acknowledge an insert: {exc}").caused_by(exc) from None


def memory_limit_bytes(body_bytes: int) -> int:
    """The memory that an insert of a body of this size may take."""
    return LEAST_LIMIT_BYTES + LIMIT_PER_BYTE * body_bytes


def _by_kind(exc: Error) -> InsertError:
    if exc.code in POISON_CODES:
        return PoisonError(str(exc))
    if exc.code in DOUBTFUL_CODES:
        return DoubtfulInsertError(f"ClickHouse refuses an insert, for a broken record or a broken view: {exc}")
    if not heals(exc.code):
        return FatalInsertError(f"ClickHouse refuses every insert: {exc}. Run `wattnet migrate status`, check rights")
    if exc.code in TOO_MUCH_CODES:
        return TooMuchAtOnceError(f"ClickHouse has too much to do: {exc}")
    return RetryableInsertError(f"ClickHouse did not take an insert: {exc}")
