"""What a 1.x metric says besides its value and its time, in the common format.

In metadata as 1.x programs have it, qualities may be strings ("True", "false"), numbers may be numpy's, and what was
read comes back: the words that stand for what is absent, and 1.1's column `updated_at`, which is no label.
"""

from __future__ import annotations

import threading
import warnings
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wattnet.schemas import LabelWarning, Metric, TypoWarning, canonical_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

NEVER_EMPTY = frozenset({"unit", "data_state"})
"""Readers of 1.x expect these not to be empty, so UNKNOWN stands where they are absent."""
UNKNOWN = "unknown"
NO_LABEL = "updated_at"

# Filters of warnings are global: one thread at a time changes them, and only when a series is new.
_quietly = threading.Lock()


def sample(name: str, metadata: Mapping[str, Any]) -> Metric:
    """A metric of this series and quality, whose value and time mean nothing. Raises MetricError.

    Missing labels, typos, blanks around a label's value and a resolution that is no ISO 8601 are no matter here: 1.x
    had no rule for them, and a program may ask for what it wrote.
    """
    given = {label: value for label, value in map(_as_given, metadata.items()) if label != NO_LABEL}
    resolution = given.pop("resolution", None)
    blanks = {label: text for label, text in given.items() if isinstance(text, str) and text != text.strip()}
    stripped = {label: text.strip() for label, text in blanks.items()}
    with _quietly, warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelWarning)
        warnings.simplefilter("ignore", TypoWarning)
        metric = Metric(name, 0.0, EPOCH, {**given, **stripped})
    if resolution is None and not blanks:
        return metric
    kept = canonical_labels({"interval": resolution}).get("interval")
    return Metric.from_stored(
        metric.name,
        metric.value,
        metric.timestamp,
        {label: blanks.get(label, text) for label, text in metric.labels.items()},
        knowledge_time=None,
        valid=metric.valid,
        zone_status=metric.zone_status,
        data_state=blanks.get("data_state", metric.data_state),
        attributes=metric.attributes if kept is None else {**metric.attributes, "resolution": kept},
    )


def plain(value: Any) -> Any:
    """The Python value of numpy's scalars; NaN, which pandas has for nothing, as None."""
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    return None if value != value else value


def _as_given(pair: tuple[str, Any]) -> tuple[str, Any]:
    label, value = pair[0], plain(pair[1])
    if label == "valid" and isinstance(value, str):
        value = value.lower()
    elif value == UNKNOWN and label in NEVER_EMPTY:
        value = None
    return label, value
