"""The common format: Metric, its labels and limits, and how it travels."""

from __future__ import annotations

from wattnet.schemas._caller import for_caller, warn_caller
from wattnet.schemas._context import ZONE_STATUSES
from wattnet.schemas._decode import decode_metric
from wattnet.schemas._dictionary import (
    KNOWN_LABELS,
    KNOWN_NAMES,
    KNOWN_UNITS,
    KnownLabel,
    KnownName,
    KnownUnit,
)
from wattnet.schemas._encoder import MetricEncoder
from wattnet.schemas._errors import (
    AttributeValueError,
    DecodeError,
    LabelError,
    LabelWarning,
    MetricError,
    MetricNameError,
    MetricTimeError,
    MetricValueError,
    MissingLabelError,
    NaiveTimeError,
    QualityError,
    ReservedLabelError,
    TimeRangeError,
    TypoWarning,
    WattnetError,
)
from wattnet.schemas._labels import (
    ATTRIBUTE_LABEL_NAMES,
    QUALITY_LABEL_NAMES,
    RESAMPLED_COLUMNS,
    RESERVED_LABEL_NAMES,
    canonical_labels,
)
from wattnet.schemas._metric import Metric
from wattnet.schemas._suggest import suggest
from wattnet.schemas._times import to_knowledge_time_us
from wattnet.schemas._types import LABELS_BY_TYPE, ZONED_METRIC_NAMES, MetricType
from wattnet.schemas._wire import (
    METRIC_FINGERPRINT,
    METRIC_SCHEMA_JSON,
    confluent_header,
    schema_fingerprint,
    shipped_schemas,
    single_object_header,
)

__all__ = [
    "ATTRIBUTE_LABEL_NAMES",
    "KNOWN_LABELS",
    "KNOWN_NAMES",
    "KNOWN_UNITS",
    "LABELS_BY_TYPE",
    "METRIC_FINGERPRINT",
    "METRIC_SCHEMA_JSON",
    "QUALITY_LABEL_NAMES",
    "RESAMPLED_COLUMNS",
    "RESERVED_LABEL_NAMES",
    "ZONED_METRIC_NAMES",
    "ZONE_STATUSES",
    "AttributeValueError",
    "DecodeError",
    "KnownLabel",
    "KnownName",
    "KnownUnit",
    "LabelError",
    "LabelWarning",
    "Metric",
    "MetricEncoder",
    "MetricError",
    "MetricNameError",
    "MetricTimeError",
    "MetricType",
    "MetricValueError",
    "MissingLabelError",
    "NaiveTimeError",
    "QualityError",
    "ReservedLabelError",
    "TimeRangeError",
    "TypoWarning",
    "WattnetError",
    "canonical_labels",
    "confluent_header",
    "decode_metric",
    "for_caller",
    "schema_fingerprint",
    "shipped_schemas",
    "single_object_header",
    "suggest",
    "to_knowledge_time_us",
    "warn_caller",
]
