"""The engine, and a connection of it for each request."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from wattnet.local._clickhouse_http._connection import Connection
from wattnet.local._clickhouse_http._idle import IdleConnections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

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
        self._idle = IdleConnections()
        self._in_use = 0
        self._changed = threading.Condition()
        self.version = self._anchor.query("SELECT version()", "TabSeparated").bytes().decode().strip()

    @contextmanager
    def connect(self, *, database: str, settings: Mapping[str, str]) -> Iterator[Connection]:
        """A connection in this database with these settings, in which nothing is left of any request before.

        To open and prepare one costs as much as a small question. So those that were left untouched wait for a next
        request of the same database and settings; all others are closed.
        """
        with self._changed:
            self._in_use += 1
        try:
            kind = (database, *settings.items())
            generation = self._idle.generation
            connection = self._idle.take(kind) or self._open(database, settings)
            connection.untouched = False
            finished = False
            try:
                yield connection
                finished = True
            finally:
                if finished and connection.untouched:
                    self._idle.put(kind, connection, generation=generation)
                else:
                    connection.close()
        finally:
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()

    def _open(self, database: str, settings: Mapping[str, str]) -> Connection:
        connection = Connection(self._native.connect(self._address))
        try:
            connection.prepare(database=database, settings=settings)
        except BaseException:
            connection.close()
            raise
        return connection

    def renew_connections(self) -> None:
        """After a change that connections of before would not see: the database that they are in may be gone."""
        self._idle.close()

    def close(self, *, timeout_s: float) -> None:
        """Let requests that run finish for a while, then end the engine."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_use, timeout_s)
        self._idle.close()
        self._anchor.close()
