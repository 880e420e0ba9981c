"""What a reader asks for by labels: equality on what names a series, and on the quality of a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.query._errors import FilterError
from wattnet.schemas import QUALITY_LABEL_NAMES, ZONE_STATUSES, MetricError, canonical_labels, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FILTER_BYTES = 96 * 1024
"""Of one label's values together: a parameter may take 128 KiB on its way to ClickHouse."""

ABSENT = ""
"""Among the wanted values of a label: series without the label. Stored labels are never empty."""

_ANY_OF = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Filters:
    """Each label (or quality) with the values that are wanted: any one of them, never an empty tuple."""

    labels: Mapping[str, tuple[str, ...]]
    quality: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Filters:
        """Read keyword arguments: a value, or a list, tuple or set of which any one is meant; `from_` means `from`.

        None means that a series does not have the label.

        Raises:
            FilterError: A value is empty, or no label can have it.
        """
        labels: dict[str, tuple[str, ...]] = {}
        quality: dict[str, tuple[str, ...]] = {}
        for argument, value in given.items():
            wanted = list(value) if isinstance(value, _ANY_OF) else [value]
            if not wanted:
                raise FilterError(
                    f"{argument}={value!r} lets nothing through: leave it out to have all, or give values"
                )
            if argument in QUALITY_LABEL_NAMES:
                quality[argument] = tuple(dict.fromkeys(_quality(argument, one) for one in wanted))
                continue
            pairs = dict.fromkeys(_label(argument, one) for one in wanted)
            name = next(iter(pairs))[0]
            if name in labels:
                raise FilterError(f"{name!r} is given twice, as {argument!r} too: give it once")
            labels[name] = tuple(text for _, text in pairs)
            _check_size(name, labels[name])
        return cls(labels, quality)

    def actuals_only(self) -> Filters:
        """The same without forecasts, unless the label `forecast` is asked for."""
        if "forecast" in self.labels:
            return self
        return Filters({**self.labels, "forecast": (ABSENT,)}, self.quality)

    def with_quality(self, name: str, value: str) -> Filters:
        """The same, and only this value of a quality."""
        return Filters(self.labels, {**self.quality, name: (value,)})


def label_name(argument: str) -> str:
    """The label that is meant: `from_` is `from`. Raises FilterError for what names no label."""
    if argument in QUALITY_LABEL_NAMES:
        raise FilterError(f"{argument!r} tells values apart, not series, and stands with each value: it is no label")
    return _label(argument, "any")[0]


def _label(argument: str, value: object) -> tuple[str, str]:
    if value is None:
        return _label(argument, "any")[0], ABSENT
    try:
        canonical = canonical_labels({argument: value})
    except MetricError as exc:
        raise FilterError(f"filter {argument}={value!r}: {exc}").caused_by(exc) from None
    for name, text in canonical.items():
        return name, text
    raise FilterError(
        f"filter {argument}={value!r} is empty, and labels are never empty: leave it out to have all series, or give "
        "None for those without the label"
    )


def _quality(argument: str, value: object) -> str:
    if argument == "valid":
        text = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else value
        known: tuple[str, ...] = ("true", "false")
    elif argument == "zone_status":
        text, known = value, ZONE_STATUSES
    else:
        text, known = value, ()
    if not isinstance(text, str) or (known and text not in known):
        meant = suggest(text, known) if isinstance(text, str) else None
        hint = f"did you mean {meant!r}?" if meant else f"give {' or '.join(known) or 'a string'}"
        raise FilterError(f"filter {argument}={value!r} is unknown: {hint}")
    return str.__str__(text)


def _check_size(name: str, values: tuple[str, ...]) -> None:
    if sum(len(value.encode()) + 3 for value in values) > MAX_FILTER_BYTES:
        raise FilterError(
            f"{len(values)} values for {name!r} are too many for one question (at most {MAX_FILTER_BYTES:,} bytes): "
            "ask in parts, or leave the filter out and select from the answer"
        )
