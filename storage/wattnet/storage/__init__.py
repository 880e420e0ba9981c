"""Programs written for wattnet-storage 1.x: the same interface, on the pipeline's topic and tables."""

from __future__ import annotations

from wattnet.storage._buckets import bucket_range
from wattnet.storage._errors import (
    ClientNotInstalledError,
    ConfigurationError,
    Failure,
    NotReadyError,
    RefusedMetricsError,
    RepositoryClosedError,
    RepositoryError,
    WriteError,
)
from wattnet.storage._times import NaiveTimestampWarning
from wattnet.storage.clients.base import BaseStorageClient
from wattnet.storage.config import StorageConfig
from wattnet.storage.repository import MetricsRepository

__all__ = [
    "BaseStorageClient",
    "ClientNotInstalledError",
    "ConfigurationError",
    "Failure",
    "MetricsRepository",
    "NaiveTimestampWarning",
    "NotReadyError",
    "RefusedMetricsError",
    "RepositoryClosedError",
    "RepositoryError",
    "StorageConfig",
    "WriteError",
    "bucket_range",
]


def __getattr__(name: str) -> str:
    """`__version__`, read from the installed distribution when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wattnet-storage")
    except PackageNotFoundError:
        return "unknown"
