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
