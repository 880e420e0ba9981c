"""What a Table has a row of, each kind with its units. A value is None where something that it needs is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a series without values: from where the last value ends (or the range begins) to the next one."""

    labels: Mapping[str, str]
    start: datetime
    end: datetime
    missing: int | None
    """How many values fit in whole; None for a series of which nobody knows the step."""


@dataclass(frozen=True, slots=True)
class BalanceInterval:
    """The energy of a zone in an interval, in MWh."""

    start: datetime
    generation_mwh: float | None
    import_mwh: float | None
    export_mwh: float | None
    load_mwh: float | None
    residual_mwh: float | None
    """generation + import - export - load."""
    residual_share: float | None
    """Of the load."""
    missing: int
    """How many of the zone's series lack values in this interval."""


@dataclass(frozen=True, slots=True)
class ExchangeInterval:
    """The energy that flowed from one zone to another in an interval, as each side has it, in MWh."""

    start: datetime
    from_zone: str
    to_zone: str
    exported_mwh: float | None
    """zone_export of the zone that it comes from."""
    imported_mwh: float | None
    """zone_import of the zone that it goes to."""
    difference_mwh: float | None
    """exported - imported."""


@dataclass(frozen=True, slots=True)
class ForecastAccuracy:
    """The errors (forecast - actual) of one forecast series at one lead time, in the unit of the series."""

    labels: Mapping[str, str]
    lead: timedelta
    """From when a forecast became known to what it is of: at least this, and less than one step more."""
    count: int
    """How many values were compared."""
    bias: float | None
    """The mean error; None, like mae and rmse, where nothing was compared."""
    mae: float | None
    """The mean absolute error."""
    rmse: float | None
    """The root of the mean squared error."""
    unpaired: int = 0
    """How many values have no actual ones that fill their interval exactly."""
