"""Straight into the ingest table: a call is one insert under a token, so repeating it stores nothing twice."""

from __future__ import annotations

import random
import time
import uuid
from typing import TYPE_CHECKING

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from wattnet.clickhouse import BLOCK_ROWS, INSERT_SETTINGS, heals
from wattnet.storage._errors import Failure
from wattnet.storage._knowledge import knowledge_times_us
from wattnet.storage._native import TOPIC, block
from wattnet.storage.utils import log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.storage._columns import Columns
    from wattnet.storage.models import Metric

# Before each further try, up to so many seconds.
PAUSES_S = (0.2, 0.6, 1.8, 5.4)
# Of a user whose profile forbids inserts (src/Common/ErrorCodes.cpp): a consumer waits until that changes.

_logger = log.get(__name__)


class DirectWriter:
    """Threads may share it."""

    def __init__(self, driver: Driver, *, pause: Callable[[float], object] = time.sleep) -> None:
        self._driver = driver
        self._pause = pause

    def write(self, columns: Columns, metrics: Sequence[Metric]) -> list[Failure]:
        """Return when ClickHouse has stored the rows, with those that it has not (`metrics` is the list they are of).

        What is ambiguous, such as a connection that broke, is tried again under the same token.
        """
        count = len(columns.place)
        call, now_ms, known_us = str(uuid.uuid4()), time.time_ns() // 1_000_000, knowledge_times_us(count)
        for start in range(0, count, BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, count))
            body = block(columns, rows, call=call, count=count, now_ms=now_ms, knowledge_time_us=known_us)
            reason = self._insert(body, f"{TOPIC}/{call}/{rows.start}/{rows.stop}")
            if reason is not None:
                return [Failure(row, metrics[row], reason) for row in columns.position[start:].tolist()]
        return []

    def close(self) -> None:
        self._driver.close()

    def _insert(self, body: bytes, token: str) -> str | None:
        """Why it is not stored, as far as is known; None when it is."""
        for pause_s in (*PAUSES_S, None):
            try:
                self._driver.raw_insert(
                    "metrics_ingest",
                    insert_block=body,
                    fmt="Native",
                    settings={**INSERT_SETTINGS, "insert_deduplication_token": token},
                )
            except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:  # noqa: PERF203  each is an insert
                final = isinstance(exc, Error) and not heals(exc.code)
                if final or pause_s is None:
                    return f"ClickHouse did not acknowledge it: {exc}"
                _logger.warning("an insert into ClickHouse is tried again: %s", exc)
                self._pause(random.uniform(pause_s / 2, pause_s))  # noqa: S311  spreads writers, and is no secret
            else:
                return None
        return None
