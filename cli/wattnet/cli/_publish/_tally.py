"""What was found in a file: counts, the rules that lines break, the first metrics that can be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wattnet.cli._publish._layout import Refused
from wattnet.cli._terminal import escaped
from wattnet.schemas.points import PointValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wattnet.cli._publish._layout import Layout
    from wattnet.cli._publish._source import Line
    from wattnet.schemas import Metric
    from wattnet.schemas.points import Earlier

SHOWN = 20
FIRST = 3
PROBLEM_WIDTH = 400
MOST_SERIES = 1_000_000
"""Counted one by one; beyond it, 'more than'."""
MOST_MET = 32_768
_VALUES = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+")


SENT = ". Both are sent, and this one is current"
REFUSED = (
    ". Only the last would be left: correct one of them, tell them apart by a column knowledge_time, or send both with "
    "--conflicts warn"
)


@dataclass(slots=True)
class Broken:
    """A rule that lines break: what is wrong with the first of them, their first numbers, how many they are."""

    problem: str
    lines: list[int] = field(default_factory=list)
    count: int = 0

    def __str__(self) -> str:
        if self.count == 1:
            return self.problem
        numbers = ", ".join(map(str, self.lines))
        return f"{self.problem} ({self.count:,} of this kind: lines {numbers}{', …' if self.count > FIRST else ''})"


class Tally:
    """Counts the metrics of lines while they pass.

    refuse_conflicts  whether a value is refused that differs from an earlier one of its point, quality and knowledge
                      time; otherwise both pass, and it is listed
    """

    def __init__(self, *, refuse_conflicts: bool) -> None:
        self.lines = self.metrics = self.empty = self.refused = self.conflicts = 0
        self._refuse_conflicts = refuse_conflicts
        self._points = PointValues()
        self._broken: dict[tuple[str | None, str], Broken] = {}
        self._listed = 0
        self.first: list[Metric] = []
        self._series: set[str] = set()
        self._met: dict[int, Mapping[str, str]] = {}
        self._earliest: Metric | None = None
        self._latest: Metric | None = None

    def metrics_of(self, lines: Iterable[Line], layout: Layout) -> Iterator[Metric]:
        """Every metric that can be sent; the rest is counted, and kept in words by the rules that it breaks."""
        for line in lines:
            self.lines += 1
            if line.problem is not None:
                self._refuse(line, Refused(None, line.problem))
                continue
            for found in layout.metrics(line.cells):
                if found is None:
                    self.empty += 1
                elif isinstance(found, Refused):
                    self._refuse(line, found)
                elif (earlier := self._points.put(found, found.knowledge_time_us, line.number)) is None:
                    self._count(found)
                    yield found
                elif self._refuse_conflicts:
                    self._refuse(line, Refused(None, _conflict(found, earlier) + REFUSED))
                else:
                    self.conflicts += 1
                    self._list(line, Refused(None, _conflict(found, earlier) + SENT))
                    self._count(found)
                    yield found

    @property
    def series(self) -> str:
        """How many series, in words."""
        count = len(self._series)
        return f"more than {count:,} series" if count >= MOST_SERIES else f"{count:,} series"

    @property
    def times(self) -> str:
        """From the earliest to the latest timestamp, in words."""
        if self._earliest is None or self._latest is None:
            return "no times"
        return f"{_time(self._earliest)} to {_time(self._latest)} UTC"

    def __str__(self) -> str:
        said = f"{_count(self.lines, 'line')}: {_count(self.metrics, 'metric')} of {self.series}"
        if self.metrics:
            said += f", {self.times}"
        if self.empty:
            said += f"; {self.empty:,} without a value"
        if self.conflicts:
            said += f"; {self.conflicts:,} with another value of their point"
        return said + (f"; {self.refused:,} refused" if self.refused else "")

    def lines_of_problems(self) -> Iterator[str]:
        """What was refused or is a conflict: each rule once, and how much more there is."""
        yield from map(str, self._broken.values())
        if (more := self.refused + self.conflicts - self._listed) > 0:
            yield f"… and {more:,} more"

    def _count(self, metric: Metric) -> None:
        self.metrics += 1
        if self.metrics <= FIRST:
            self.first.append(metric)
        # Metrics of one series share their labels, and making a key anew for each takes as long as reading its line.
        # Kept, so that an id is not given to other labels.
        labels = metric.labels
        if id(labels) not in self._met:
            if len(self._met) >= MOST_MET:
                self._met.clear()
            self._met[id(labels)] = labels
            if len(self._series) < MOST_SERIES:
                self._series.add(metric.series_key)
        if self._earliest is None or metric.timestamp_us < self._earliest.timestamp_us:
            self._earliest = metric
        if self._latest is None or metric.timestamp_us > self._latest.timestamp_us:
            self._latest = metric

    def _refuse(self, line: Line, refused: Refused) -> None:
        self.refused += 1
        self._list(line, refused)

    def _list(self, line: Line, refused: Refused) -> None:
        # Without the values in them, all texts of one rule are the same.
        rule = refused.column, _VALUES.sub("…", refused.problem)
        broken = self._broken.get(rule)
        if broken is None:
            if len(self._broken) == SHOWN:
                return
            where = f"line {line.number}" + (f", column {refused.column!r}" if refused.column is not None else "")
            text = escaped(f"{where}: {refused.problem}", keep="")
            broken = Broken(text if len(text) <= PROBLEM_WIDTH else text[: PROBLEM_WIDTH - 1] + "…")
            self._broken[rule] = broken
        broken.count += 1
        self._listed += 1
        if len(broken.lines) < FIRST:
            broken.lines.append(line.number)


def _conflict(metric: Metric, earlier: Earlier) -> str:
    return (
        f"{metric.series_key} at {_time(metric)} UTC is {metric.value} here and {earlier.value} in line "
        f"{earlier.place}, known at the same time"
    )


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _time(metric: Metric) -> str:
    return str(metric.timestamp.replace(tzinfo=None))
