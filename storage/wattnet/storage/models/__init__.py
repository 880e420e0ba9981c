"""The record that programs for wattnet-storage 1.x write and read."""

from __future__ import annotations

from wattnet.storage.models.metric import Metric
from wattnet.storage.models.metric_type import MetricType

__all__ = ["Metric", "MetricType"]
