"""The repository: what programs write to and read from."""

from __future__ import annotations

from wattnet.storage.repository.metrics_repository import MetricsRepository

__all__ = ["MetricsRepository"]
