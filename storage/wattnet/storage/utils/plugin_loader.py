"""Which storage clients the installed packages bring."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from wattnet.storage.utils import log

if TYPE_CHECKING:
    from wattnet.storage.clients.base import BaseStorageClient

STORAGE_CLIENTS_NAMESPACE = "wattnet.storage.clients"

_logger = log.get(__name__)


def get_storage_clients_names() -> frozenset[str]:
    """The names under which clients are registered; none of them is imported."""
    return frozenset(entry.name for entry in entry_points(group=STORAGE_CLIENTS_NAMESPACE))


def get_storage_clients_extensions() -> dict[str, type[BaseStorageClient]]:
    """The classes of all clients by name. One that cannot be imported is left out, and logged."""
    from stevedore import ExtensionManager  # it takes long to import, and programs that only make metrics need none

    found = ExtensionManager(STORAGE_CLIENTS_NAMESPACE, on_load_failure_callback=_report)
    return {extension.name: extension.plugin for extension in found}


def _report(_: Any, entry_point: Any, error: BaseException) -> None:
    _logger.error("storage client %r (%s) cannot be imported: %s", entry_point.name, entry_point.value, error)
