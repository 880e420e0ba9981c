"""What is done with metrics after they were read."""

from __future__ import annotations

from wattnet.storage.processors.metrics_procesors import filter_best_metrics

__all__ = ["filter_best_metrics"]
