"""The metric types that all Wattnet modules share, and the labels that each of them is read by."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class MetricType(str, Enum):
    """The sixteen shared types and UNKNOWN. A member equals its string: `MetricType.ZONE_LOAD == "zone_load"`."""

    ZONE_GENERATION = "zone_generation"
    ZONE_IMPORT = "zone_import"
    ZONE_EXPORT = "zone_export"
    ZONE_LOAD = "zone_load"
    ZONE_MIX_GENERATION = "zone_mix_generation"
    FACTOR = "factor"
    LOCAL_FOOTPRINT = "local_footprint"
    GLOBAL_FOOTPRINT = "global_footprint"
    LOCAL_IMPACT = "local_impact"
    GLOBAL_IMPACT = "global_impact"
    LOCAL_SCORE = "local_score"
    GLOBAL_SCORE = "global_score"
    FLOW_SHARE = "flow_share"
    MIX_SHARE = "mix_share"
    FOOTPRINT_SHARE = "footprint_share"
    IMPACT_SHARE = "impact_share"
    UNKNOWN = "unknown"

    # Without it str() and f-strings differ between Python 3.11 and 3.12.
    def __str__(self) -> str:
        return self.value


_BASE = frozenset({"unit", "valid", "zone", "zone_status"})
_LOAD = _BASE | {"data_state", "datasource"}
_GENERATION = _LOAD | {"production_type"}
_FOOTPRINT = _BASE | {"footprint_type", "scope"}
_IMPACT = _BASE | {"impact_type", "scope"}
_SCORE = frozenset({"scope", "valid", "zone", "zone_status"})
_FACTOR = frozenset({"factor_type", "production_type", "scope", "source", "source_link", "unit", "year"})

LABELS_BY_TYPE: Mapping[MetricType, frozenset[str]] = MappingProxyType(
    {
        MetricType.ZONE_GENERATION: _GENERATION,
        MetricType.ZONE_IMPORT: _LOAD | {"from"},
        MetricType.ZONE_EXPORT: _LOAD | {"to"},
        MetricType.ZONE_LOAD: _LOAD,
        MetricType.ZONE_MIX_GENERATION: _GENERATION,
        MetricType.FACTOR: _FACTOR,
        MetricType.LOCAL_FOOTPRINT: _FOOTPRINT,
        MetricType.GLOBAL_FOOTPRINT: _FOOTPRINT,
        MetricType.LOCAL_IMPACT: _IMPACT,
        MetricType.GLOBAL_IMPACT: _IMPACT,
        MetricType.LOCAL_SCORE: _SCORE,
        MetricType.GLOBAL_SCORE: _SCORE,
        MetricType.FLOW_SHARE: _BASE | {"target"},
        MetricType.MIX_SHARE: _BASE | {"source"},
        MetricType.FOOTPRINT_SHARE: _BASE | {"footprint_type", "scope", "source"},
        MetricType.IMPACT_SHARE: _BASE | {"impact_type", "scope", "source"},
        MetricType.UNKNOWN: frozenset(),
    }
)
"""What readers of each type expect in a metric's metadata. A metric may carry more."""

ZONED_METRIC_NAMES: frozenset[str] = frozenset(t.value for t, labels in LABELS_BY_TYPE.items() if "zone" in labels)
"""Names whose metrics are refused without a zone, here and by the tables."""
