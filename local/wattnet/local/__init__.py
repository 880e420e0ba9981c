"""Real Apache Kafka and the real ClickHouse engine in one folder, from packages alone."""

from __future__ import annotations

from wattnet.local._errors import (
    DataFolderInUseError,
    DownloadError,
    LocalStackError,
    MissingExtraError,
    PortInUseError,
    ServiceFailedError,
)
from wattnet.local._folder import stop_stack
from wattnet.local._foreground import run_until_stopped
from wattnet.local._service import Service
from wattnet.local._stack import LocalStack

__all__ = [
    "DataFolderInUseError",
    "DownloadError",
    "LocalStack",
    "LocalStackError",
    "MissingExtraError",
    "PortInUseError",
    "Service",
    "ServiceFailedError",
    "run_until_stopped",
    "stop_stack",
]
