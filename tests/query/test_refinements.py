"""A query is refined step by step; each step makes a new one, and contradictions are refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from wattnet.query import QuestionError
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client, Query

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def revision(name: str, value: float | None, hour: int, known: int, **labels: object) -> Metric:
    """One that became known `known` hours after T0."""
    return Metric(
        name,
        value,
        T0 + hour * HOUR,
        {"zone": "ES", **labels},
        knowledge_time=T0 + known * HOUR,
        attributes={"run": known},
    )


@pytest.fixture
def query(store: DirectWriter, client: Client, name: str) -> Query:
    """Two series: of wind a value, its revision, and another that is invalid; of sun one that was withdrawn."""
    store.put(
        revision(name, 1.0, 0, 10, production_type="wind"),
        revision(name, 2.0, 0, 11, production_type="wind"),
        revision(name, 3.0, 1, 10, production_type="wind", valid=False),
        revision(name, 4.0, 0, 10, production_type="solar"),
        revision(name, None, 0, 12, production_type="solar"),
        revision(name, 5.0, 2, 10, production_type="solar"),
    )
    return client.metrics(name, start=T0, end=T0 + 24 * HOUR)


def values(query: Query) -> list[float | None]:
    return [metric.value for metric in query.to_list()]


def test_each_refinement_is_a_new_query(query: Query) -> None:
    assert values(query) == [5.0, 2.0, 3.0]
    assert values(query.valid_only()) == [5.0, 2.0]
    assert values(query.limit(2)) == [5.0, 2.0]
    assert values(query.latest()) == [5.0, 3.0]
    assert values(query.latest().valid_only()) == [5.0, 2.0]
    assert values(query.as_of(T0 + 10 * HOUR)) == [4.0, 5.0, 1.0, 3.0]
    assert values(query.as_of(T0 + 10 * HOUR).latest()) == [5.0, 3.0]
    assert values(query) == [5.0, 2.0, 3.0], "the first one is as it was"


def test_history_has_every_revision_in_the_order_of_knowing(query: Query) -> None:
    history = query.history()
    assert values(history) == [4.0, None, 5.0, 1.0, 2.0, 3.0]
    assert values(history.limit(2)) == [4.0, None]
    assert values(history.as_of(T0 + 10 * HOUR)) == [4.0, 5.0, 1.0, 3.0]
    assert values(history.valid_only()) == [4.0, None, 5.0, 1.0, 2.0]
    assert np.isnan(history.to_pandas()["value"][1])
    assert history.to_polars()["value"].to_list() == values(history)
    assert history.to_arrow()["value"].to_pylist() == values(history)


def test_attributes_come_when_asked_for(query: Query) -> None:
    assert [metric.attributes for metric in query.to_list()] == [{}, {}, {}]
    read = query.with_attributes()
    assert [metric.attributes for metric in read.to_list()] == [{"run": "10"}, {"run": "11"}, {"run": "10"}]
    assert list(read.to_pandas()["attributes"]) == ['{"run":"10"}', '{"run":"11"}', '{"run":"10"}']
    assert read.limit(1).to_arrow().column_names[-1] == "attributes"
    assert list(read.as_of("1970-01-01T00:00Z").to_polars().columns)[-1] == "attributes", "also when it is empty"


def test_rows_one_by_one_are_the_same(query: Query) -> None:
    for refined in (query, query.history(), query.with_attributes(), query.limit(1), query.latest()):
        assert list(refined.iter_rows()) == refined.to_list()


def test_wide_frames_have_a_column_a_series(query: Query) -> None:
    """Named by the labels that tell the series apart; a hole where a series has no value."""
    frame = query.to_pandas(wide=True)
    assert list(frame.columns) == ["solar", "wind"]
    assert frame.columns.name == "production_type"
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert (frame.index.name, str(frame.index.tz)) == ("timestamp", "UTC")
    assert frame["wind"].tolist()[:2] == [2.0, 3.0]
    assert np.isnan(frame["wind"].iloc[2])
    assert query.to_polars(wide=True).rows() == [(T0, None, 2.0), (T0 + HOUR, None, 3.0), (T0 + 2 * HOUR, 5.0, None)]
    assert query.to_arrow(wide=True).column_names == ["timestamp", "solar", "wind"]
    with pytest.raises(QuestionError, match="read it long"):
        query.history().to_pandas(wide=True)


def test_a_limit_of_a_wide_frame_counts_timestamps(store: DirectWriter, client: Client, name: str) -> None:
    """Every series is whole up to there: what begins later, has holes or comes last in the order, too."""
    store.put(
        *(Metric(name, float(n), T0 + n * HOUR, {"zone": "AT"}) for n in range(2, 9)),
        *(Metric(name, float(n), T0 + n * HOUR, {"zone": "ES"}) for n in range(0, 9, 2)),
        *(Metric(name, float(n), T0 + n * HOUR, {"zone": "PT"}) for n in range(6)),
    )
    query = client.metrics(name, start=T0, end=T0 + 9 * HOUR)
    summed, filled = query.resample("2h", "sum"), query.resample("1h", "max", fill="zero")
    for asked in (query, summed, filled, query.latest(), client.latest(name)):
        whole = asked.to_pandas(wide=True)
        for rows in (1, 2, 3, 100):
            limited = asked.limit(rows)
            pd.testing.assert_frame_equal(limited.to_pandas(wide=True), whole.head(rows))
            assert limited.to_polars(wide=True).height == limited.to_arrow(wide=True).num_rows == min(rows, len(whole))
    assert query.limit(3).to_pandas(wide=True).isna().sum().to_dict() == {"AT": 2, "ES": 1, "PT": 0}
    assert len(query.limit(3).to_pandas()) == 3
    assert client.metrics(name, zone="AT", start=T0).limit(2).to_series().tolist() == [2.0, 3.0]


def test_several_labels_are_levels(store: DirectWriter, client: Client, name: str) -> None:
    store.put(*(Metric(name, 1.0, T0, {"zone": zone, "unit": unit}) for zone, unit in (("ES", "MW"), ("PT", "kW"))))
    frame = client.metrics(name, start=T0, end=T0 + HOUR).to_pandas(wide=True)
    assert frame.columns.names == ["unit", "zone"]
    assert [tuple(column) for column in frame.columns] == [("MW", "ES"), ("kW", "PT")]
    assert client.metrics(name, start=T0, end=T0 + HOUR).to_polars(wide=True).columns[1:] == [
        "unit=MW,zone=ES",
        "unit=kW,zone=PT",
    ]


def test_one_series_is_a_pandas_series(query: Query, client: Client, name: str) -> None:
    with pytest.raises(QuestionError, match=r"2 series .* by production_type"):
        query.to_series()
    one = client.metrics(name, production_type="wind", start=T0, end=T0 + 24 * HOUR).to_series()
    assert (one.name, one.index.name, one.tolist()) == (name, "timestamp", [2.0, 3.0])
    none = client.metrics(name, production_type="hydro", start=T0, end=T0 + HOUR).to_series()
    assert (len(none), str(none.dtype), str(none.index.tz)) == (0, "float64", "UTC")  # type: ignore[attr-defined]


def test_contradictions_are_refused_at_once(query: Query) -> None:
    with pytest.raises(QuestionError, match="exclude each other"):
        query.history().latest()
    with pytest.raises(QuestionError, match=r"limit\(0\)"):
        query.limit(0)
