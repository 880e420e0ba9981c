"""Metrics in columns, into a producer's queue: for programs that have their numbers so already, and have checked them.

It imports numpy, so it is no part of what `wattnet.producer` imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.producer._bulk import queue_rows
from wattnet.producer._frame_encoding import Knowledge
from wattnet.producer._frame_rows import LongRows, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from wattnet.producer._producer import Producer
    from wattnet.schemas import Metric

__all__ = ["send_columns"]


def send_columns(
    producer: Producer,
    series: Sequence[Metric],
    *,
    place: NDArray[np.intp],
    value: NDArray[np.float64],
    timestamp_us: NDArray[np.int64],
) -> int:
    """Put a metric a row into the queue, in their order; returns how many were taken (`on_full`).

    series        a metric stands for each series and quality; its own value and times are not looked at
    place         of each row's series in `series`
    value         NaN withdraws
    timestamp_us  microseconds since 1970, within what Metric takes: nothing is checked here

    Each is known now, a moment of its own for each of them. Raises what `send` raises, except for what is no Metric;
    which rows were taken is not known then.
    """
    rows = LongRows(series, Window(place, value, timestamp_us, None))
    return queue_rows(producer, rows, Knowledge("now"), lambda _: None)
