"""One place that talks to ClickHouse: connects at the first question, within limits, and again where it was away."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from clickhouse_connect.driver.exceptions import ClickHouseError

from wattnet.clickhouse import ClickHouseUnavailableError, connect
from wattnet.query._errors import QuestionError, RowLimitError
from wattnet.query._refusals import BusyError, in_words, time_limit
from wattnet.query._remembered import Remembered
from wattnet.query._states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.clickhouse import ClickHouseSettings

# Before each further try, up to so many seconds: what is away for a moment is back, and many readers spread out.
_PAUSES_S = (0.2, 0.6, 1.8)
# The server ends a query by itself; the connection waits a little longer for it to say so.
_GRACE_S = 5.0
_MAX_BESIDE = 8

Answer = TypeVar("Answer")


class Database:
    """Threads may share it. Raises StorageErrors only."""

    def __init__(
        self,
        settings: ClickHouseSettings,
        *,
        timeout_s: float = 60.0,
        max_rows: int = 10_000_000,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        if not timeout_s > 0:
            raise QuestionError(f"timeout_s={timeout_s!r} is no limit: give a number of seconds above 0")
        if max_rows < 1:
            raise QuestionError(f"max_rows={max_rows!r} is no limit: give a number of rows of at least 1")
        self.settings = settings
        self.timeout_s = timeout_s
        self.max_rows = max_rows
        self._pause = pause
        self._driver: Driver | None = None
        self._connecting = Lock()
        self._beside: ThreadPoolExecutor | None = None
        self.remembered = Remembered()
        self.states = States()

    def beside(self, ask: Callable[[], Answer]) -> Future[Answer]:
        """Ask something small at the same time, by a connection of its own. It must not ask beside itself."""
        with self._connecting:
            if self._beside is None:
                self._beside = ThreadPoolExecutor(_MAX_BESIDE, "wattnet-query")
            return self._beside.submit(ask)

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a small answer."""

        def ask() -> list[tuple[Any, ...]]:
            with self._in_words():
                driver = self._connected()
                answer = driver.query(sql, parameters=dict(parameters), settings=self._settings(driver))
                return [tuple(row) for row in answer.result_rows]

        return self._tried(ask)

    def blocks(
        self, sql: str, parameters: Mapping[str, object], *, rows_before: int = 0, small: bool = False
    ) -> list[Sequence[Any]]:
        """A large answer: blocks as `stream` has them. Raises RowLimitError for more than max_rows.

        rows_before  how many rows other statements have brought already
        small        whether it reads so little that one thread does it best
        """

        def ask() -> list[Sequence[Any]]:
            rows, blocks = rows_before, []
            for block in self._stream(sql, parameters, small=small):
                rows += len(block[0])
                if rows > self.max_rows:
                    raise RowLimitError(
                        f"the answer has more than max_rows={self.max_rows:,} rows: ask for less (a shorter range, "
                        "more labels, resample, limit), read it with iter_rows or iter_batches, which keep no row, "
                        "or allow more with Client(max_rows=…)"
                    )
                blocks.append(block)
            return blocks

        return self._tried(ask)

    def stream(self, sql: str, parameters: Mapping[str, object]) -> Iterator[Sequence[Any]]:
        """A large answer as it arrives, block by block: sequences of columns, numbers as arrays, times as microseconds.

        Closing the iterator closes the connection that is being read. It is tried again until the first block is there.
        """

        def begin() -> tuple[Iterator[Sequence[Any]], Sequence[Any] | None]:
            blocks = self._stream(sql, parameters)
            return blocks, next(blocks, None)

        blocks, first = self._tried(begin)
        if first is not None:
            yield first
            yield from blocks

    def close(self) -> None:
        """Give the connections back; the next question connects again."""
        with self._connecting:
            driver, self._driver = self._driver, None
            beside, self._beside = self._beside, None
        if beside is not None:
            beside.shutdown(wait=False)
        if driver is not None:
            driver.close()

    def _stream(self, sql: str, parameters: Mapping[str, object], *, small: bool = False) -> Iterator[Sequence[Any]]:
        deadline = time.monotonic() + self.timeout_s + _GRACE_S
        with self._in_words():
            driver = self._connected()
            with driver.query_column_block_stream(
                sql,
                parameters=dict(parameters),
                settings=self._settings(driver, **({"max_final_threads": 1} if small else {})),
                query_formats={"DateTime64": "int"},
            ) as stream:
                for block in stream:
                    if len(block) and len(block[0]):
                        yield block
                        if time.monotonic() > deadline:  # for users who may not set max_execution_time
                            raise time_limit(self.settings, self.timeout_s)

    def _tried(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, and ask again where it could be better later: nothing is changed by reading twice."""
        for pause_s in _PAUSES_S:
            try:
                return ask()
            except (BusyError, ClickHouseUnavailableError):  # noqa: PERF203  each try is a query
                self._pause(random.uniform(pause_s / 2, pause_s))  # noqa: S311  spreads readers, and is no secret
        return ask()

    def _connected(self) -> Driver:
        with self._connecting:
            if self._driver is None:
                self._driver = connect(self.settings, timeout_s=self.timeout_s + _GRACE_S)
            return self._driver

    def _settings(self, driver: Driver, **more: float) -> dict[str, float]:
        """Readers often have a profile that may change no settings: then the answer is the same, only slower."""
        wanted = {
            # The tables' years are independent, so FINAL need not look across them; the views say the same.
            "do_not_merge_across_partitions_select_final": 1,
            "max_execution_time": self.timeout_s,
            **more,
        }
        known = driver.server_settings
        return {name: value for name, value in wanted.items() if name in known and not known[name].readonly}

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except ClickHouseError as exc:
            raise in_words(exc, self.settings, self.timeout_s, self._has_tables).caused_by(exc) from None

    def _has_tables(self) -> bool:
        try:
            tables = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'metrics'"
            return self._connected().command(tables) == 1
        except ClickHouseError:
            return False
