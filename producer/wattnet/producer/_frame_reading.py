"""A frame to rows: which layout it has, and what its columns mean. All of it is checked before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.producer._errors import FrameError
from wattnet.producer._frame_rows import (
    LongRows,
    WideRows,
    Window,
    check_knowledge_times,
    check_timestamps,
    check_values,
)
from wattnet.producer._frame_series import Common, distinct_series
from wattnet.producer._frame_table import table_of
from wattnet.producer._frame_wide import labels_of_columns
from wattnet.schemas import RESAMPLED_COLUMNS, Metric, MetricError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from wattnet.producer._frame_table import Table

TIMESTAMP = "timestamp"
_NAMES = ("metric_type", "name")
_MISSING = ("skip", "raise", "retract")


def read_frame(
    frame: Any,
    *,
    metric_type: str | None = None,
    labels: Mapping[str, object] | None = None,
    columns: str | Sequence[str] | Mapping[Any, Mapping[str, object]] | None = None,
    attributes: Mapping[str, object] | None = None,
    missing: str | None = None,
    strict: bool = False,
) -> LongRows | WideRows:
    """The rows of a frame, as Producer.send_frame describes them. Raises FrameError, MetricError."""
    if missing is not None and missing not in _MISSING:
        raise FrameError(f"missing is {missing!r}: give 'skip', 'raise' or 'retract'")
    table = table_of(frame)
    _check_names(table)
    common = Common(metric_type, dict(labels or {}), dict(attributes or {}), strict)
    if "value" in table.columns:
        if columns is not None:
            raise FrameError(
                "the frame has a column 'value', so it has a row a value, and columns= says that it has a column a "
                "series: leave columns= out, or rename the column"
            )
        return _read_tidy(table, common, missing or "raise")
    if columns is None and not any(table.level_names):
        raise FrameError(
            "the frame has no column 'value', and nothing says which label its columns are: rename the values' column "
            "to 'value' if it has a row a value, or give columns='production_type' (the label that the columns' names "
            "are values of) if it has a column a series"
        )
    return _read_wide(table, common, columns, missing or "skip")


def _read_tidy(table: Table, common: Common, missing: str) -> LongRows:
    names = {str(name): place for place, name in enumerate(table.columns)}
    if names.keys() >= RESAMPLED_COLUMNS:
        raise FrameError(
            "the columns 'count' and 'coverage' of a resampled answer would be labels here, and each number a series "
            "of its own: frame.drop(columns=['count', 'coverage'], errors='ignore')"
        )
    timestamp_us = _timestamps(table, names.pop(TIMESTAMP, None))
    value = table.numbers(names.pop("value"))
    check_values(value, "value", missing)
    knowledge_time_us: NDArray[np.int64] | None = None
    if (known := names.pop("knowledge_time", None)) is not None:
        knowledge_time_us = table.times(known)
        check_knowledge_times(knowledge_time_us)
    _check_given_once(names, common)
    coded = {"metric_type" if name in _NAMES else name: table.coded(place) for name, place in names.items()}
    series, places = distinct_series(common, coded, table.count)
    rows = Window(places, value, timestamp_us, knowledge_time_us)
    if missing == "skip" and np.isnan(value).any():
        kept = ~np.isnan(value)
        known_us = None if knowledge_time_us is None else knowledge_time_us[kept]
        rows = Window(places[kept], value[kept], timestamp_us[kept], known_us)
        return LongRows(series, rows, np.flatnonzero(kept))
    return LongRows(series, rows)


def _read_wide(
    table: Table, common: Common, columns: str | Sequence[str] | Mapping[Any, Mapping[str, object]] | None, missing: str
) -> WideRows:
    if common.metric_type is None:
        raise FrameError("a frame with a column a series names no metric type: give metric_type=")
    place_of_time = next((place for place, name in enumerate(table.columns) if _is_timestamp(name)), None)
    places = [place for place in range(len(table.columns)) if place != place_of_time]
    timestamp_us = _timestamps(table, place_of_time)
    names = [table.columns[place] for place in places]
    series: list[Metric] = []
    seen: dict[tuple[Any, ...], Any] = {}
    for name, given in zip(names, labels_of_columns(names, table.level_names, columns), strict=True):
        if clash := sorted(given.keys() & common.labels.keys()):
            raise FrameError(f"label {clash[0]!r} is given by the columns and by labels=: give it once")
        try:
            metric = common.metric(None, given, {})
        except MetricError as exc:
            raise type(exc)(f"{exc} (column {name!r})").caused_by(exc) from None
        same = seen.setdefault((*metric.labels.items(), metric.valid, metric.zone_status, metric.data_state), name)
        if len(seen) == len(series):
            raise FrameError(f"columns {same!r} and {name!r} are one series, {metric.series_key}: leave one out")
        series.append(metric)
    values = table.matrix(places)
    check = np.isfinite(values)
    for number in np.flatnonzero(~check.all(axis=0)).tolist():
        check_values(values[:, number], str(names[number]), missing)
    retract = missing == "retract"
    return WideRows(series, timestamp_us, values, retract, values.size if retract else int(check.sum()))


def _timestamps(table: Table, place: int | None) -> NDArray[np.int64]:
    if place is None and table.index_name is None:
        raise FrameError(
            "the frame has no column 'timestamp' and no index of times: rename the column that has them, "
            "or make it the index"
        )
    if place is not None and table.index_name is not None:
        raise FrameError(
            f"the frame has a column 'timestamp' and an index of times, {table.index_name!r}: "
            "drop one, such as with reset_index(drop=True)"
        )
    timestamp_us = table.times(place)
    check_timestamps(timestamp_us, table.index_name or TIMESTAMP)
    return timestamp_us


def _is_timestamp(name: Any) -> bool:
    """Also where reset_index has made it the first of several levels."""
    return bool(name == TIMESTAMP or (isinstance(name, tuple) and name[0] == TIMESTAMP and not any(name[1:])))


def _check_names(table: Table) -> None:
    seen = set()
    for name in table.columns:
        if name in seen:
            raise FrameError(f"two columns are named {name!r}: rename or drop one")
        seen.add(name)


def _check_given_once(names: Mapping[str, int], common: Common) -> None:
    """What all rows share is given by an argument or by a column."""
    kinds = [name for name in _NAMES if name in names]
    if len(kinds) == 2:
        raise FrameError("the frame has the columns 'metric_type' and 'name', which mean the same: drop one")
    if kinds and common.metric_type is not None:
        raise FrameError(f"metric_type= is given, and the frame has a column {kinds[0]!r}: leave one out")
    if not kinds and common.metric_type is None:
        raise FrameError("nothing names the metric type: give metric_type=, or a column 'metric_type'")
    for name in sorted(common.labels.keys() & names.keys()):
        raise FrameError(f"label {name!r} is given by labels= and by a column: leave one out")
    if common.attributes and "attributes" in names:
        raise FrameError("attributes= is given, and the frame has a column 'attributes': leave one out")
