"""What a metric says besides its value and its times. Metrics of one series share it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from wattnet.schemas._caller import warn_caller
from wattnet.schemas._errors import (
    AttributeValueError,
    LabelError,
    LabelWarning,
    MetricNameError,
    MissingLabelError,
    QualityError,
)
from wattnet.schemas._labels import (
    ATTRIBUTE_LABEL_NAMES,
    as_text,
    canonical_texts,
    identity_labels,
    refuse_blanks,
    utf8_bytes,
)
from wattnet.schemas._resolution import RESOLUTION, RESOLUTION_TZ, canonical_resolution, canonical_zone
from wattnet.schemas._suggest import suggest
from wattnet.schemas._types import LABELS_BY_TYPE, ZONED_METRIC_NAMES, MetricType
from wattnet.schemas._typos import warn_of_typos

MAX_NAME_BYTES = 200
MAX_DATA_STATE_BYTES = 200
ZONE_STATUSES = ("missing", "preview", "complete")

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_HAVE_DEFAULTS = frozenset({"valid", "zone_status"})
_ESCAPES = str.maketrans({character: "\\" + character for character in "\\,={}"})
_TYPES_BY_NAME = {member.value: member for member in MetricType}


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Compared by identity, so that it is a cheap key; `same_as` compares what it says."""

    metric_type: MetricType | str
    name: str
    labels: Mapping[str, str]
    valid: bool
    zone_status: str
    data_state: str
    attributes: Mapping[str, str]
    missing: tuple[str, ...]
    """Labels that the type requires and the metric lacks."""

    def same_as(self, other: Context) -> bool:
        return self is other or (
            self.name == other.name
            and self.valid == other.valid
            and self.zone_status == other.zone_status
            and self.data_state == other.data_state
            and self.labels == other.labels
            and self.attributes == other.attributes
        )

    def with_zone(self, zone: str) -> Context:
        """The same, with the zone by whose calendar its resolution has days."""
        attributes = dict(sorted({**self.attributes, RESOLUTION_TZ: zone}.items()))
        return replace(self, attributes=MappingProxyType(attributes))

    @property
    def series_key(self) -> str:
        inside = ",".join(f"{k.translate(_ESCAPES)}={v.translate(_ESCAPES)}" for k, v in self.labels.items())
        return f"{self.name}{{{inside}}}"

    @property
    def metadata(self) -> dict[str, str | bool]:
        return {
            **self.labels,
            "valid": self.valid,
            "zone_status": self.zone_status,
            "data_state": self.data_state,
        }


def checked_context(
    metric_type: MetricType | str,
    metadata: Mapping[str, object] | None,
    attributes: Mapping[str, object] | None,
    *,
    strict: bool,
) -> Context:
    """The context of a metric that somebody makes: every rule is applied.

    Warns of missing labels, or raises MissingLabelError when strict.
    """
    kind = _metric_type(metric_type)
    name = kind.value if isinstance(kind, MetricType) else kind
    identity = _as_dict(metadata, "metadata", LabelError)
    valid = _valid(identity.pop("valid", None))
    zone_status = _zone_status(identity.pop("zone_status", None))
    data_state = _data_state(identity.pop("data_state", None))
    described = _as_dict(attributes, "attributes", AttributeValueError)
    _move_attributes(identity, described)
    labels = identity_labels(identity)
    texts = canonical_texts(described, "attribute", AttributeValueError)
    refuse_blanks(labels, texts, data_state)
    warn_of_typos(name, labels, texts)
    if name in ZONED_METRIC_NAMES and "zone" not in labels:
        raise MissingLabelError(f"{name} needs a zone: add it to the metadata, such as {{'zone': 'ES'}}")
    missing = _missing(kind, {**texts, **labels, "data_state": data_state})
    if missing and strict:
        raise missing_labels(name, missing)
    if missing:
        warn_caller(_missing_text(name, missing), LabelWarning)
    return Context(
        metric_type=kind,
        name=name,
        labels=MappingProxyType(labels),
        valid=valid,
        zone_status=zone_status,
        data_state=data_state,
        attributes=MappingProxyType(texts),
        missing=missing,
    )


def stored_context(
    name: str,
    labels: Mapping[str, str],
    *,
    valid: bool,
    zone_status: str,
    data_state: str,
    attributes: Mapping[str, str],
) -> Context:
    """The context of a metric that was stored or sent before: taken as it is, only put in order."""
    return Context(
        metric_type=_TYPES_BY_NAME.get(name, name),
        name=name,
        labels=MappingProxyType(dict(sorted(labels.items()))),
        valid=bool(valid),
        zone_status=zone_status,
        data_state=data_state,
        attributes=MappingProxyType(dict(sorted(attributes.items()))),
        missing=(),
    )


def missing_labels(name: str, missing: tuple[str, ...]) -> MissingLabelError:
    return MissingLabelError(_missing_text(name, missing) + " (strict)")


def _missing_text(name: str, missing: tuple[str, ...]) -> str:
    return f"{name} lacks {', '.join(map(repr, missing))}, which its readers expect: add it to the metadata"


def _missing(kind: MetricType | str, present: Mapping[str, str]) -> tuple[str, ...]:
    required = LABELS_BY_TYPE[kind] if isinstance(kind, MetricType) else ()
    return tuple(sorted(key for key in required if key not in _HAVE_DEFAULTS and not present.get(key)))


def _move_attributes(metadata: dict[str, object], attributes: dict[str, object]) -> None:
    """What describes a value is often given among its labels; there it would make a series of its own."""
    for given in (metadata, attributes):
        if given.get(RESOLUTION) not in (None, ""):
            given[RESOLUTION] = canonical_resolution(given[RESOLUTION])
        if given.get(RESOLUTION_TZ) not in (None, ""):
            given[RESOLUTION_TZ] = canonical_zone(given[RESOLUTION_TZ])
    for key in ATTRIBUTE_LABEL_NAMES:
        moved = metadata.pop(key, None)
        if moved is None or moved == "":
            continue
        if attributes.setdefault(key, moved) != moved:
            raise AttributeValueError(
                f"{key!r} is {moved!r} in metadata and {attributes[key]!r} in attributes: give it once, in attributes"
            )


def _metric_type(given: object) -> MetricType | str:
    if isinstance(given, MetricType):
        return given
    if not isinstance(given, str):
        raise MetricNameError(
            f"metric_type {given!r} is a {type(given).__name__}: give a MetricType, such as "
            "MetricType.ZONE_LOAD, or a lower_snake_case string"
        )
    name = str.__str__(given)
    if known := _TYPES_BY_NAME.get(name):
        return known
    if not _SNAKE_CASE.fullmatch(name):
        meant = suggest(name, _TYPES_BY_NAME)
        hint = f"did you mean {meant!r}?" if meant else "such as 'price_day_ahead'"
        raise MetricNameError(f"metric_type {name!r} is not lower_snake_case: {hint}")
    if utf8_bytes(name, "metric_type", MetricNameError) > MAX_NAME_BYTES:
        raise MetricNameError(f"metric_type {name[:40]!r}… has {len(name)} bytes: at most {MAX_NAME_BYTES} are kept")
    return name


def _as_dict(
    given: Mapping[str, object] | None, what: str, error: type[LabelError] | type[AttributeValueError]
) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise error(f"{what} is {given!r}, a {type(given).__name__}: give a dict of names and values")
    return dict(given)


def _valid(given: object) -> bool:
    if given is None or given is True or given is False:
        return given is not False
    if isinstance(given, str) and given in ("", "true", "false"):
        return given != "false"
    raise QualityError(f"valid is {given!r}: give True or False (or 'true' or 'false')")


def _zone_status(given: object) -> str:
    text = as_text(given, "zone_status", QualityError) or "complete"
    if text not in ZONE_STATUSES:
        meant = suggest(text, ZONE_STATUSES)
        hint = f"did you mean {meant!r}?" if meant else "give complete, preview or missing"
        raise QualityError(f"zone_status {text!r} is unknown: {hint}")
    return text


def _data_state(given: object) -> str:
    text = as_text(given, "data_state", QualityError)
    if utf8_bytes(text, "data_state", QualityError) > MAX_DATA_STATE_BYTES:
        raise QualityError(f"data_state {text[:40]!r}… is too long: at most {MAX_DATA_STATE_BYTES} bytes are kept")
    return text
