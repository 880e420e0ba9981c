"""Metric as 1.x has it: mutable, and checked when it is written."""

from __future__ import annotations

import gc
from collections import deque
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import repeat
from typing import TYPE_CHECKING, Any

from wattnet.schemas import MetricType
from wattnet.storage._times import as_utc, is_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Metric:
    """One value of one series at one time.

    metric_type  a MetricType, or another lower_snake_case name
    timestamp    the start of the interval that the value stands for; now when None. A naive one is read in the zone of
                 this process, with a NaiveTimestampWarning
    metadata     labels, and how good the value is: valid, zone_status, data_state. It is kept as the dict that it is

    `wattnet.schemas.Metric` is the one for new programs: immutable, and checked when it is made.
    """

    __slots__ = ("__weakref__", "metadata", "name", "timestamp", "value")

    name: str
    value: float
    timestamp: datetime
    metadata: dict[str, Any]

    def __init__(
        self,
        metric_type: MetricType | str,
        value: float,
        timestamp: datetime | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.name = metric_type.value if isinstance(metric_type, MetricType) else metric_type
        self.value = value
        if timestamp is None:
            timestamp = datetime.now(timezone.utc)
        elif is_moment(timestamp):  # what is none is refused when it is written
            timestamp = as_utc(timestamp, "timestamp", stacklevel=2)
        self.timestamp = timestamp
        self.metadata = {} if metadata is None else metadata

    def add_metadata(self, key: str, value: Any) -> None:
        """Set one label."""
        self.metadata[key] = value

    def to_dict(self) -> dict[str, Any]:
        """Name, value, timestamp in ISO 8601, and a copy of the metadata."""
        return {
            "name": self.name,
            "value": self.value,
            "timestamp": self.timestamp.isoformat(),
            "metadata": dict(self.metadata),
        }

    def __repr__(self) -> str:
        return f"{self.name}: {self.value} ({self.metadata}) at {self.timestamp}"


# Straight into the slots, over whole columns: the loop is C's, and millions of metrics are read.
_set_name = Metric.__dict__["name"].__set__
_set_value = Metric.__dict__["value"].__set__
_set_timestamp = Metric.__dict__["timestamp"].__set__
_set_metadata = Metric.__dict__["metadata"].__set__


def from_columns(
    name: str, values: Sequence[float], timestamps: Sequence[datetime], metadata: Sequence[Mapping[str, Any]]
) -> list[Metric]:
    """Metrics as they were stored, one for each place in the columns, each with a copy of its metadata.

    Times are aware and in UTC; nothing is checked.
    """
    with _nothing_collected():
        metrics = list(map(Metric.__new__, repeat(Metric, len(values))))
        for fill, column in (
            (_set_name, repeat(name)),
            (_set_value, values),
            (_set_timestamp, timestamps),
            (_set_metadata, map(dict, metadata)),
        ):
            deque(map(fill, metrics, column), maxlen=0)
        return metrics


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Python looks for cycles whenever some objects were made: two fifths of a large answer's time, for none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
