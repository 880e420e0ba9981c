"""The four forms of an answer: same rows, same columns, usual types, also when empty."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client, Query

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
KNOWN = datetime(2025, 3, 2, 12, 34, 56, 789012, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
COLUMNS = ["timestamp", "value", "from", "unit", "zone", "valid", "zone_status", "data_state", "knowledge_time"]


@pytest.fixture
def query(store: DirectWriter, client: Client, name: str) -> Query:
    """Two series with different labels."""
    store.put(
        Metric(name, 0.25, T0, {"zone": "ES", "unit": "MW"}, knowledge_time=KNOWN),
        Metric(name, 0.5, T0 + HOUR, {"zone": "ES", "unit": "MW", "valid": False}, knowledge_time=KNOWN + HOUR),
        Metric(
            name,
            1.5,
            T0 + timedelta(microseconds=1),
            {"zone": "AT", "from": "DE", "zone_status": "preview", "data_state": "estimated"},
            knowledge_time=KNOWN,
        ),
    )
    return client.metrics(name, start=T0, end=T0 + 24 * HOUR)


EXPECTED: list[dict[str, Any]] = [
    {
        "timestamp": T0 + timedelta(microseconds=1), "value": 1.5, "from": "DE", "unit": None, "zone": "AT",
        "valid": True, "zone_status": "preview", "data_state": "estimated", "knowledge_time": KNOWN,
    },
    {
        "timestamp": T0, "value": 0.25, "from": None, "unit": "MW", "zone": "ES", "valid": True,
        "zone_status": "complete", "data_state": "", "knowledge_time": KNOWN,
    },
    {
        "timestamp": T0 + HOUR, "value": 0.5, "from": None, "unit": "MW", "zone": "ES", "valid": False,
        "zone_status": "complete", "data_state": "", "knowledge_time": KNOWN + HOUR,
    },
]  # fmt: skip


def assert_pandas_types(frame: pd.DataFrame) -> None:
    assert list(frame.columns) == COLUMNS
    text = pd.Series(["x"]).dtype
    time = pd.Series([], dtype="datetime64[us, UTC]").dtype
    assert dict(frame.dtypes) == {
        "timestamp": time,
        "value": np.dtype("float64"),
        **dict.fromkeys(["from", "unit", "zone", "zone_status", "data_state"], text),
        "valid": np.dtype("bool"),
        "knowledge_time": time,
    }
    assert isinstance(frame.index, pd.RangeIndex)


POLARS_TYPES = {
    "timestamp": pl.Datetime("us", "UTC"),
    "value": pl.Float64(),
    **dict.fromkeys(["from", "unit", "zone"], pl.String()),
    "valid": pl.Boolean(),
    **dict.fromkeys(["zone_status", "data_state"], pl.String()),
    "knowledge_time": pl.Datetime("us", "UTC"),
}
ARROW_TYPES = {
    "timestamp": pa.timestamp("us", "UTC"),
    "value": pa.float64(),
    **dict.fromkeys(["from", "unit", "zone"], pa.string()),
    "valid": pa.bool_(),
    **dict.fromkeys(["zone_status", "data_state"], pa.string()),
    "knowledge_time": pa.timestamp("us", "UTC"),
}


def test_a_list_holds_metrics_that_say_the_same(query: Query) -> None:
    """Each carries its own series' labels only, and its quality in its metadata."""
    metrics = query.to_list()
    assert [
        {
            "timestamp": metric.timestamp, "value": metric.value, "valid": metric.valid,
            **{label: metric.labels.get(label) for label in ("from", "unit", "zone")},
            "zone_status": metric.zone_status, "data_state": metric.data_state, "knowledge_time": metric.knowledge_time,
        }
        for metric in metrics
    ] == EXPECTED  # fmt: skip
    assert dict(metrics[0].labels) == {"from": "DE", "zone": "AT"}
    assert metrics[0].metadata["zone_status"] == "preview"
    assert metrics[0].timestamp.tzinfo is timezone.utc


def test_pandas(query: Query) -> None:
    """Aware times, plain strings; a label that a series lacks is null."""
    frame = query.to_pandas()
    assert_pandas_types(frame)
    rows = [{k: None if v is None or v != v else v for k, v in row.items()} for row in frame.to_dict("records")]
    assert rows == EXPECTED
    assert frame["timestamp"].dt.tz is not None
    assert frame[frame["zone"] == "ES"]["value"].sum() == 0.75
    frame.loc[0, "value"] = 2.0  # its arrays are the reader's own


def test_polars(query: Query) -> None:
    frame = query.to_polars()
    assert dict(frame.schema) == POLARS_TYPES
    assert list(frame.schema) == COLUMNS
    assert frame.to_dicts() == EXPECTED


def test_arrow(query: Query) -> None:
    table = query.to_arrow()
    assert table.schema.names == COLUMNS
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == ARROW_TYPES
    assert table.to_pylist() == EXPECTED


def test_an_empty_answer_has_the_same_columns_and_types(query: Query, client: Client) -> None:
    """Whether the range is empty, or the filters match no series."""
    name = query._question.name
    for empty in (
        client.metrics(name, start=T0 - 2 * HOUR, end=T0 - HOUR),
        client.metrics(name, start=T0, zone="XX"),
        client.latest(name, zone="XX"),
    ):
        assert empty.to_list() == []
        frame = empty.to_pandas()
        assert len(frame) == 0
        assert_pandas_types(frame)
        assert dict(empty.to_polars().schema) == POLARS_TYPES
        table = empty.to_arrow()
        assert table.num_rows == 0
        assert dict(zip(table.schema.names, table.schema.types, strict=True)) == ARROW_TYPES


def test_columns_are_the_labels_of_the_matching_series(query: Query, client: Client) -> None:
    """Not of all series of the name, and the same for every range."""
    only = client.metrics(query._question.name, start=T0 - 2 * HOUR, end=T0 - HOUR, zone="AT")
    assert list(only.to_polars().columns) == [column for column in COLUMNS if column != "unit"]


def test_a_label_never_takes_the_place_of_a_column(store: DirectWriter, client: Client, name: str) -> None:
    """Metric refuses such labels; a producer in another language may not."""
    store.put(Metric.from_stored(name, 1.5, T0, {"value": "x", "valid": "no"}, knowledge_time=KNOWN))
    row = client.metrics(name, start=T0).to_polars().row(0, named=True)
    assert (row["value"], row["valid"], row["label_value"], row["label_valid"]) == (1.5, True, "x", "no")


def test_a_query_is_read_as_often_as_one_likes(query: Query, store: DirectWriter) -> None:
    """Each reading asks anew."""
    assert len(query.to_list()) == 3
    store.put(Metric(query._question.name, 9.0, T0 + 2 * HOUR, {"zone": "ES", "unit": "MW"}))
    assert len(query.to_list()) == 4
    assert repr(query).startswith("<Query metric_x")


def test_a_missing_package_names_the_remedy(query: Query) -> None:
    """As ImportError and as the query's own error."""
    for package, read, remedy in (
        ("polars", query.to_polars, "wattnet-storage[polars]"),
        ("pyarrow", query.to_arrow, "wattnet-storage[polars]"),
        ("pandas", query.to_pandas, "pip install pandas"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(ImportError, match=rf"needs {package}") as refused:
                read()
        assert remedy in str(refused.value)


def test_importing_the_client_loads_no_kafka_and_no_frames() -> None:
    """They are loaded when they are needed; most of them never."""
    code = (
        "import sys, wattnet.query; "
        "print([m for m in ('confluent_kafka', 'pandas', 'polars', 'pyarrow', 'numpy', 'chdb') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
