"""Frames as people hold them, in the forms of each library."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable


def in_polars(frame: pd.DataFrame) -> pl.DataFrame:
    """The names come after the conversion: on its way they are C's strings, and these may hold a zero byte."""
    converted = pl.from_pandas(frame.set_axis([str(place) for place in range(frame.shape[1])], axis=1))
    converted.columns = list(frame.columns)
    return converted


UTC = timezone.utc
T0 = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
X: dict[str, Any] = {"metric_type": "x"}
AS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "pandas with arrow's types": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "pandas with objects": lambda frame: frame.astype(object),
    "polars": in_polars,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "arrow in pieces": lambda frame: pa.concat_tables(
        [pa.Table.from_pandas(frame.iloc[[row]], schema=pa.Schema.from_pandas(frame, preserve_index=False))
         for row in range(len(frame))]
    ),
}  # fmt: skip


def tidy(**columns: Any) -> pd.DataFrame:
    """Three hours of one zone."""
    usual = {
        "timestamp": pd.date_range(T0, periods=3, freq="h").as_unit("us"),
        "value": [1.0, 2.0, 3.0],
        "zone": ["ES", "ES", "PT"],
    }
    return pd.DataFrame({**usual, **columns})


def wide() -> pd.DataFrame:
    """As energy people hold it."""
    frame = pd.DataFrame(
        {"solar": [1.0, np.nan, 3.0], "wind": [4.0, 5.0, 6.0]},
        index=pd.date_range("2025-03-01", periods=3, freq="h", tz="Europe/Madrid"),
    )
    return frame.rename_axis(columns="production_type")


def long(count: int) -> pd.DataFrame:
    """Of two series, in turns."""
    times = pd.date_range(T0, periods=count, freq="s").as_unit("us")
    return pd.DataFrame(
        {"timestamp": times, "value": np.arange(count, dtype=float), "zone": ["ES", "PT"] * (count // 2)}
    )
