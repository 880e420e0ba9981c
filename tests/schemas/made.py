"""Metrics for the tests of what they take and refuse."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from wattnet.schemas import Metric, MetricType

UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)


def metric(metadata: Any = None, **arguments: Any) -> Metric:
    """A metric of a name that has no label rules."""
    return Metric(
        **{"metric_type": "price_day_ahead", "value": 1.0, "timestamp": T0, "metadata": metadata, **arguments}
    )


def load(**metadata: Any) -> Metric:
    complete = {"zone": "ES", "unit": "MW", "datasource": "entsoe", "data_state": "final"}
    return Metric(MetricType.ZONE_LOAD, 1.0, T0, {**complete, **metadata})
