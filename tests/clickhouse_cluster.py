"""python clickhouse_cluster.py PORT FOLDER: LocalStack's ClickHouse as the one server of a cluster.

The engine has Distributed tables, but neither Keeper nor the queue of statements that ON CLUSTER needs. So these are
taken out of what it is told, and Replicated… becomes the engine that it replicates; all else is as a cluster gets it.
The cluster `grid` has one shard. In `pair` the engine is both of two shards: for reading only.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattnet.local._clickhouse import ClickHouse
from wattnet.local._clickhouse_http import _engine
from wattnet.local._clickhouse_http._connection import Connection
from wattnet.local._clickhouse_http._handler import Handler
from wattnet.local._folder import DataFolder
from wattnet.local._ports import HOST, free_port
from wattnet.local._service import Command, Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHARD = "<shard><replica><host>localhost</host><port>9000</port></replica></shard>"
CONFIG = f"""\
    <tcp_port>9000</tcp_port>
    <remote_servers><grid>{SHARD}</grid><pair>{SHARD}{SHARD}</pair></remote_servers>
</clickhouse>
"""
WITHOUT_KEEPER = (
    (re.compile(rb" ON CLUSTER [`\"]\w+[`\"]"), rb""),
    (re.compile(rb"\bReplicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?"), rb"\1("),
    (re.compile(rb"\breplicated(_deduplication_window = \d+), \w+ = \d+"), rb"non_replicated\1"),
)


class ConnectionWithoutKeeper(Connection):
    def query(self, sql: bytes, format_: str, parameters: Mapping[str, str]) -> Any:
        if sql.lstrip().startswith((b"CREATE", b"ALTER", b"DROP")):
            for pattern, replacement in WITHOUT_KEEPER:
                sql = pattern.sub(replacement, sql)
        return super().query(sql, format_, parameters)


class ClickHouseOfCluster(ClickHouse):
    def command(self) -> Command:
        command = super().command()
        own = [str(self._port), str(self._folder)]
        return Command([sys.executable, __file__, *own], folder=command.folder, env=command.env)


@contextmanager
def clickhouse_of_cluster(folder: Path) -> Iterator[str]:
    """Its URL, while it runs."""
    data = DataFolder(folder)
    data.lock()
    clickhouse = ClickHouseOfCluster(folder / "clickhouse", port=free_port(taken=set()))
    service = Service(clickhouse, data, timeout_s=120)
    try:
        service.start()
        yield clickhouse.url
    finally:
        service.stop()
        data.unlock()


def main(port: int, folder: Path) -> None:
    _engine.CONFIG = _engine.CONFIG.replace("</clickhouse>\n", CONFIG)
    _engine.Connection = ConnectionWithoutKeeper  # type: ignore[attr-defined]  # this process is nothing but the engine
    engine = _engine.Engine(folder, memory_bytes=2 << 30)
    ThreadingHTTPServer((HOST, port), type("Bound", (Handler,), {"engine": engine})).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
