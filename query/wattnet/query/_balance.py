"""What a zone's numbers say of each other: its balance, and both sides of a border.

Everything is compared as energy in MWh over the same intervals, whatever units and resolutions the series have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wattnet.query._buckets import to_buckets
from wattnet.query._errors import QuestionError, UnknownNameError
from wattnet.query._findings import BalanceInterval, ExchangeInterval
from wattnet.query._series import Matches, find_matches
from wattnet.query._table import Table
from wattnet.query._times import EPOCH, MICROSECOND
from wattnet.query._units import parse_unit
from wattnet.schemas import MetricType

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from wattnet.query._database import Database
    from wattnet.query._question import Question
    from wattnet.query._resampling import Resampling
    from wattnet.query._series import Match


@dataclass(frozen=True, slots=True)
class _Energy:
    """The sum of some series in each interval, in MWh; NaN where one that has values in the range lacks them."""

    mwh: NDArray[np.float64]
    missing: NDArray[np.int64]
    series: int
    """How many there are, with values or without."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Reads sums of energy. The question has the range (its moments fixed), the buckets and the common labels."""

    database: Database
    question: Question
    resampling: Resampling

    def balance(self, zone: str) -> Table[BalanceInterval]:
        """See `Client.balance`."""
        generation = self._energy(MetricType.ZONE_GENERATION, zone=zone)
        load = self._energy(MetricType.ZONE_LOAD, zone=zone)
        for energy, name in ((generation, MetricType.ZONE_GENERATION), (load, MetricType.ZONE_LOAD)):
            if not energy.series:
                raise QuestionError(f"there is no balance without {name}, and no series of it matches zone={zone!r}")
        imports = self._energy(MetricType.ZONE_IMPORT, zone=zone)
        exports = self._energy(MetricType.ZONE_EXPORT, zone=zone)
        residual = generation.mwh + imports.mwh - exports.mwh - load.mwh
        share = np.divide(residual, load.mwh, out=np.full(len(residual), np.nan), where=load.mwh != 0)
        missing = generation.missing + imports.missing + exports.missing + load.missing
        columns = (generation.mwh, imports.mwh, exports.mwh, load.mwh, residual, share)
        rows = zip(self._starts(), *(_known(column) for column in columns), missing.tolist(), strict=True)
        return Table(BalanceInterval, [BalanceInterval(*row) for row in rows], self.resampling.zone)

    def exchange(self, a: str, b: str) -> Table[ExchangeInterval]:
        """See `Client.exchange`."""
        rows: list[ExchangeInterval] = []
        series = 0
        for giving, taking in ((a, b), (b, a)):
            exported = self._energy(MetricType.ZONE_EXPORT, zone=giving, to=taking)
            imported = self._energy(MetricType.ZONE_IMPORT, zone=taking, **{"from": giving})
            series += exported.series + imported.series
            # A side that has no series at all says nothing, rather than that nothing flowed.
            sides = [_known(side.mwh if side.series else side.mwh * np.nan) for side in (exported, imported)]
            for start, out, into in zip(self._starts(), *sides, strict=True):
                if out is not None or into is not None:
                    difference = None if out is None or into is None else out - into
                    rows.append(ExchangeInterval(start, giving, taking, out, into, difference))
        if not series:
            raise QuestionError(f"no series of zone_export or zone_import is of the border between {a!r} and {b!r}")
        return Table(ExchangeInterval, sorted(rows, key=lambda row: row.start), self.resampling.zone)

    def _energy(self, name: str, **labels: str) -> _Energy:
        edges = self.resampling.edges(*self.question.range_us())
        total, missing = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1, np.int64)
        filters = self.question.filters.actuals_only()
        wanted = {**filters.labels, **{label: (value,) for label, value in labels.items()}}
        try:
            # A zone need not have exchanges.
            may_lack = name in (MetricType.ZONE_IMPORT, MetricType.ZONE_EXPORT)
            matches = find_matches(self.database, str(name), wanted, may_lack=may_lack)
        except UnknownNameError:
            return _Energy(total, missing, 0)
        series = list(matches.series)
        _check_one_source(str(name), labels["zone"], series)
        for text in sorted({match.labels.get("unit", "") for match in series}):
            unit = parse_unit(text, what=f"a series of {name}")
            some = Matches(matches.name, [m for m in series if m.labels["unit"] == text], matches.label_names)
            question = replace(self.question, name=str(name), filters=replace(self.question.filters, labels=wanted))
            _, blocks = question.ask(self.database, some)
            answer = to_buckets(self.database, question, self.resampling, some, blocks)
            bucket = np.searchsorted(edges, answer.timestamp)
            known = ~np.isnan(answer.value)
            np.add.at(total, bucket[known], answer.value[known] * unit.to_mega())
            missing += len(np.unique(answer.position))
            np.subtract.at(missing, bucket[known], 1)
        return _Energy(np.where(missing > 0, np.nan, total), missing, len(series))

    def _starts(self) -> list[datetime]:
        edges = self.resampling.edges(*self.question.range_us())
        return [(EPOCH + us * MICROSECOND).astimezone(self.resampling.zone) for us in edges[:-1].tolist()]


def _check_one_source(name: str, zone: str, series: list[Match]) -> None:
    """Raises QuestionError for what would be summed twice: several datasources, or one series in several units."""
    for label in ("datasource", "unit"):
        seen: dict[tuple[tuple[str, str], ...], Match] = {}
        for match in series:
            others = tuple(pair for pair in match.labels.items() if label == "unit" and pair[0] != "unit")
            other = seen.setdefault(others, match).labels.get(label)
            if other != match.labels.get(label):
                found = " and ".join(sorted({repr(other or ""), repr(match.labels.get(label, ""))}))
                raise QuestionError(
                    f"{name} of {zone} has series of {label} {found}, whose sum would count the same energy twice: "
                    f"choose one of them ({label}=…)"
                )


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
