"""The ClickHouse engine (chDB) in a process of its own that speaks ClickHouse's HTTP interface."""

from __future__ import annotations

import http.client
import importlib.util
import sys
from typing import TYPE_CHECKING

from wattnet.local._errors import MissingExtraError
from wattnet.local._ports import HOST, is_open
from wattnet.local._service import Command

if TYPE_CHECKING:
    from pathlib import Path


class ClickHouse:
    """The engine on `port`, its data in `folder`."""

    name = "ClickHouse"

    def __init__(self, folder: Path, *, port: int) -> None:
        self._folder = folder
        self._port = port

    @property
    def ports(self) -> tuple[int, ...]:
        return (self._port,)

    @property
    def url(self) -> str:
        """Its HTTP interface."""
        return f"http://{HOST}:{self._port}"

    def command(self) -> Command:
        if importlib.util.find_spec("chdb") is None:
            raise MissingExtraError(
                "the embedded ClickHouse is the package chdb-core. Install with: pip install 'wattnet-storage[local]'"
            )
        self._folder.mkdir(exist_ok=True)
        return Command(
            [sys.executable, "-m", "wattnet.local._clickhouse_http", str(self._port), str(self._folder)],
            folder=self._folder,
            env={"TZ": "UTC"},
        )

    def ready(self) -> bool:
        if not is_open(self._port):
            return False
        connection = http.client.HTTPConnection(HOST, self._port, timeout=1)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
