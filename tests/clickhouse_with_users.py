"""python clickhouse_with_users.py PORT FOLDER RIGHTS: LocalStack's ClickHouse, where the engine holds users to rights.

RIGHTS is a script of grants, or what a server has in users.d.

chDB has no place for users that CREATE USER could write to, but takes them from its configuration, and a session can
become another user (EXECUTE AS). So each role of grants.sql is a user here, and a request's user is who runs it.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from wattnet.local._clickhouse import ClickHouse
from wattnet.local._clickhouse_http import _engine
from wattnet.local._clickhouse_http._handler import Handler
from wattnet.local._folder import DataFolder
from wattnet.local._ports import HOST, free_port
from wattnet.local._service import Command, Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wattnet.local._clickhouse_http._connection import Connection

GRANT = re.compile(r"^(GRANT .+?) TO (\w+);$", re.MULTILINE)
CONFIG = """\
    <allow_impersonate_user>1</allow_impersonate_user>
    <access_control_improvements>
        <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    </access_control_improvements>
    <users_config>users.xml</users_config>
</clickhouse>
"""
USER = """
<{name}>
    <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
    <grants>{grants}</grants>
</{name}>
"""


def users_xml(script: str = "") -> str:
    """An administrator, and the roles of a script of grants, as users of ClickHouse's configuration."""
    granted: dict[str, list[str]] = {"default": ["GRANT ALL ON *.* WITH GRANT OPTION"]}
    for statement, role in GRANT.findall(script):
        granted.setdefault(role, []).append(statement)
    users = "".join(
        USER.format(name=name, grants="".join(f"<query>{escape(one)}</query>" for one in grants))
        for name, grants in granted.items()
    )
    return f"<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>{users}</users></clickhouse>"


asking = threading.local()


class EngineWithUsers(_engine.Engine):
    @contextmanager
    def connect(self, *, database: str, settings: Mapping[str, str]) -> Iterator[Connection]:
        with super().connect(database=database, settings=settings) as connection:
            if asking.user != "default":
                connection.query(f"EXECUTE AS `{asking.user}`".encode(), "Null", {})
            yield connection
            connection.untouched = False  # it stays this user's


class HandlerWithUsers(Handler):
    def _answer(self, *, read_only: bool) -> None:
        scheme, _, credentials = (self.headers["Authorization"] or "").partition(" ")
        asking.user = base64.b64decode(credentials).decode().split(":")[0] if scheme == "Basic" else "default"
        super()._answer(read_only=read_only)


class ClickHouseWithUsers(ClickHouse):
    """The engine in a process, with the rights of a file; `env` is what that file takes from the environment."""

    def __init__(self, folder: Path, *, port: int, rights: Path, env: Mapping[str, str]) -> None:
        super().__init__(folder, port=port)
        self._own, self._env = [str(port), str(folder), str(rights)], env

    def command(self) -> Command:
        command = super().command()
        return Command([sys.executable, __file__, *self._own], folder=command.folder, env={**command.env, **self._env})


@contextmanager
def clickhouse_with_users(folder: Path, rights: Path, **env: str) -> Iterator[str]:
    """Its URL, while it runs."""
    data = DataFolder(folder)
    data.lock()
    clickhouse = ClickHouseWithUsers(folder / "clickhouse", port=free_port(taken=set()), rights=rights, env=env)
    service = Service(clickhouse, data, timeout_s=120)
    try:
        service.start()
        yield clickhouse.url
    finally:
        service.stop()
        data.unlock()


def main(port: int, folder: Path, rights: Path) -> None:
    text = rights.read_text()
    (folder / "users.xml").write_text(users_xml(text if rights.suffix == ".sql" else ""))
    if rights.suffix == ".xml":
        (folder / "users.d").mkdir(exist_ok=True)
        # A server's own configuration allows this one, the embedded engine reads its users before that part of it.
        (folder / "users.d" / rights.name).write_text(text.replace("<changeable_in_readonly/>", ""))
    _engine.CONFIG = _engine.CONFIG.replace("</clickhouse>\n", CONFIG)
    engine = EngineWithUsers(folder, memory_bytes=2 << 30)
    ThreadingHTTPServer((HOST, port), type("Bound", (HandlerWithUsers,), {"engine": engine})).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
