"""The forms of an answer. Column by column, never row by row; each form's package is imported when it is asked for.

Columns: timestamp, value, one per label (sorted by name), valid, zone_status, data_state, knowledge_time; attributes
where they were asked for; count and coverage of buckets.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.query._errors import MissingExtraError
from wattnet.query._times import EPOCH, MICROSECOND
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import tzinfo

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from wattnet.query._answer import Answer, Text

# Shorter runs than this on average are no faster as runs.
_RUN = 8
EXTRA = "pip install 'wattnet-storage[polars]'"


def to_list(answer: Answer) -> list[Metric]:
    """A Metric per row."""
    from_stored = Metric.from_stored
    name = answer.name
    labels = [match.labels for match in answer.series]
    attributes = _attributes(answer)
    # Equal times are one object: a revision has one knowledge_time for many rows, and series share timestamps.
    return [
        from_stored(
            name,
            # NaN, which is not itself, stands where a revision withdraws the value.
            value if value == value else None,
            timestamp,
            labels[position],
            knowledge_time=knowledge_time,
            valid=valid,
            zone_status=zone_status,
            data_state=data_state,
            attributes=described,
        )
        for value, timestamp, position, knowledge_time, valid, zone_status, data_state, described in zip(
            answer.value.tolist(),
            _datetimes(answer.timestamp),
            answer.position.tolist(),
            _datetimes(answer.knowledge_time),
            answer.valid.tolist(),
            _strings(answer.zone_status),
            _strings(answer.data_state),
            attributes,
            strict=True,
        )
    ]


def to_pandas(answer: Answer) -> pd.DataFrame:
    """Times as datetime64[us, zone], labels as pandas' usual strings, a RangeIndex."""
    with needs("pandas", "pip install pandas"):
        import pandas as pd
    usual: Any = pd.Series([""]).dtype  # object in pandas 2, str in pandas 3
    is_arrow = getattr(usual, "storage", None) == "pyarrow"
    utc = pd.DatetimeTZDtype("us", "UTC")

    def time(us: NDArray[np.int64], zone: str = "UTC") -> Any:
        # From microseconds, which pandas takes as moments of UTC as they are; datetime64 it would look through.
        moments = pd.array(us, dtype=utc, copy=False)
        return moments if zone == "UTC" else pd.Series(moments).dt.tz_convert(zone)

    arrow_text = None
    if is_arrow:
        import pyarrow as pa

        arrow_text = _arrow_texts(answer, pa.large_string())

    def text(column: Text) -> Any:
        if arrow_text is not None:
            return pd.array(arrow_text(column), dtype=usual)
        values: Any = list(column.values)
        return pd.array(values, dtype=usual).take(column.codes)

    return pd.DataFrame(_columns(answer, time, lambda numbers: numbers, text), copy=False)


def to_polars(answer: Answer) -> pl.DataFrame:
    """Times as Datetime("us", zone), labels as String."""
    with needs("polars", EXTRA):
        import polars as pl

    def time(us: NDArray[np.int64], zone: str = "UTC") -> Any:
        return pl.Series(us).cast(pl.Datetime("us", zone))

    def text(column: Text) -> Any:
        return pl.Series(column.values, dtype=pl.String).gather(column.codes)

    def plain(numbers: NDArray[Any]) -> Any:
        return pl.Series(numbers, nan_to_null=True)

    return pl.DataFrame(_columns(answer, time, plain, text))


def to_arrow(answer: Answer) -> pa.Table:
    """Times as timestamp[us, zone], labels as string."""
    with needs("pyarrow", EXTRA):
        import pyarrow as pa

    def time(us: NDArray[np.int64], zone: str = "UTC") -> Any:
        return pa.array(us, pa.int64()).cast(pa.timestamp("us", zone))

    def plain(numbers: NDArray[Any]) -> Any:
        return pa.array(numbers, from_pandas=True)  # NaN as null

    return pa.table(_columns(answer, time, plain, _arrow_texts(answer, pa.string())))


def _arrow_texts(answer: Answer, kind: pa.DataType) -> Callable[[Text], pa.Array]:
    """Makes texts plain strings. Equal ones mostly stand together, and decoding whole runs takes half the time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    positions = answer.position
    of_series = _last_of_runs(positions)  # once for all labels

    def text(column: Text) -> pa.Array:
        codes = column.codes
        last = of_series if codes is positions else _last_of_runs(codes)
        if len(last) == 1:
            return pa.repeat(pa.scalar(column.values[codes[0]], kind), len(codes))
        if len(last) * _RUN > len(codes):
            values = pa.array(column.values, kind)
            return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), values).dictionary_decode()
        values = pa.array([column.values[code] for code in codes[last].tolist()], kind)
        return pc.run_end_decode(pa.RunEndEncodedArray.from_arrays(pa.array(last + 1, pa.int32()), values))

    return text


def _last_of_runs(codes: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where another code follows, or nothing."""
    return np.flatnonzero(np.append(codes[1:] != codes[:-1], True)[: len(codes)])


def _columns(
    answer: Answer,
    time: Callable[..., Any],
    plain: Callable[[NDArray[Any]], Any],
    text: Callable[[Text], Any],
) -> dict[str, Any]:
    zone = zone_name(answer.zone)
    return {
        "timestamp": time(answer.timestamp, zone),
        "value": plain(answer.value),
        **{name: text(column) for name, column in answer.labels()},
        "valid": plain(answer.valid),
        "zone_status": text(answer.zone_status),
        "data_state": text(answer.data_state),
        "knowledge_time": time(answer.knowledge_time, zone),
        **({} if answer.attributes is None else {"attributes": text(answer.attributes)}),
        **({} if answer.count is None else {"count": plain(answer.count)}),
        **({} if answer.coverage is None else {"coverage": plain(answer.coverage)}),
    }


def _attributes(answer: Answer) -> Iterable[dict[str, str] | None]:
    if answer.step is not None:
        return _bucket_attributes(answer)
    if answer.attributes is None:
        return repeat(None, len(answer.value))
    known = [json.loads(text) if text else None for text in answer.attributes.values]
    return [known[code] for code in answer.attributes.codes.tolist()]


def _bucket_attributes(answer: Answer) -> Iterator[dict[str, str]]:
    """What a Metric has no place for otherwise: its length, how many values it has, the share that they cover."""
    columns = {"count": answer.count, "coverage": answer.coverage}
    texts = {name: map(str, column.tolist()) for name, column in columns.items() if column is not None}
    length = {"resolution": answer.step or ""}
    if not length["resolution"].startswith("PT"):
        length["resolution_tz"] = zone_name(answer.zone)
    for known in zip(*texts.values(), strict=True):
        yield {**length, **dict(zip(texts, known, strict=True))}


def zone_name(zone: tzinfo) -> str:
    """As frames name it."""
    return getattr(zone, "key", "UTC")


def _datetimes(us: NDArray[np.int64]) -> list[Any]:
    distinct, places = np.unique(us, return_inverse=True)
    known = [EPOCH + each * MICROSECOND for each in distinct.tolist()]
    return [known[place] for place in places.tolist()]


def _strings(column: Text) -> Sequence[str]:
    return [column.values[code] or "" for code in column.codes.tolist()]


@contextmanager
def needs(package: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except ImportError as exc:
        raise MissingExtraError(f"this form of an answer needs {package}, which is not installed: {remedy}").caused_by(
            exc
        ) from None
