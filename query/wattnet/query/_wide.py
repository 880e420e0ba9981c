"""An answer as energy people hold it: a row a timestamp, a column a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.query._errors import QuestionError
from wattnet.query._frames import EXTRA, needs, zone_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from wattnet.query._answer import Answer


def wide_pandas(answer: Answer) -> pd.DataFrame:
    """A DatetimeIndex, and an Index or MultiIndex of columns with the labels' names."""
    with needs("pandas", "pip install pandas"):
        import pandas as pd
    times, values = _grid(answer)
    names, columns = _columns(answer)
    header: pd.Index[Any]
    if len(names) == 1:
        header = pd.Index([column[0] for column in columns], name=names[0])
    else:
        header = pd.MultiIndex.from_tuples(columns, names=names) if names else pd.Index([answer.name] * len(columns))
    index = (
        pd.DatetimeIndex(times.view("datetime64[us]"))
        .tz_localize("UTC")
        .tz_convert(zone_name(answer.zone))
        .rename("timestamp")
    )
    return pd.DataFrame(values, index=index, columns=header, copy=False)


def wide_polars(answer: Answer) -> pl.DataFrame:
    """The column timestamp, then one a series; null where it has no value."""
    with needs("polars", EXTRA):
        import polars as pl
    times, values = _grid(answer)
    columns = {name: pl.Series(values[:, number], nan_to_null=True) for number, name in enumerate(_texts(answer))}
    return pl.DataFrame({"timestamp": pl.Series(times).cast(pl.Datetime("us", zone_name(answer.zone))), **columns})


def wide_arrow(answer: Answer) -> pa.Table:
    """The column timestamp, then one a series; null where it has no value."""
    with needs("pyarrow", EXTRA):
        import pyarrow as pa
    times, values = _grid(answer)
    columns = {name: pa.array(values[:, number], from_pandas=True) for number, name in enumerate(_texts(answer))}
    return pa.table(
        {"timestamp": pa.array(times, pa.int64()).cast(pa.timestamp("us", zone_name(answer.zone))), **columns}
    )


def first_times(answer: Answer, count: int) -> Answer:
    """The rows of its first so many timestamps."""
    times = np.unique(answer.timestamp)
    return answer if len(times) <= count else answer.taken(answer.timestamp < times[count])


def one_series(answer: Answer) -> pd.Series[float]:
    """The values of the only series. Raises QuestionError when there are more."""
    if len(answer.series) > 1:
        apart = ", ".join(_apart(answer))
        raise QuestionError(
            f"{len(answer.series)} series of {answer.name} match, and this reads one: "
            f"say which one by {apart}, or read to_pandas(wide=True)"
        )
    frame = wide_pandas(answer)
    series: pd.Series[float] = frame.iloc[:, 0] if len(answer.series) else frame.sum(axis=1)
    return series.rename(answer.name)


def draw(frame: pd.DataFrame, title: str, options: Mapping[str, Any]) -> Any:
    """Axes with a line a column. Raises MissingExtraError without matplotlib."""
    with needs("matplotlib", "pip install matplotlib"):
        return frame.plot(**{"title": title, "xlabel": "", **options})


def _grid(answer: Answer) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All timestamps in order, and a value for each of them and each series; NaN where there is none."""
    times, places = np.unique(answer.timestamp, return_inverse=True)
    # By columns: a series' values stand together, as they come and as frames keep them.
    values = np.full((len(times), len(answer.series)), np.nan, order="F")
    values[places.reshape(-1), answer.position] = answer.value
    return times, values


def _apart(answer: Answer) -> list[str]:
    """The labels in which the series differ; where only one matches, its zone or first label is its name."""
    names = [name for name in answer.label_names if len({one.labels.get(name) for one in answer.series}) > 1]
    if names or not answer.label_names:
        return names
    return ["zone" if "zone" in answer.label_names else answer.label_names[0]]


def _columns(answer: Answer) -> tuple[list[str], list[tuple[str, ...]]]:
    names = _apart(answer)
    return names, [tuple(one.labels.get(name, "") for name in names) for one in answer.series]


def _texts(answer: Answer) -> Sequence[str]:
    names, columns = _columns(answer)
    if len(names) <= 1:
        return [column[0] if column else answer.name for column in columns]
    return [",".join(f"{name}={value}" for name, value in zip(names, column, strict=True)) for column in columns]
