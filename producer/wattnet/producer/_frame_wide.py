"""Which labels the columns of a wide frame stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wattnet.producer._errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


def labels_of_columns(
    names: Sequence[Hashable],
    level_names: Sequence[str | None],
    columns: str | Sequence[str] | Mapping[Any, Mapping[str, object]] | None,
) -> list[Mapping[str, object]]:
    """The labels of each column.

    columns  the label that the columns' names are values of; one for each level where there are several; or the labels
             of each column by its name. None takes the levels' own names

    Raises FrameError when they do not fit the frame.
    """
    labels: list[Any]
    if isinstance(columns, Mapping):
        return _by_name(names, columns)
    if columns is None:
        if None in level_names:
            raise FrameError(
                f"level {level_names.index(None)} of the columns has no name: name all of them, or give columns=, "
                "a label for each level"
            )
        labels = [str(name) for name in level_names]
    else:
        labels = [columns] if isinstance(columns, str) else list(columns)
    if len(labels) != len(level_names):
        raise FrameError(
            f"columns= names {len(labels)} labels ({', '.join(map(repr, labels))}), and the frame's columns have "
            f"{len(level_names)} levels: give a label for each level"
        )
    for label in labels:
        if not isinstance(label, str) or labels.count(label) > 1:
            raise FrameError(f"columns= names the label {label!r}: give each level a label of its own, a string")
    if len(labels) == 1:
        return [{labels[0]: name[0] if isinstance(name, tuple) else name} for name in names]
    return [dict(zip(labels, _levels(name, len(labels)), strict=True)) for name in names]


def _levels(name: Hashable, count: int) -> tuple[Any, ...]:
    if not isinstance(name, tuple) or len(name) != count:
        raise FrameError(f"column {name!r} has not {count} levels: make it part of the index, or drop it")
    return name


def _by_name(names: Sequence[Hashable], columns: Mapping[Any, Mapping[str, object]]) -> list[Mapping[str, object]]:
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise FrameError(f"columns= says nothing of column {unknown[0]!r}: give its labels, or drop the column")
    present = set(names)
    absent = [name for name in columns if name not in present]
    if absent:
        raise FrameError(f"columns= has labels for {absent[0]!r}, and the frame has no such column: correct the name")
    for name, labels in columns.items():
        given: object = labels
        if not isinstance(given, Mapping):
            raise FrameError(f"columns= gives {given!r} for column {name!r}: give a dict of labels")
    return [columns[name] for name in names]
