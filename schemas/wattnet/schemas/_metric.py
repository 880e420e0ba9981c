"""Metric: the record that all Wattnet modules share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from datetime import datetime
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn, final

from wattnet.schemas._context import Context, checked_context, missing_labels, stored_context
from wattnet.schemas._errors import MetricValueError
from wattnet.schemas._resolution import zone_of_days
from wattnet.schemas._times import END_OF_TIME_US, EPOCH, MICROSECOND, UTC, knowledge_time_us, out_of_range, to_utc

if TYPE_CHECKING:
    from wattnet.schemas._types import MetricType

# Modules send the same series again and again: a series that was checked once is not checked again. When the caches
# are full they start anew, so labels that never repeat cost time but no memory without bound.
_MAX_CONTEXTS = 32_768
_checked: dict[tuple[Any, ...], Context] = {}
_stored: dict[tuple[Any, ...], Context] = {}


@final
class Metric:
    """One value of one series at one time. Immutable; everything is checked here, so what is made is not refused later.

    metric_type     a MetricType, or another lower_snake_case name
    value           a finite number, kept as Float64; None withdraws the value at this time
    timestamp       aware, any offset: the start of the interval that the value stands for; 1970 up to 2065
    metadata        labels, which name the series together with the type; and of these, how good the value is:
                    valid (bool, default True), zone_status (complete, preview, missing; default complete), data_state.
                    None and empty labels are absent. At most 64 labels of 4,096 bytes together
    knowledge_time  when the value became known, aware; None lets the producer say now. It names the revision
    attributes      what describes the value and does not name the series, such as resolution: the length of its
                    interval in ISO 8601 ('PT15M', 'P1D'), or as '15min', '1h', '1d', which becomes that; and of days
                    and longer resolution_tz: whose days ('Europe/Madrid'). A timestamp in a ZoneInfo says it by itself
    strict          refuse what lacks a label that its type requires; otherwise a LabelWarning says so the first time
                    that these labels are met

    Raises MetricError (a ValueError) that names the value, the rule and the remedy.
    """

    __slots__ = ("_context", "knowledge_time", "knowledge_time_us", "timestamp", "timestamp_us", "value")

    _context: Context
    value: float | None
    timestamp: datetime
    timestamp_us: int
    knowledge_time: datetime | None
    knowledge_time_us: int | None

    def __init__(
        self,
        metric_type: MetricType | str,
        value: float | None,
        timestamp: datetime,
        metadata: Mapping[str, object] | None = None,
        *,
        knowledge_time: datetime | None = None,
        attributes: Mapping[str, object] | None = None,
        strict: bool = False,
    ) -> None:
        # The values' types belong to the key, because True == 1 == 1.0.
        if type(metadata) is dict:
            key: tuple[Any, ...] = (metric_type, *metadata, *metadata.values(), *map(type, metadata.values()))
        else:
            key = (metric_type, *_items(metadata))
        if attributes is not None:
            key = (key, *_items(attributes))
        try:
            context = _checked[key]
        except KeyError:
            context = checked_context(metric_type, metadata, attributes, strict=strict)
            if len(_checked) >= _MAX_CONTEXTS:
                _checked.clear()
            _checked[key] = context
        except TypeError:  # something in it is not hashable, and that is refused
            context = checked_context(metric_type, metadata, attributes, strict=strict)
        if strict and context.missing:
            raise missing_labels(context.name, context.missing)
        if type(value) is not float:
            value = _number(value)
        elif not isfinite(value):
            raise _not_finite(value)
        if type(timestamp) is not datetime or timestamp.tzinfo is not UTC:
            if (zone := zone_of_days(context.attributes, timestamp)) is not None:
                context = _in_zone(context, zone)
            timestamp = to_utc(timestamp, "timestamp")
        timestamp_us = (timestamp - EPOCH) // MICROSECOND
        if not 0 <= timestamp_us < END_OF_TIME_US:
            raise out_of_range(timestamp, "timestamp")
        if knowledge_time is not None:
            if type(knowledge_time) is not datetime or knowledge_time.tzinfo is not UTC:
                knowledge_time = to_utc(knowledge_time, "knowledge_time")
            _set_knowledge_time_us(self, knowledge_time_us(knowledge_time))
        else:
            _set_knowledge_time_us(self, None)
        _set_knowledge_time(self, knowledge_time)
        _set_context(self, context)
        _set_value(self, value)
        _set_timestamp(self, timestamp)
        _set_timestamp_us(self, timestamp_us)

    @classmethod
    def from_stored(
        cls,
        name: str,
        value: float | None,
        timestamp: datetime,
        labels: Mapping[str, str],
        *,
        knowledge_time: datetime | None,
        valid: bool = True,
        zone_status: str = "complete",
        data_state: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> Metric:
        """A metric read back from a table or a topic: as it is there, without the rules for making one.

        Readers use it: a rule added tomorrow must not make yesterday's values unreadable. Times must be aware.
        """
        attributes = attributes or {}
        key = (name, *labels.items(), valid, zone_status, data_state, *attributes.items())
        context = _stored.get(key)
        if context is None:
            context = stored_context(
                name, labels, valid=valid, zone_status=zone_status, data_state=data_state, attributes=attributes
            )
            if len(_stored) >= _MAX_CONTEXTS:
                _stored.clear()
            _stored[key] = context
        if type(timestamp) is not datetime or timestamp.tzinfo is not UTC:
            timestamp = to_utc(timestamp, "timestamp")
        self = cls.__new__(cls)
        if knowledge_time is not None:
            if type(knowledge_time) is not datetime or knowledge_time.tzinfo is not UTC:
                knowledge_time = to_utc(knowledge_time, "knowledge_time")
            _set_knowledge_time_us(self, (knowledge_time - EPOCH) // MICROSECOND)
        else:
            _set_knowledge_time_us(self, None)
        _set_knowledge_time(self, knowledge_time)
        _set_context(self, context)
        _set_value(self, value)
        _set_timestamp(self, timestamp)
        _set_timestamp_us(self, (timestamp - EPOCH) // MICROSECOND)
        return self

    @property
    def metric_type(self) -> MetricType | str:
        """The MetricType, or the name where it is none of them."""
        return self._context.metric_type

    @property
    def name(self) -> str:
        """The metric type as a string."""
        return self._context.name

    @property
    def labels(self) -> Mapping[str, str]:
        """What names the series together with the name: canonical, sorted, read-only."""
        return self._context.labels

    @property
    def valid(self) -> bool:
        return self._context.valid

    @property
    def zone_status(self) -> str:
        """complete, preview or missing."""
        return self._context.zone_status

    @property
    def data_state(self) -> str:
        """What the source says of its data; '' when nothing."""
        return self._context.data_state

    @property
    def attributes(self) -> Mapping[str, str]:
        """What describes the value and does not name the series: sorted, read-only."""
        return self._context.attributes

    @property
    def metadata(self) -> Mapping[str, str | bool]:
        """The labels, and valid, zone_status and data_state with them."""
        return self._context.metadata

    @property
    def series_key(self) -> str:
        r"""The series in readable form: `zone_load{unit=MW,zone=ES}`, `\ , = { }` in labels escaped by a backslash."""
        return self._context.series_key

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot set {name!r}: a Metric does not change, make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete {name!r}: a Metric does not change, make a new one")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metric):
            return NotImplemented
        return (
            self.timestamp_us == other.timestamp_us
            and self.value == other.value
            and self.knowledge_time_us == other.knowledge_time_us
            and self._context.same_as(other._context)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.value, self.timestamp_us, self.knowledge_time_us))

    def __repr__(self) -> str:
        context = self._context
        parts = [repr(context.name), repr(self.value), self.timestamp.isoformat()]
        parts += [f"{name}={value!r}" for name, value in context.labels.items()]
        if not context.valid:
            parts.append("valid=False")
        if context.zone_status != "complete":
            parts.append(f"zone_status={context.zone_status!r}")
        if context.data_state:
            parts.append(f"data_state={context.data_state!r}")
        if self.knowledge_time is not None:
            parts.append(f"knowledge_time={self.knowledge_time.isoformat()}")
        if context.attributes:
            parts.append(f"attributes={dict(context.attributes)!r}")
        return f"Metric({', '.join(parts)})"

    def __copy__(self) -> Metric:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Metric:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        context = self._context
        return _restore, (
            context.name,
            self.value,
            self.timestamp,
            dict(context.labels),
            self.knowledge_time,
            context.valid,
            context.zone_status,
            context.data_state,
            dict(context.attributes),
        )


# Straight into the slots: twice as fast as object.__setattr__, and millions of metrics are made.
_set_context = Metric.__dict__["_context"].__set__
_set_value = Metric.__dict__["value"].__set__
_set_timestamp = Metric.__dict__["timestamp"].__set__
_set_timestamp_us = Metric.__dict__["timestamp_us"].__set__
_set_knowledge_time = Metric.__dict__["knowledge_time"].__set__
_set_knowledge_time_us = Metric.__dict__["knowledge_time_us"].__set__


def _in_zone(context: Context, zone: str) -> Context:
    key = (context, zone)
    zoned = _checked.get(key)
    if zoned is None:
        zoned = context.with_zone(zone)
        if len(_checked) >= _MAX_CONTEXTS:
            _checked.clear()
        _checked[key] = zoned
    return zoned


def _restore(
    name: str,
    value: float | None,
    timestamp: datetime,
    labels: Mapping[str, str],
    knowledge_time: datetime | None,
    valid: bool,  # noqa: FBT001  pickle calls by position
    zone_status: str,
    data_state: str,
    attributes: Mapping[str, str],
) -> Metric:
    return Metric.from_stored(
        name,
        value,
        timestamp,
        labels,
        knowledge_time=knowledge_time,
        valid=valid,
        zone_status=zone_status,
        data_state=data_state,
        attributes=attributes,
    )


def _items(mapping: object) -> tuple[object, ...]:
    if not isinstance(mapping, Mapping):
        # Not the key of an empty mapping: what is no mapping at all is refused.
        return () if mapping is None else (type(mapping), object())
    return (*mapping, *mapping.values(), *map(type, mapping.values()))


def _number(value: object) -> float | None:
    """The value as a float, for the types that are no plain float."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise MetricValueError(
            f"value {value!r} is a {type(value).__name__}: give a finite number, or None to withdraw the value"
        )
    try:
        number = float(value)
    except OverflowError as exc:
        raise MetricValueError(f"value {value!r} is too large for a Float64").caused_by(exc) from None
    if not isfinite(number):
        raise _not_finite(number)
    return number


def _not_finite(value: float) -> MetricValueError:
    return MetricValueError(
        f"value {value!r} is not finite: leave the metric out where there is no value, or give None to withdraw one"
    )
