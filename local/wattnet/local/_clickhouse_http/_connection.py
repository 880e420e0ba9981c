"""One connection of the engine: its database and settings, and what is asked over it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
ERROR_CODE = re.compile(r"Code: (\d+)\.")
UNKNOWN_SETTING = 115


class EngineError(Exception):
    """The engine refused; `code` is ClickHouse's error code, 0 where there is none."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = ERROR_CODE.search(text)
        self.code = int(found.group(1)) if found else 0


class Connection:
    """For one request at a time. `query`, `stream` and `prepare` raise EngineError.

    `untouched` is for the one who knows what was asked: that nothing is left in it which a next request could see.
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        self.untouched = False

    def close(self) -> None:
        self._native.close()

    def prepare(self, *, database: str, settings: Mapping[str, str]) -> None:
        """Make `database` the current one and set the settings; all values are taken as text, never as SQL."""
        if database:
            self.query(b"USE " + _quoted(database, "`"), "Null", {})
        if settings:
            pairs = (_setting_name(name) + b"=" + _quoted(value, "'") for name, value in settings.items())
            self.query(b"SET " + b", ".join(pairs), "Null", {})

    def query(self, sql: bytes, format_: str, parameters: Mapping[str, str]) -> Any:
        """The whole result, as chDB's result object."""
        try:
            return self._native.query(sql, format_, params=dict(parameters))
        except RuntimeError as exc:
            raise EngineError(str(exc)) from None

    def stream(self, sql: bytes, format_: str, parameters: Mapping[str, str]) -> Iterator[memoryview]:
        """The result block by block; an error may come at any of them.

        A connection whose result was not fetched to its end is of no use: it answers the next statements with nothing.
        """
        try:
            result = self._native.send_query(sql, format_, params=dict(parameters))
            while True:
                block = self._native.streaming_fetch_result(result)
                if block is None or block.rows_read() == 0:
                    return
                yield memoryview(block.get_memview().view())
        except RuntimeError as exc:
            raise EngineError(str(exc)) from None


def _setting_name(name: str) -> bytes:
    if not SETTING_NAME.fullmatch(name):
        raise EngineError(f"Code: {UNKNOWN_SETTING}. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)")
    return name.encode()


def _quoted(text: str, quote: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return f"{quote}{escaped}{quote}".encode()
