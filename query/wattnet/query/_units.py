"""Units of power and of energy: which is which, and how they follow from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.query._errors import UnitError

if TYPE_CHECKING:
    from collections.abc import Iterable

_WATTS = {"W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9, "TW": 1e12}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of power (`energy` false) or of energy over an hour: MW or MWh."""

    watts: str
    energy: bool

    @property
    def of_power(self) -> str:
        """'MW' for MW and for MWh."""
        return self.watts

    @property
    def of_energy(self) -> str:
        """'MWh' for MW and for MWh."""
        return f"{self.watts}h"

    def to_mega(self) -> float:
        """How many MW (MWh) one of it is."""
        return _WATTS[self.watts] / 1e6


UNITS = {watts: Unit(watts, energy=False) for watts in _WATTS} | {
    f"{watts}h": Unit(watts, energy=True) for watts in _WATTS
}


def parse_unit(text: str | None, *, what: str) -> Unit:
    """The unit of a label. Raises UnitError for none, and for what is neither power nor energy; `what` has it."""
    unit = UNITS.get(text or "")
    if unit is None:
        said = "has no label 'unit'" if not text else f"is in {text!r}"
        raise UnitError(
            f"{what} {said}, so its energy is unknown: ask for series in {', '.join(UNITS)} (unit='MW'), or resample "
            "by 'mean'"
        )
    return unit


def one_unit(texts: Iterable[str | None], *, name: str) -> Unit | None:
    """The unit that all series of a question share; None where there are no series. Raises UnitError."""
    found = sorted({text or "" for text in texts})
    if not found:
        return None
    if len(found) > 1:
        listed = ", ".join(text or "none" for text in found)
        raise UnitError(
            f"the series of {name} have different units ({listed}): choose one of them (unit='{found[-1]}')"
        )
    return parse_unit(found[0], what=name)
