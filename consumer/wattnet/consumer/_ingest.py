"""One insert into metrics_ingest: one body, one block in every table, one token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

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

# ClickHouse's error codes (src/Common/ErrorCodes.cpp). What is in no set may heal, and is tried again.
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
FATAL_CODES = frozenset(
    {
        16,  # NO_SUCH_COLUMN_IN_TABLE
        60,  # UNKNOWN_TABLE
        81,  # UNKNOWN_DATABASE
        115,  # UNKNOWN_SETTING
        192,  # UNKNOWN_USER
        193,  # WRONG_PASSWORD
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
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

# Above every range: what is read in one piece stays one block, and a repeat under the same token is the same block.
BLOCK_ROWS = 1_048_449
SETTINGS = {
    "async_insert": 0,  # the acknowledgement must mean stored
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "distributed_foreground_insert": 1,  # likewise, where metrics_ingest is the front of a cluster's shards
    "input_format_avro_allow_missing_fields": 1,
    "input_format_parallel_parsing": 0,
    "max_insert_block_size": BLOCK_ROWS,
    "min_insert_block_size_rows": BLOCK_ROWS,
    "min_insert_block_size_bytes": 0,
    # A revision that is twice in one range is collapsed by merges and FINAL, as any other; looking for it in each
    # insert costs an eighth of the rate.
    "optimize_on_insert": 0,
}


class Ingest(Protocol):
    """Where container files go."""

    def insert(self, body: bytes, token: str) -> None:
        """Store the container file, once for each token; raises an InsertError of the right kind."""


class ClickHouseIngest:
    """Inserts over HTTP. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def insert(self, body: bytes, token: str) -> None:
        """See Ingest. What is ambiguous (a timeout, a closed connection) is a RetryableInsertError."""
        try:
            self._client.raw_insert(
                "metrics_ingest",
                insert_block=body,
                fmt="Avro",
                settings={**SETTINGS, "insert_deduplication_token": token},
            )
        except Error as exc:
            raise _by_kind(exc) from exc
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
            raise RetryableInsertError(f"ClickHouse did not acknowledge an insert: {exc}") from exc


def _by_kind(exc: Error) -> InsertError:
    if exc.code in POISON_CODES:
        return PoisonError(str(exc))
    if exc.code in DOUBTFUL_CODES:
        return DoubtfulInsertError(f"ClickHouse refuses an insert, for a broken record or a broken view: {exc}")
    if exc.code in FATAL_CODES:
        return FatalInsertError(f"ClickHouse refuses every insert: {exc}. Run `wattnet migrate status`, check rights")
    if exc.code in TOO_MUCH_CODES:
        return TooMuchAtOnceError(f"ClickHouse has too much to do: {exc}")
    return RetryableInsertError(f"ClickHouse did not take an insert: {exc}")
