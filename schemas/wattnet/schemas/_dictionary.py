"""The data dictionary: names, labels and units that modules share, with their meaning.

Any other name, label or unit may be used; one that is nearly one of these is doubted when it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KnownName:
    """A metric name. `units` are those that it usually comes in; none for a number without a unit."""

    name: str
    meaning: str
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownLabel:
    """A name in a metric's metadata.

    role  a label names the series; a quality says how good a value is; an attribute describes a value
    """

    name: str
    meaning: str
    examples: tuple[str, ...] = ()
    role: Literal["label", "quality", "attribute"] = "label"


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """A value of the label `unit`. `spellings` are other ways to write it, besides those that differ in case only."""

    symbol: str
    meaning: str
    spellings: tuple[str, ...] = ()


_POWER = ("MW", "MWh")
_INTENSITY = ("gCO2eq/kWh", "l/kWh")
_AMOUNT = ("tCO2eq", "m3")

KNOWN_NAMES: Mapping[str, KnownName] = MappingProxyType(
    {
        known.name: known
        for known in (
            KnownName("zone_generation", "generated in the zone by one production_type", _POWER),
            KnownName("zone_load", "consumed in the zone", _POWER),
            KnownName("zone_import", "flows into the zone from the neighbour in `from`", _POWER),
            KnownName("zone_export", "flows out of the zone to the neighbour in `to`", _POWER),
            KnownName("zone_mix_generation", "part of one production_type in what the zone consumes", _POWER),
            KnownName("factor", "impact per energy of one production_type, from a source of a year", _INTENSITY),
            KnownName("local_footprint", "impact per energy of what is generated in the zone", _INTENSITY),
            KnownName(
                "global_footprint", "impact per energy of what is consumed in the zone, imports included", _INTENSITY
            ),
            KnownName("local_impact", "total impact of what is generated in the zone", _AMOUNT),
            KnownName("global_impact", "total impact of what is consumed in the zone, imports included", _AMOUNT),
            KnownName("local_score", "how clean the zone's generation is, beside others"),
            KnownName("global_score", "how clean the zone's consumption is, beside others"),
            KnownName("flow_share", "share of what flows out of the zone that goes to `target`", ("%", "1")),
            KnownName("mix_share", "share of the zone's consumption that comes from `source`", ("%", "1")),
            KnownName("footprint_share", "share of the zone's footprint that comes from `source`", ("%", "1")),
            KnownName("impact_share", "share of the zone's impact that comes from `source`", ("%", "1")),
            KnownName("grid_frequency", "frequency of the grid", ("Hz",)),
            KnownName("price_day_ahead", "price of the day-ahead auction", ("EUR/MWh",)),
            KnownName("unknown", "nobody said what is measured"),
        )
    }
)
"""By name."""

KNOWN_LABELS: Mapping[str, KnownLabel] = MappingProxyType(
    {
        known.name: known
        for known in (
            KnownLabel("zone", "zone of the grid that the value is about", ("ES", "US-CAL-CISO")),
            KnownLabel("unit", "unit of the value", ("MW", "gCO2eq/kWh")),
            KnownLabel("datasource", "who published the numbers", ("entsoe", "eia")),
            KnownLabel("production_type", "technology or fuel of generation", ("solar", "wind", "gas")),
            KnownLabel("from", "zone that electricity comes from (in Python also from_)", ("FR",)),
            KnownLabel("to", "zone that electricity goes to", ("PT",)),
            KnownLabel("target", "zone that a share goes to", ("PT",)),
            KnownLabel("source", "what a share comes from; of a factor, its publication", ("FR", "IPCC 2014")),
            KnownLabel("footprint_type", "which footprint", ("carbon", "water")),
            KnownLabel("impact_type", "which impact", ("carbon", "water")),
            KnownLabel("factor_type", "which factor", ("carbon", "water")),
            KnownLabel("scope", "what of the chain is counted", ("life-cycle", "direct")),
            KnownLabel("year", "year that a factor is for", ("2022",)),
            KnownLabel("forecast", "which forecast; what happened has no such label", ("day-ahead",)),
            KnownLabel(
                "valid", "false where the value is known to be wrong; default true", ("true", "false"), "quality"
            ),
            KnownLabel(
                "zone_status",
                "how complete the zone's data are; default complete",
                ("complete", "preview", "missing"),
                "quality",
            ),
            KnownLabel("data_state", "what the source says of its data", ("final", "estimated"), "quality"),
            KnownLabel("resolution", "length of the interval, in ISO 8601", ("PT15M", "PT1H", "P1D"), "attribute"),
            KnownLabel(
                "resolution_tz", "zone whose days a resolution of P1D and longer has", ("Europe/Madrid",), "attribute"
            ),
            KnownLabel("source_link", "where the number can be read up", ("https://…",), "attribute"),
        )
    }
)
"""By name: labels, then qualities, then attributes."""

KNOWN_UNITS: Mapping[str, KnownUnit] = MappingProxyType(
    {
        known.symbol: known
        for known in (
            KnownUnit("W", "power", ("watt", "watts")),
            KnownUnit("kW", "power", ("kilowatt", "kilowatts")),
            KnownUnit("MW", "power", ("megawatt", "megawatts", "MAW")),
            KnownUnit("GW", "power", ("gigawatt", "gigawatts")),
            KnownUnit("TW", "power", ("terawatt", "terawatts")),
            KnownUnit("Wh", "energy", ("watthour", "watthours", "W h")),
            KnownUnit("kWh", "energy", ("kilowatthour", "kilowatthours")),
            KnownUnit("MWh", "energy", ("megawatthour", "megawatthours", "MW/h")),
            KnownUnit("GWh", "energy", ("gigawatthour", "gigawatthours")),
            KnownUnit("TWh", "energy", ("terawatthour", "terawatthours")),
            KnownUnit("VA", "apparent power"),
            KnownUnit("kVA", "apparent power"),
            KnownUnit("MVA", "apparent power"),
            KnownUnit("var", "reactive power"),
            KnownUnit("kvar", "reactive power"),
            KnownUnit("Mvar", "reactive power"),
            KnownUnit("V", "voltage", ("volt", "volts")),
            KnownUnit("kV", "voltage"),
            KnownUnit("A", "current", ("ampere", "amperes", "amp", "amps")),
            KnownUnit("Hz", "frequency", ("hertz",)),
            KnownUnit("g/kWh", "mass per energy"),
            KnownUnit("kg/kWh", "mass per energy"),
            KnownUnit("kg/MWh", "mass per energy"),
            KnownUnit("t/MWh", "mass per energy"),
            KnownUnit("gCO2/kWh", "carbon dioxide per energy"),
            KnownUnit("kgCO2/MWh", "carbon dioxide per energy"),
            KnownUnit("tCO2/MWh", "carbon dioxide per energy"),
            KnownUnit("gCO2eq/kWh", "greenhouse gases per energy, as carbon dioxide", ("gCO2e/kWh", "gCO2-eq/kWh")),
            KnownUnit("kgCO2eq/MWh", "greenhouse gases per energy, as carbon dioxide", ("kgCO2e/MWh",)),
            KnownUnit("tCO2eq/MWh", "greenhouse gases per energy, as carbon dioxide", ("tCO2e/MWh",)),
            KnownUnit("g", "mass", ("gram", "grams")),
            KnownUnit("kg", "mass", ("kilogram", "kilograms")),
            KnownUnit("t", "mass of 1,000 kg", ("tonne", "tonnes", "ton", "tons")),
            KnownUnit("gCO2", "mass of carbon dioxide"),
            KnownUnit("kgCO2", "mass of carbon dioxide"),
            KnownUnit("tCO2", "mass of carbon dioxide"),
            KnownUnit("gCO2eq", "mass of greenhouse gases, as carbon dioxide", ("gCO2e",)),
            KnownUnit("kgCO2eq", "mass of greenhouse gases, as carbon dioxide", ("kgCO2e",)),
            KnownUnit("tCO2eq", "mass of greenhouse gases, as carbon dioxide", ("tCO2e",)),
            KnownUnit("l", "volume", ("liter", "liters", "litre", "litres")),
            KnownUnit("m3", "volume"),
            KnownUnit("l/kWh", "volume (of water) per energy"),
            KnownUnit("m3/MWh", "volume (of water) per energy"),
            KnownUnit("EUR/MWh", "price"),
            KnownUnit("USD/MWh", "price"),
            KnownUnit("GBP/MWh", "price"),
            KnownUnit("EUR/kWh", "price"),
            KnownUnit("USD/kWh", "price"),
            KnownUnit("EUR", "money", ("euro", "euros")),
            KnownUnit("USD", "money"),
            KnownUnit("GBP", "money"),
            KnownUnit("%", "share of a hundred", ("percent", "pct", "per cent")),
            KnownUnit("1", "share of one, or a number without a unit"),
            KnownUnit("°C", "temperature", ("C", "celsius", "degC")),
            KnownUnit("K", "temperature", ("kelvin",)),
            KnownUnit("m/s", "speed, of wind", ("mps",)),
            KnownUnit("m", "length", ("meter", "meters", "metre", "metres")),
            KnownUnit("mm", "length, of rain"),
            KnownUnit("W/m2", "power per area, of sunlight"),
            KnownUnit("hPa", "pressure", ("hectopascal", "mbar")),
            KnownUnit("s", "time", ("sec", "second", "seconds")),
            KnownUnit("min", "time", ("minute", "minutes")),
            KnownUnit("h", "time", ("hour", "hours", "hr")),
            KnownUnit("d", "time", ("day", "days")),
        )
    }
)
"""By symbol. Energy is computed of W, Wh and their thousands only."""
