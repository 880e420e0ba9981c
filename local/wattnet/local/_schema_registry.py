"""Apicurio Registry, which speaks Confluent's schema registry API."""

from __future__ import annotations

import json
import tarfile
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from wattnet.local._downloads import fetch_once, java
from wattnet.local._ports import HOST, is_open
from wattnet.local._service import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jgo.maven import MavenContext

TITLE = "Apicurio Registry"
VERSION = "3.3.3"


def install_schema_registry(*, progress: Callable[[str], None]) -> Path:
    """The folder with the registry's programs, filled the first time."""
    return fetch_once(TITLE, VERSION, _fetch, progress=progress)


class SchemaRegistry:
    """The registry on `port`, its schemas in `folder`."""

    name = "schema registry"

    def __init__(self, folder: Path, *, programs: Path, port: int, management_port: int) -> None:
        self._folder = folder
        self._jar = next(programs.rglob("quarkus-run.jar"))
        self._port = port
        self._management_port = management_port

    @property
    def ports(self) -> tuple[int, ...]:
        return self._port, self._management_port

    @property
    def url(self) -> str:
        """The Confluent-compatible API, as clients take it."""
        return f"http://{HOST}:{self._port}/apis/ccompat/v7"

    def command(self) -> Command:
        self._folder.mkdir(exist_ok=True)
        return Command(
            [
                java(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                # Without the delay of half a second in which a kill would lose a schema that was given an id.
                "-Dapicurio.datasource.url=jdbc:h2:file:./data;WRITE_DELAY=0",
                "-jar",
                str(self._jar),
            ],
            folder=self._folder,
            env={
                "QUARKUS_LOG_LEVEL": "WARN",
                "QUARKUS_HTTP_HOST": HOST,
                "QUARKUS_HTTP_PORT": str(self._port),
                "QUARKUS_MANAGEMENT_HOST": HOST,
                "QUARKUS_MANAGEMENT_PORT": str(self._management_port),
            },
        )

    def ready(self) -> bool:
        """Serves, and checks compatibility as Confluent's does: Apicurio's own default is to check nothing."""
        if not is_open(self._port):
            return False
        change = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}/config",
            method="PUT",
            data=json.dumps({"compatibility": "BACKWARD"}).encode(),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
        )
        try:
            with urllib.request.urlopen(change, timeout=2) as response:  # noqa: S310
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def _fetch(maven: MavenContext, folder: Path) -> None:
    component = maven.project("io.apicurio", "apicurio-registry-app").at_version(VERSION)
    archive = component.artifact(classifier="all", packaging="tar.gz").resolve()
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
