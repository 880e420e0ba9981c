"""The engine, and one connection of it for each request."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

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
    <!-- BACKUP … TO File('name'): beside the data, so that they outlive it. -->
    <backups><allowed_path>{backups}</allowed_path></backups>
    <!-- Kafka tables: after a kill their partitions are free again in seconds, not in librdkafka's 45. -->
    <kafka>
        <session_timeout_ms>6000</session_timeout_ms>
        <heartbeat_interval_ms>500</heartbeat_interval_ms>
    </kafka>
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

        # Where chDB does not find this folder it takes the path for a throw-away one and starts no task that drops
        # tables for good: DROP … SYNC would wait forever, and dropped tables keep their disk.
        (folder / "data" / "metadata").mkdir(parents=True, exist_ok=True)
        backups = escape(str(folder.resolve().parent / "backups"))
        (folder / "config.xml").write_text(CONFIG.format(memory=memory_bytes, backups=backups))
        # Relative, so that no character of the folder's path can be taken for a part of the connection string.
        self._address = "data?config-file=config.xml"
        self._native = chdb._chdb
        # The engine lives as long as a connection does.
        self._anchor = self._native.connect(self._address)
        self._in_use = 0
        self._changed = threading.Condition()
        self.version = self._anchor.query("SELECT version()", "TabSeparated").bytes().decode().strip()

    @contextmanager
    def connect(self, *, database: str, settings: Mapping[str, str]) -> Iterator[Connection]:
        """A connection with these settings. It costs 0.2 ms, so each request has its own and nothing can leak."""
        with self._changed:
            self._in_use += 1
        try:
            with Connection(self._native.connect(self._address)) as connection:
                connection.prepare(database=database, settings=settings)
                yield connection
        finally:
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()

    def close(self, *, timeout_s: float) -> None:
        """Let requests that run finish for a while, then end the engine."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_use, timeout_s)
        self._anchor.close()


class Connection:
    """One request's connection; a context manager. All methods raise EngineError."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
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


def _setting_name(name: str) -> bytes:
    if not SETTING_NAME.fullmatch(name):
        raise EngineError(f"Code: {UNKNOWN_SETTING}. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)")
    return name.encode()


def _quoted(text: str, quote: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return f"{quote}{escaped}{quote}".encode()
