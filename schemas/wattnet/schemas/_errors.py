"""What can be wrong with a metric. Every message names the value, the rule and the remedy.

WattnetError                 base of the errors of all parts of wattnet
MetricError (a ValueError)
├── MetricNameError          the metric type is no name that this format takes
├── MetricValueError         not a finite number and not None
├── MetricTimeError          a timestamp or knowledge_time that cannot be kept
│   ├── NaiveTimeError       it has no UTC offset, so nobody knows which moment it means
│   └── TimeRangeError       it lies outside what the tables keep
├── LabelError               a label's name or value, their number or their length
│   ├── ReservedLabelError   the name of a column or an argument
│   └── MissingLabelError    no zone, or (strict) another label that the type requires
├── QualityError             valid, zone_status or data_state
├── AttributeValueError      an attribute's name or value, their number or their length
└── DecodeError              bytes that are no metric in the schema that they claim

LabelWarning (a UserWarning)  a label that the type requires is missing; MissingLabelError under strict
TypoWarning (a UserWarning)   a name, a label or a unit that is nearly a known one
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing import Any

Error = TypeVar("Error", bound="WattnetError")


class WattnetError(Exception):
    """Base of the errors of all parts of wattnet.

    A traceback shows it alone: its message says what went wrong and what to do, and no other library's errors are
    printed before it.

    cause  the error of another library that led to it, or None; it is in the log of this part at level debug, too
    """

    cause: BaseException | None = None

    def __new__(cls, *arguments: Any, **options: Any) -> WattnetError:
        error = super().__new__(cls, *arguments, **options)
        error.__suppress_context__ = True  # also where it is raised while another error is handled, without `from None`
        return error

    def caused_by(self: Error, cause: BaseException | None) -> Error:
        """This error, with its cause kept and logged: `raise SomeError("…").caused_by(exc) from None`."""
        self.cause = cause
        if cause is not None:
            logging.getLogger(type(self).__module__).debug("%s", self, exc_info=cause)
        return self


class MetricError(WattnetError, ValueError):
    """Base of all errors about a metric."""


class MetricNameError(MetricError):
    """The metric type is no name that this format takes."""


class MetricValueError(MetricError):
    """The value is neither a finite number nor None."""


class MetricTimeError(MetricError):
    """A timestamp or knowledge_time that cannot be kept."""


class NaiveTimeError(MetricTimeError):
    """A time without a UTC offset."""


class TimeRangeError(MetricTimeError):
    """A time outside what the tables keep."""


class LabelError(MetricError):
    """A label's name or value, or the labels' number or length."""


class ReservedLabelError(LabelError):
    """A label that is named like a column or an argument."""


class MissingLabelError(LabelError):
    """A label without which a metric of this type cannot be placed."""


class QualityError(MetricError):
    """`valid`, `zone_status` or `data_state` says nothing known."""


class AttributeValueError(MetricError):
    """An attribute's name or value, or the attributes' number or length."""


class DecodeError(MetricError):
    """Bytes that are no metric in the schema that they claim."""


class LabelWarning(UserWarning):
    """A label that the metric type requires is missing."""


class TypoWarning(UserWarning):
    """A metric name, a label or a unit is nearly a known one; it is kept as written."""
