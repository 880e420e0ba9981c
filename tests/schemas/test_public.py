"""The names that others build on."""

from __future__ import annotations

import wattnet.schemas


def test_the_public_names_stay() -> None:
    assert wattnet.schemas.__all__ == [
        "ATTRIBUTE_LABEL_NAMES",
        "LABELS_BY_TYPE",
        "METRIC_FINGERPRINT",
        "METRIC_SCHEMA_JSON",
        "QUALITY_LABEL_NAMES",
        "RESERVED_LABEL_NAMES",
        "ZONED_METRIC_NAMES",
        "ZONE_STATUSES",
        "AttributeValueError",
        "DecodeError",
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
        "canonical_labels",
        "confluent_header",
        "decode_metric",
        "schema_fingerprint",
        "shipped_schemas",
        "single_object_header",
        "suggest",
    ]
    assert all(hasattr(wattnet.schemas, name) for name in wattnet.schemas.__all__)
