"""One metric for each point: the best. (The module is spelled as 1.1 spells it.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.schemas import QUALITY_LABEL_NAMES
from wattnet.storage._series import NEVER_EMPTY, NO_LABEL, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from wattnet.storage.models import Metric

ZONE_STATUS_PRIORITY = {"missing": 0, "preview": 1, "complete": 2}

_NO_IDENTITY = QUALITY_LABEL_NAMES | {NO_LABEL}


def filter_best_metrics(metrics: Sequence[Metric]) -> list[Metric]:
    """Of the metrics of one point the best, in the order in which the points first come.

    A point is a name, a timestamp and all labels but those that say how good a value is: a metric with a label and one
    without are two points. Best is valid before not valid, then complete before preview before missing, then the
    newest: by `updated_at` in the metadata where there is one, and the later one in the list.
    """
    best: dict[Hashable, tuple[Any, Metric]] = {}
    for metric in metrics:
        point, rank = _point(metric), _rank(metric)
        if point not in best or rank >= best[point][0]:
            best[point] = rank, metric
    return [metric for _, metric in best.values()]


def _point(metric: Metric) -> Hashable:
    labels = metric.metadata.items()
    return metric.name, metric.timestamp, frozenset(_texts(labels))


def _texts(labels: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Without what stands for an absent label, so that one client's answer goes with another's."""
    for name, value in labels:
        if name not in _NO_IDENTITY and value not in ("", None) and not (value == UNKNOWN and name in NEVER_EMPTY):
            yield name, str(value)


def _rank(metric: Metric) -> tuple[bool, int, bool, Any]:
    given = metric.metadata
    updated = given.get("updated_at")
    status = ZONE_STATUS_PRIORITY.get(str(given.get("zone_status") or "complete"), -1)
    return str(given.get("valid", True)).lower() != "false", status, updated is not None, updated or 0
