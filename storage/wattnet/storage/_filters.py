"""Filters as 1.x programs give them: what was read may be asked for, also what stands for an absent label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattnet.query import UnknownLabelError
from wattnet.schemas import ATTRIBUTE_LABEL_NAMES, RESERVED_LABEL_NAMES, MetricError, canonical_labels
from wattnet.storage._series import NEVER_EMPTY, UNKNOWN, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANY_OF = (list, tuple, set, frozenset)
# What a metric says that does not say how good it is.
_QUALITY = {"valid": "true", "zone_status": "complete", "data_state": ""}


@dataclass(frozen=True, slots=True)
class Filters:
    """Each label with its wanted values: `asked` of ClickHouse, the others `sorted_out` of the answer.

    Those are the attributes, and labels that may be absent, for which "" stands. A value that no label can have (one of
    more than 4,096 bytes, for example) is left out: no series has it.
    """

    asked: Mapping[str, list[Any]]
    sorted_out: Mapping[str, frozenset[str]]

    def without_forecasts(self) -> dict[str, Any]:
        """What to ask of ClickHouse: actuals only, unless the label `forecast` is given. 1.x knows no forecasts."""
        if "forecast" in self.asked or "forecast" in self.sorted_out:
            return dict(self.asked)
        return {**self.asked, "forecast": None}

    @classmethod
    def parse(cls, name: str, labels: Mapping[str, Any]) -> Filters:
        """Raises UnknownLabelError for what can be no label. What no label can say is refused when it is asked."""
        asked: dict[str, list[Any]] = {}
        sorted_out: dict[str, frozenset[str]] = {}
        for given, value in labels.items():
            label = "from" if given == "from_" else str(given)
            if label in RESERVED_LABEL_NAMES:
                raise UnknownLabelError(
                    f"no series of {name} has a label {label!r}, which is a column or an argument: leave it out"
                )
            values = [_wanted(label, plain(one)) for one in (value if isinstance(value, _ANY_OF) else [value])]
            if label not in _QUALITY and label not in ATTRIBUTE_LABEL_NAMES:
                values = [one for one in values if _can_be_stored(label, one)]
            if label in _QUALITY or (label not in ATTRIBUTE_LABEL_NAMES and "" not in values):
                asked[label] = values
            else:
                sorted_out[label] = frozenset(map(str, values))
        return cls(asked, sorted_out)


def _can_be_stored(label: str, value: Any) -> bool:
    """Whether a series may have this value; raises UnknownLabelError for what can be no label."""
    try:
        canonical_labels({label: "x"})
    except MetricError as exc:
        raise UnknownLabelError(f"no series has a label {label!r}: {exc}").caused_by(exc) from None
    try:
        canonical_labels({label: value})
    except MetricError:
        return False
    return True


def _wanted(label: str, value: Any) -> Any:
    if value is None or (value == UNKNOWN and label in NEVER_EMPTY):
        value = ""
    if value == "" and label in _QUALITY:
        return _QUALITY[label]
    return value.lower() if label == "valid" and isinstance(value, str) else value
