"""Kafka and ClickHouse in one folder, started and stopped as one."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wattnet.local._clickhouse import ClickHouse
from wattnet.local._errors import LocalStackError
from wattnet.local._folder import DataFolder
from wattnet.local._kafka import Kafka
from wattnet.local._kafka_programs import install_kafka, startup_options
from wattnet.local._ports import HOST
from wattnet.local._schema_registry import SchemaRegistry, install_schema_registry
from wattnet.local._service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

TOPIC = "wattnet.metrics"


class LocalStack:
    """Real Apache Kafka and the real ClickHouse engine for development, demos and tests; no Docker, no network.

        with LocalStack("./data") as stack:
            Producer(stack.bootstrap_servers), Client(stack.clickhouse_url)

    `start` returns when both serve, the topic is made and the migrations are applied. Everything is kept in `data_dir`
    and is there again at the next start, at the same addresses unless another program took them meanwhile; without a
    `data_dir` a temporary folder is used and removed at `stop`. A port that is given must be free; otherwise a free one
    is chosen. The first start ever downloads Kafka (and the registry, when asked for) into the user's cache.

    `kafka`, `clickhouse` and `schema_registry` can be killed, paused and started each; they come back where they were.
    However this process ends, its services end within seconds.

    `progress` is called with a line of text before each step that may take a while. Raises LocalStackError.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        *,
        schema_registry: bool = False,
        kafka_port: int | None = None,
        clickhouse_port: int | None = None,
        schema_registry_port: int | None = None,
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 60,
    ) -> None:
        self._data_dir = None if data_dir is None else Path(data_dir)
        self._wanted_ports: dict[str, int | None] = {
            "kafka": kafka_port,
            "kafka_controller": None,
            "clickhouse": clickhouse_port,
        }
        if schema_registry:
            self._wanted_ports |= {"schema_registry": schema_registry_port, "schema_registry_management": None}
        self._with_registry = schema_registry
        self._progress = progress or (lambda _: None)
        self._timeout_s = timeout_s
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._folder: DataFolder | None = None
        self._services: list[Service] = []
        self._owner = os.getpid()

    def start(self) -> LocalStack:
        """Start what does not run yet, and return when all of it serves; on an error nothing is left running."""
        if self._folder is not None:
            for service in self._services:
                service.start()
            return self
        if self._data_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="wattnet-", ignore_cleanup_errors=True)
        folder = DataFolder(self._data_dir or Path(self._temporary.name if self._temporary else ""))
        try:
            folder.lock()
            self._folder, self._owner = folder, os.getpid()
            atexit.register(self.stop)
            self._start_all(folder)
        except BaseException:
            self.stop()
            raise
        return self

    def _start_all(self, folder: DataFolder) -> None:
        self._ports = ports = folder.choose_ports(self._wanted_ports, progress=self._progress)
        programs = install_kafka(progress=self._progress)
        kafka = Kafka(
            folder.path / "kafka",
            programs=programs,
            port=ports["kafka"],
            controller_port=ports["kafka_controller"],
            jvm=startup_options(programs),
        )
        clickhouse = ClickHouse(folder.path / "clickhouse", port=ports["clickhouse"])
        self._kafka = Service(kafka, folder, timeout_s=self._timeout_s)
        self._clickhouse = Service(clickhouse, folder, timeout_s=self._timeout_s)
        self._services = [self._clickhouse, self._kafka]
        self._schema_registry: Service | None = None
        if self._with_registry:
            registry = SchemaRegistry(
                folder.path / "schema-registry",
                programs=install_schema_registry(progress=self._progress),
                port=ports["schema_registry"],
                management_port=ports["schema_registry_management"],
            )
            self._schema_registry = Service(registry, folder, timeout_s=self._timeout_s)
            self._registry_url = registry.url
            self._services.append(self._schema_registry)
        self._bootstrap_servers, self._clickhouse_url = kafka.bootstrap_servers, clickhouse.url

        self._progress(f"starting ClickHouse and Apache Kafka on {folder.path}…")
        for service in self._services:
            service.launch()
        self._clickhouse.wait_ready()
        self._migrate()  # while Java is still coming up
        self._kafka.wait_ready()
        self._create_topic()
        if self._schema_registry is not None:
            self._schema_registry.wait_ready()

    def _migrate(self) -> None:
        from wattnet.clickhouse import ClickHouseSettings, migrate_up

        migrate_up(ClickHouseSettings.from_url(self._clickhouse_url))

    def _create_topic(self) -> None:
        from wattnet.producer import create_topic

        create_topic(self._bootstrap_servers, TOPIC)

    def stop(self) -> None:
        """End all services in order, give the folder free, remove it if it was temporary. Idempotent."""
        if self._owner != os.getpid():
            return  # a forked child that ends is not the end of the stack
        atexit.unregister(self.stop)
        for service in self._services:
            service.ask_to_stop()
        for service in self._services:
            service.wait_stopped()
        if self._folder is not None:
            self._folder.unlock()
            self._folder = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def require_running(self) -> None:
        """Raise ServiceFailedError, with the end of its log, when a service died by itself."""
        self._started()
        for service in self._services:
            service.require_running()

    @property
    def data_dir(self) -> Path:
        """The folder that holds everything."""
        return self._started().path

    @property
    def kafka(self) -> Service:
        """The broker."""
        self._started()
        return self._kafka

    @property
    def clickhouse(self) -> Service:
        """The ClickHouse engine."""
        self._started()
        return self._clickhouse

    @property
    def schema_registry(self) -> Service | None:
        """The schema registry, when it was asked for."""
        self._started()
        return self._schema_registry

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address."""
        self._started()
        return self._bootstrap_servers

    @property
    def clickhouse_url(self) -> str:
        """ClickHouse's HTTP address."""
        self._started()
        return self._clickhouse_url

    @property
    def schema_registry_url(self) -> str | None:
        """The Confluent-compatible API, when the registry was asked for."""
        self._started()
        return self._registry_url if self._schema_registry is not None else None

    @property
    def env(self) -> dict[str, str]:
        """What every part of wattnet reads from the environment to talk to this stack."""
        self._started()
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": self._bootstrap_servers,
            "CLICKHOUSE_HOST": HOST,
            "CLICKHOUSE_PORT": str(self._ports["clickhouse"]),
        }
        if self._schema_registry is not None:
            env["SCHEMA_REGISTRY_URL"] = self._registry_url
        return env

    def __enter__(self) -> LocalStack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _started(self) -> DataFolder:
        if self._folder is None:
            raise LocalStackError("the stack is not started: call start(), or use it in a with statement")
        return self._folder
