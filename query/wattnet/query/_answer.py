"""An answer as columns: numbers as numpy arrays, text as codes into a few strings. Every output is made from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from wattnet.query._rank import taken_apart
from wattnet.query._states import COLUMN as STATE
from wattnet.query._states import Coded
from wattnet.schemas import ZONE_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from wattnet.query._series import Match, Matches


COLUMNS = frozenset({"timestamp", "value", "valid", "zone_status", "data_state", "knowledge_time", "attributes"})
BUCKET_COLUMNS = COLUMNS | {"count", "coverage"}


@dataclass(frozen=True, slots=True)
class Text:
    """A column of strings: row i says values[codes[i]]; None where there is nothing."""

    values: Sequence[str | None]
    codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows by series, then time; times are microseconds since 1970."""

    name: str
    label_names: Sequence[str]
    series: Sequence[Match]
    position: NDArray[np.int32]
    """Of each row's series in `series`."""
    timestamp: NDArray[np.int64]
    value: NDArray[np.float64]
    """NaN where a revision withdraws the value, which only a history shows: what is stored is finite."""
    valid: NDArray[np.bool_]
    zone_status: Text
    data_state: Text
    knowledge_time: NDArray[np.int64]
    attributes: Text | None = None
    """JSON objects, '' where there are none; None when they were not asked for."""
    step: str | None = None
    """Of buckets, an ISO 8601 duration. Then each row is a bucket, and timestamp its start."""
    zone: tzinfo = timezone.utc
    """In which frames show times."""
    count: NDArray[np.int64] | None = None
    """How many values a bucket has."""
    coverage: NDArray[np.float64] | None = None
    """The share of a bucket's time that has values, of energy and power."""

    def taken(self, rows: slice | NDArray[np.bool_]) -> Answer:
        """Some of its rows; the series stay."""

        def text(column: Text) -> Text:
            return Text(column.values, column.codes[rows])

        return replace(
            self,
            position=self.position[rows],
            timestamp=self.timestamp[rows],
            value=self.value[rows],
            valid=self.valid[rows],
            zone_status=text(self.zone_status),
            data_state=text(self.data_state),
            knowledge_time=self.knowledge_time[rows],
            attributes=None if self.attributes is None else text(self.attributes),
            count=None if self.count is None else self.count[rows],
            coverage=None if self.coverage is None else self.coverage[rows],
        )

    def labels(self) -> Iterator[tuple[str, Text]]:
        """A column for each label name; `label_valid` for one that is named like a column.

        Metric refuses such labels, but another language's producer can send them, and the value must not be hidden.
        """
        taken = COLUMNS if self.count is None else BUCKET_COLUMNS
        for name in self.label_names:
            yield (
                f"label_{name}" if name in taken else name,
                Text([match.labels.get(name) for match in self.series], self.position),
            )


def to_answer(
    matches: Matches, blocks: Sequence[Sequence[Any]], *, attributes: bool, zone: tzinfo = timezone.utc
) -> Answer:
    """Join blocks of columns as a Statement names them; the rows keep their order."""
    states, state_codes = _coded([block[STATE] for block in blocks])
    valid, zone_status, knowledge_time = taken_apart(joined(blocks, 3, np.uint64).view(np.int64))
    return Answer(
        name=matches.name,
        label_names=matches.label_names,
        series=matches.series,
        position=joined(blocks, 0, np.int32),
        timestamp=joined(blocks, 1, np.int64),
        value=joined(blocks, 2, np.float64),
        valid=valid,
        zone_status=Text(ZONE_STATUSES, zone_status.astype(np.int32)),
        data_state=Text(states, state_codes),
        knowledge_time=knowledge_time,
        attributes=Text(*_coded([block[STATE + 1] for block in blocks])) if attributes else None,
        zone=zone,
    )


def joined(blocks: Sequence[Sequence[Any]], column: int, dtype: type[np.generic]) -> NDArray[Any]:
    """One column of all blocks."""
    if not blocks:
        return np.empty(0, dtype)
    return np.concatenate([np.asarray(block[column], dtype) for block in blocks])


def _coded(blocks: Sequence[Sequence[str] | Coded]) -> tuple[list[str], NDArray[np.int32]]:
    """The distinct strings, and each row's place among them; the per-row work stays in C."""
    numbers: dict[str, int] = {}
    coded: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    for block in blocks:
        if isinstance(block, Coded):
            places = np.array([numbers.setdefault(text, len(numbers)) for text in block.values], np.int32)
            coded.append(places[np.asarray(block.codes, np.uint8)])
            continue
        distinct = set(block)
        for text in sorted(distinct):
            numbers.setdefault(text, len(numbers))
        if len(distinct) == 1:  # usual: most sources say one thing of all their data
            coded.append(np.full(len(block), numbers[block[0]], np.int32))
        else:
            coded.append(np.fromiter(map(numbers.__getitem__, block), np.int32, len(block)))
    return list(numbers), np.concatenate(coded)
