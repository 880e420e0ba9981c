"""The clients of one repository: writes go to all of them, answers come from all of them."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from wattnet.schemas import suggest
from wattnet.storage._errors import ClientNotInstalledError, ConfigurationError, WriteError
from wattnet.storage.processors import filter_best_metrics
from wattnet.storage.utils import log, plugin_loader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from wattnet.storage.clients.base import BaseStorageClient
    from wattnet.storage.config import StorageConfig
    from wattnet.storage.models import Metric

LOG = log.get(__name__)

_managers: weakref.WeakSet[StorageClientsManager] = weakref.WeakSet()


class StorageClientsManager:
    """Makes the configured clients, in a forked child its own. Threads may share it.

    Raises ConfigurationError, ClientNotInstalledError, and what a client raises when it is made.
    """

    def __init__(self, config: StorageConfig) -> None:
        if not config.storage_clients:
            raise ConfigurationError(
                "no storage client is configured, so nothing could be written or read: set STORAGE_CLIENTS, or give "
                "StorageConfig(storage_clients=…): ['kafka'] for modules, ['clickhouse'] for readers and scripts"
            )
        self._config = config
        self._classes = _installed(config.storage_clients)
        self._opening = threading.Lock()
        self._clients = self._open()
        self._process = os.getpid()
        _managers.add(self)

    @property
    def storage_clients(self) -> Mapping[str, BaseStorageClient]:
        """The clients of this process, by the names of their plugins."""
        return self._here()

    def read_metrics(
        self,
        metric_name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        labels: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
    ) -> list[Metric]:
        """The best metric of each point among all clients' answers. Raises what a client raises."""
        clients = list(self._here().values())
        answers = [client.read_metrics(metric_name, start, end, labels, params) for client in clients]
        if len(clients) == 1 and getattr(clients[0], "answers_best", False):
            return answers[0]
        return filter_best_metrics([metric for answer in answers for metric in answer])

    def write_metrics(self, metrics: list[Metric]) -> None:
        """Give them to every client, also when one before fails; then raises what was not stored everywhere."""
        errors: list[Exception] = []
        for name, client in self._here().items():
            try:
                client.write_metrics(metrics)
            except Exception as exc:  # noqa: BLE001, PERF203  whatever a plugin raises; the others have their turn
                LOG.error("storage client %r: %s", name, exc)  # noqa: TRY400  it is raised below
                errors.append(exc)
        if errors:
            raise _as_one(errors, len(metrics))

    def flush(self) -> None:
        for client in self._here().values():
            _optional(client, "flush")

    def close(self) -> None:
        """Close every client of this process."""
        atexit.unregister(self._finalizer)
        self._finalizer()

    def _here(self) -> Mapping[str, BaseStorageClient]:
        """The clients of this process. Those that came along in a fork are the parent's, with its connections."""
        if self._process != os.getpid():
            with self._opening:
                if self._process != os.getpid():
                    self._inherited = self._clients  # kept: what their end would do belongs to the parent
                    self._clients = self._open()
                    self._process = os.getpid()
        return self._clients

    def _open(self) -> Mapping[str, BaseStorageClient]:
        clients: dict[str, BaseStorageClient] = {}
        try:
            for name, client in self._classes.items():
                clients[name] = client(self._config)
                LOG.info("storage client %r is ready", name)
        except BaseException:
            _close(clients, os.getpid())
            raise
        self._finalizer = weakref.finalize(self, _close, clients, os.getpid())
        # Not by the finalizer itself: what the clients have registered for the exit must come after this.
        self._finalizer.atexit = False
        atexit.register(self._finalizer)
        return clients


def _installed(names: Sequence[str]) -> dict[str, type[BaseStorageClient]]:
    known = plugin_loader.get_storage_clients_extensions()
    for name in names:
        if name not in known:
            meant = suggest(str(name), known)
            hint = f"did you mean {meant!r}?" if meant else "install the package that brings it"
            raise ClientNotInstalledError(
                f"Storage client {name!r} is not installed ({', '.join(sorted(known))} are): {hint}"
            )
    return {name: known[name] for name in names}


def _as_one(errors: Sequence[Exception], count: int) -> Exception:
    """The first error, or all failures of several clients in one."""
    failed = [error for error in errors if isinstance(error, WriteError)]
    if len(errors) == 1 or len(failed) < len(errors):
        return next(error for error in errors if len(errors) == 1 or not isinstance(error, WriteError))
    by_position = {failure.position: failure for error in failed for failure in error.failures}
    kind = type(failed[0]) if len({type(error) for error in failed}) == 1 else WriteError
    failures = [by_position[position] for position in sorted(by_position)]
    return kind(failures, written=count - len(failures))


def _close(clients: dict[str, BaseStorageClient], process: int) -> None:
    if process != os.getpid():
        return
    for name, client in clients.items():
        try:
            _optional(client, "close")
        except Exception:  # noqa: PERF203  the others are closed too
            LOG.exception("storage client %r could not be closed", name)
    clients.clear()


def _optional(client: BaseStorageClient, method: str) -> None:
    """Plugins for 1.1 that are not built on this base may lack it."""
    if (call := getattr(client, method, None)) is not None:
        call()


def _after_fork() -> None:
    for manager in list(_managers):
        manager._opening = threading.Lock()  # another thread may have held it in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
