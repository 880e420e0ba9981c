"""The metric types: those of the common format."""

from __future__ import annotations

from wattnet.schemas import MetricType

__all__ = ["MetricType"]
