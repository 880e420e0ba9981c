"""One place that talks to ClickHouse: connects at the first question, and says in words what can go wrong."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from wattnet.clickhouse import ClickHouseUnavailableError, DatabaseMissingError, connect
from wattnet.query._errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.clickhouse import ClickHouseSettings

UNKNOWN_TABLE = 60
UNKNOWN_DATABASE = 81

# The tables' years are independent, so FINAL need not look across them; the views say the same.
_SETTINGS = {"do_not_merge_across_partitions_select_final": 1}


class Database:
    """Threads may share it. Raises StorageErrors only."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.settings = settings
        self._driver: Driver | None = None
        self._connecting = Lock()

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a small answer."""
        with self._in_words():
            driver = self._connected()
            return [tuple(row) for row in driver.query(sql, parameters=dict(parameters)).result_rows]

    def stream(self, sql: str, parameters: Mapping[str, object]) -> Iterator[Sequence[Any]]:
        """A large answer as it arrives, block by block: sequences of columns, numbers as arrays, times as microseconds.

        Closing the iterator closes the connection that is being read.
        """
        with self._in_words():
            driver = self._connected()
            with driver.query_column_block_stream(
                sql,
                parameters=dict(parameters),
                settings=_allowed(driver),
                query_formats={"DateTime64": "int"},
            ) as stream:
                for block in stream:
                    if len(block) and len(block[0]):
                        yield block

    def close(self) -> None:
        """Give the connections back; the next question connects again."""
        with self._connecting:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _connected(self) -> Driver:
        with self._connecting:
            if self._driver is None:
                self._driver = connect(self.settings)
            return self._driver

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        where = f"database {self.settings.database!r} at {self.settings.address}"
        try:
            yield
        except ClickHouseError as exc:
            code = getattr(exc, "code", None)
            if code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
                raise DatabaseMissingError(
                    f"{where} has no wattnet tables: make them with `wattnet init` (or `wattnet migrate up`), "
                    "or name the database that has them (database=…, CLICKHOUSE_DATABASE)"
                ) from exc
            if isinstance(exc, OperationalError) and code is None:
                # The driver's text is the whole URL with all parameters; it stays in the cause.
                raise ClickHouseUnavailableError(
                    f"no answer from ClickHouse at {self.settings.address}: is it running there, and not overloaded?"
                ) from exc
            raise AnswerError(f"{where} refused the query or broke off its answer: {exc}") from exc


def _allowed(driver: Driver) -> dict[str, int]:
    """Readers often have a profile that may change no settings; the answer is the same without them, only slower."""
    known = driver.server_settings
    return {name: value for name, value in _SETTINGS.items() if name in known and not known[name].readonly}
