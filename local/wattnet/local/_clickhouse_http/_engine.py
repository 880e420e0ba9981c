"""The engine, and one connection of it for each request."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
ERROR_CODE = re.compile(r"Code: (\d+)\.")
UNKNOWN_SETTING = 115

CONFIG = """\
<clickhouse>
    <timezone>UTC</timezone>
    <!-- It shares the machine with Kafka, the consumers and the user's own programs. -->
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>134217728</mark_cache_size>
    <index_mark_cache_size>67108864</index_mark_cache_size>
</clickhouse>
"""


class EngineError(Exception):
    """The engine refused; `code` is ClickHouse's error code, 0 where there is none."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = ERROR_CODE.search(text)
        self.code = int(found.group(1)) if found else 0


class Engine:
    """The engine over one folder, which must be the working directory. A process can have one."""

    def __init__(self, folder: Path, *, memory_bytes: int) -> None:
        import chdb

        (folder / "config.xml").write_text(CONFIG.format(memory=memory_bytes))
        # Relative, so that no character of the folder's path can be taken for a part of the connection string.
        self._address = "data?config-file=config.xml"
        self._native = chdb._chdb
        # The engine lives as long as a connection does.
        self._anchor = self._native.connect(self._address)
        self.version = self._anchor.query("SELECT version()", "TabSeparated").bytes().decode().strip()

    def connect(self, *, database: str, settings: Mapping[str, str]) -> Connection:
        """A connection with these settings. It costs 0.2 ms, so each request has its own and nothing can leak."""
        return Connection(self._native.connect(self._address), database=database, settings=settings)

    def close(self) -> None:
        """Write everything down and end the engine."""
        self._anchor.close()


class Connection:
    """One request's connection; a context manager. All methods raise EngineError."""

    def __init__(self, native: Any, *, database: str, settings: Mapping[str, str]) -> None:
        self._native = native
        try:
            if database:
                self.query(b"USE " + _quoted(database, "`"), "Null", {})
            if settings:
                pairs = (_setting_name(name) + b"=" + _quoted(value, "'") for name, value in settings.items())
                self.query(b"SET " + b", ".join(pairs), "Null", {})
        except EngineError:
            native.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._native.close()

    def query(self, sql: bytes, format_: str, parameters: Mapping[str, str]) -> Any:
        """The whole result, as chDB's result object."""
        try:
            return self._native.query(sql, format_, params=dict(parameters))
        except RuntimeError as exc:
            raise EngineError(str(exc)) from None

    def stream(self, sql: bytes, format_: str, parameters: Mapping[str, str]) -> Iterator[memoryview]:
        """The result block by block; an error may come at any of them."""
        try:
            result = self._native.send_query(sql, format_, params=dict(parameters))
            while True:
                block = self._native.streaming_fetch_result(result)
                if block is None or block.rows_read() == 0:
                    return
                yield memoryview(block.get_memview().view())
        except RuntimeError as exc:
            raise EngineError(str(exc)) from None

    def native_header(self, sql: bytes, parameters: Mapping[str, str]) -> bytes:
        """The block without rows that ClickHouse sends in format Native when nothing was found; chDB sends nothing."""
        try:
            described = self.query(b"DESCRIBE TABLE (" + sql + b"\n)", "JSONCompact", parameters)
        except EngineError:
            return b""
        columns = json.loads(described.bytes())["data"]
        texts = [text.encode() for column in columns for text in column[:2]]
        return _varint(len(columns)) + _varint(0) + b"".join(_varint(len(text)) + text for text in texts)


def _setting_name(name: str) -> bytes:
    if not SETTING_NAME.fullmatch(name):
        raise EngineError(f"Code: {UNKNOWN_SETTING}. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)")
    return name.encode()


def _quoted(text: str, quote: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return f"{quote}{escaped}{quote}".encode()


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
