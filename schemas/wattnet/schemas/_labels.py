"""The label canon: it decides which metrics are one series, so there is one of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.schemas._errors import (
    AttributeValueError,
    LabelError,
    MetricError,
    QualityError,
    ReservedLabelError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LABELS = 64
MAX_LABEL_BYTES = 4096

QUALITY_LABEL_NAMES: frozenset[str] = frozenset({"valid", "zone_status", "data_state"})
"""Metadata that says how good a value is. It is no part of a series' identity."""

ATTRIBUTE_LABEL_NAMES: frozenset[str] = frozenset({"resolution", "resolution_tz", "source_link"})
"""Metadata that is kept as an attribute: it describes a value and does not name its series."""

_COLUMNS = frozenset(
    {
        "name",
        "value",
        "timestamp",
        "knowledge_time",
        "labels",
        "attributes",
        "series_id",
        "rank",
        "retracted",
        "topic",
        "topic_id",
        "partition",
        "offset",
        "stored_at",
        "first_timestamp",
        "last_timestamp",
        "last_knowledge_time",
    }
)
_ARGUMENTS = frozenset(
    {"self", "metric", "metric_type", "metric_name", "metadata", "strict", "start", "end", "as_of", "resample", "limit"}
)

RESERVED_LABEL_NAMES: frozenset[str] = _COLUMNS | _ARGUMENTS | {"from_"}
"""Names that a label cannot have."""
RESAMPLED_COLUMNS: frozenset[str] = frozenset({"count", "knowledge_time", "valid", "zone_status"})
"""By these an answer of Query.resample is known. `count` alone may be a label of somebody's own."""

_REMEDIES = {
    "from_": "write 'from'",
    "timestamp": "it is Metric's third argument",
    "value": "it is Metric's second argument",
    "name": "it is Metric's first argument, metric_type",
    "metric_type": "it is Metric's first argument",
    "knowledge_time": "give it as Metric's argument of that name",
    "attributes": "give it as Metric's argument of that name",
}


def canonical_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """Labels as every part compares them: strings, sorted by name, None and empty ones left out.

    str stays as it is, bool becomes true/false, int its decimals; other types are refused. `from_` means `from`, which
    Python does not take as an argument's name. Raises LabelError for what is refused, ReservedLabelError for a name
    that is a column or an argument, and for the names of quality and attributes, which are no labels of a series.
    """
    given = dict(labels)
    if "from_" in given:
        if "from" in given:
            raise LabelError("both 'from' and 'from_' are given, and they are one label: give one")
        given["from"] = given.pop("from_")
    for name in given:
        if name in QUALITY_LABEL_NAMES:
            raise ReservedLabelError(
                f"{name!r} says how good a value is; it is no label of a series: leave it out here"
            )
        if name in ATTRIBUTE_LABEL_NAMES:
            raise ReservedLabelError(f"{name!r} is an attribute of a value and no label of a series: leave it out here")
    return identity_labels(given)


def identity_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """The canon, for labels that quality and attributes were taken from."""
    for name in labels:
        if name in RESERVED_LABEL_NAMES:
            remedy = _REMEDIES.get(name, f"choose another name, such as 'source_{name}'")
            raise ReservedLabelError(f"label {name!r} is named like a column or an argument: {remedy}")
    return canonical_texts(labels, "label", LabelError)


def canonical_texts(texts: Mapping[Any, object], what: str, error: type[MetricError]) -> dict[str, str]:
    """Strings by name, sorted, without the absent ones, within the limits that the tables set."""
    canonical: dict[str, str] = {}
    size = 0
    for name, value in texts.items():
        if not isinstance(name, str) or not name:
            raise error(f"{what} name {name!r} is refused: it must be a string that is not empty")
        text = as_text(value, f"{what} {name!r}", error)
        if not text:
            continue
        key = str.__str__(name)
        canonical[key] = text
        size += utf8_bytes(key, f"{what} name", error) + utf8_bytes(text, f"{what} {name!r}", error)
    if len(canonical) > MAX_LABELS:
        raise error(f"{len(canonical)} {what}s are too many: at most {MAX_LABELS} fit one metric")
    if size > MAX_LABEL_BYTES:
        longest = max(canonical, key=lambda name: len(name) + len(canonical[name]))
        raise error(
            f"the {what}s take {size} bytes, at most {MAX_LABEL_BYTES} fit one metric: "
            f"shorten {longest!r}, which is the longest"
        )
    return dict(sorted(canonical.items()))


def refuse_blanks(labels: Mapping[str, str], attributes: Mapping[str, str], data_state: str) -> None:
    """Raise LabelError or AttributeValueError for blanks around what readers ask by: ' ES' would be another zone.

    Only what is made is held to it; what was stored before is read, and asked for, as it is.
    """
    for name, value in labels.items():
        _refuse_blanks(name, "label name", LabelError)
        _refuse_blanks(value, f"label {name!r}", LabelError)
    for name in attributes:
        _refuse_blanks(name, "attribute name", AttributeValueError)
    _refuse_blanks(data_state, "data_state", QualityError)


def _refuse_blanks(text: str, what: str, error: type[MetricError]) -> None:
    if text != text.strip():
        raise error(f"{what} {text!r} has blanks around it, and would be another than {text.strip()!r}: strip them")


def as_text(value: object, what: str, error: type[MetricError]) -> str:
    """One value of the canon as its string; '' means absent."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str.__str__(value)  # a member of a string enum means its value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    raise error(
        f"{what} is {value!r}, a {type(value).__name__}: give a string, a bool or an int. "
        "Two spellings of one number would be two series, so the text is yours to choose"
    )


def utf8_bytes(text: str, what: str, error: type[MetricError]) -> int:
    """How many bytes `text` takes in UTF-8."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as exc:
        raise error(
            f"{what} {text!r} holds a lone surrogate and is no text in UTF-8: "
            "decode its source with the right encoding, or with errors='replace'"
        ).caused_by(exc) from None
