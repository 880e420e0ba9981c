"""The distinct series of a frame: each is checked once, by Metric's own rules, however many rows it has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.producer._frame_rows import EPOCH
from wattnet.producer._frame_table import at_rows
from wattnet.schemas import AttributeValueError, Metric, MetricError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from wattnet.producer._frame_table import Coded

# Up to here distinct combinations are found by counting, not by sorting.
_COUNTED = 1 << 22


@dataclass(frozen=True, slots=True)
class Common:
    """What all rows of a frame share: the arguments of send_frame."""

    metric_type: str | None
    labels: Mapping[str, object]
    attributes: Mapping[str, object]
    strict: bool

    def metric(self, metric_type: Any, labels: Mapping[str, object], attributes: Mapping[str, object]) -> Metric:
        """A metric that stands for a series; raises MetricError."""
        return Metric(
            metric_type if self.metric_type is None else self.metric_type,
            0.0,
            EPOCH,
            {**self.labels, **labels},
            attributes={**self.attributes, **attributes} or None,
            strict=self.strict,
        )


def distinct_series(common: Common, columns: Mapping[str, Coded], count: int) -> tuple[list[Metric], NDArray[np.intp]]:
    """The series, and each row's place among them.

    columns  by what they are: `metric_type`, `attributes` (JSON objects), or a label or quality of that name

    Raises MetricError of the first series that is refused, with all rows that are.
    """
    places, rows = _combinations(list(columns.values()), count)
    series: list[Metric] = []
    refused = np.zeros(len(rows), np.bool_)
    first: MetricError | None = None
    of_series = [column.at(rows) for column in columns.values()]
    for number, values in enumerate(zip(*of_series, strict=True) if columns else [()] * len(rows)):
        given = dict(zip(columns, values, strict=True))
        try:
            attributes = _attributes(given.pop("attributes", None))
            series.append(common.metric(given.pop("metric_type", None), given, attributes))
        except MetricError as exc:
            first = first or exc
            refused[number] = True
    if first is not None:
        raise at_rows(first, None, refused[places]).caused_by(first) from None
    return series, places


def _attributes(text: Any) -> dict[str, object]:
    if text is None or text == "":
        return {}
    try:
        attributes = json.loads(text)
    except (TypeError, ValueError) as exc:
        raise AttributeValueError(
            f'attributes {text!r} are no JSON: give an object, such as \'{{"run": "7"}}\''
        ).caused_by(exc) from None
    if not isinstance(attributes, dict):
        raise AttributeValueError(f'attributes {text!r} are no JSON object: give one, such as \'{{"run": "7"}}\'')
    return attributes


def _combinations(columns: Sequence[Coded], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each row's place among the distinct combinations, and a row of each."""
    combined = np.zeros(count, np.intp)
    kinds = 1
    for column in columns:
        width = len(column.values) + 1
        if kinds * width > _COUNTED and kinds > 1:
            combined, rows = _numbered(combined, kinds)
            kinds = len(rows)
        combined = combined * width + column.codes + 1
        kinds *= width
    return _numbered(combined, kinds)


def _numbered(combined: NDArray[np.intp], kinds: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Small numbers for large ones, and a row of each."""
    if kinds > _COUNTED:
        _, rows, places = np.unique(combined, return_index=True, return_inverse=True)
        return places.reshape(-1), rows
    row_of = np.full(kinds, -1, np.intp)
    row_of[combined] = np.arange(len(combined))
    seen = np.flatnonzero(row_of >= 0)
    place_of = np.empty(kinds, np.intp)
    place_of[seen] = np.arange(len(seen))
    return place_of[combined], row_of[seen]
