"""Series as lines in a terminal."""

from __future__ import annotations

import itertools
import shutil
import sys
from typing import TYPE_CHECKING

import plotext

from wattnet.cli._failures import EXIT_USAGE, CommandError
from wattnet.cli._terminal import coloured, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from wattnet.cli._rows import Rows

    Point = tuple[datetime, float]

MOST_SERIES = 8
COLOURS = ("cyan", "orange+", "green", "magenta", "red", "blue+", "gray+", "white")
# Without colours the letter is the marker.
LETTERS = "abcdefgh"
LINES = 20
TICKS = 5


def lines_of_chart(name: str, rows: Rows) -> Iterator[str]:
    """A chart as wide as the terminal, and below it which line is which series. A hole in a series stays one.

    Raises CommandError for more series than can be told apart.
    """
    series = _series(rows)
    if not series:
        return
    in_colour = coloured(sys.stdout)
    width = shutil.get_terminal_size().columns
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, LINES)
    for place, points in enumerate(series.values()):
        for piece in _pieces(points):
            times, values = zip(*_thinned(piece, 2 * width), strict=True)
            plotext.plot(
                [moment.timestamp() for moment in times],
                values,
                marker="braille" if in_colour or len(series) == 1 else LETTERS[place],
                color=COLOURS[place],
            )
    moments = [moment for points in series.values() for moment, _ in (points[0], points[-1])]
    first, last = min(moments), max(moments)
    ticks = [first + (last - first) * part / (TICKS - 1) for part in range(TICKS)] if first < last else [first]
    form = "%m-%d %H:%M" if (last - first).days < 14 else "%Y-%m-%d"
    plotext.xticks([tick.timestamp() for tick in ticks], [f"{tick:{form}}" for tick in ticks])
    try:
        chart = str(plotext.build())
    except (OverflowError, ValueError) as exc:  # it reckons in floats, and beyond 1e307 they end
        raise CommandError(f"these values are too far apart for a chart: {exc}", exit_code=EXIT_USAGE).caused_by(
            exc
        ) from None
    yield from (chart if in_colour else str(plotext.uncolorize(chart))).splitlines()
    shared = set.intersection(*(set(labels) for labels in series))
    yield f"{escaped(name, keep='')}  {_words(sorted(shared))}".rstrip() + f"  ({first.tzname()})"
    if len(series) > 1:
        for place, labels in enumerate(series):
            marker = str(plotext.colorize("━━", COLOURS[place])) if in_colour else LETTERS[place]
            yield f"  {marker} {_words([pair for pair in labels if pair not in shared])}"


def _series(rows: Rows) -> dict[tuple[tuple[str, str], ...], list[Point]]:
    """The points of each series that have a value, by its labels."""
    names = [column.name for column in rows.columns]
    time, value = names.index("timestamp"), names.index("value")
    labels = [(place, column.name) for place, column in enumerate(rows.columns) if column.label]
    series: dict[tuple[tuple[str, str], ...], list[Point]] = {}
    for batch in rows.batches:
        for row in batch:
            if row[value] is not None:
                key = tuple((label, str(row[place])) for place, label in labels if row[place] is not None)
                series.setdefault(key, []).append((row[time], row[value]))  # type: ignore[arg-type]  # as the columns say
        if len(series) > MOST_SERIES:
            raise CommandError(
                f"these are more than {MOST_SERIES} series, too many to be told apart in one chart: give labels",
                exit_code=EXIT_USAGE,
            )
    return series


def _words(labels: Sequence[tuple[str, str]]) -> str:
    return " ".join(escaped(f"{name}={value}", keep="") for name, value in labels)


def _pieces(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Cut where more than one and a half of the usual step lies between two points."""
    steps = sorted(after[0] - before[0] for before, after in itertools.pairwise(points))
    widest = 1.5 * steps[len(steps) // 2] if steps else None
    first = 0
    for place in range(1, len(points)):
        if widest is not None and points[place][0] - points[place - 1][0] > widest:
            yield points[first:place]
            first = place
    yield points[first:]


def _thinned(points: Sequence[Point], buckets: int) -> Sequence[Point]:
    """The lowest and the highest of each bucket: the chart has no room for more, and peaks stay."""
    if len(points) <= 2 * buckets:
        return points
    thinned: list[Point] = []
    for number in range(buckets):
        bucket = points[len(points) * number // buckets : len(points) * (number + 1) // buckets]
        low, high = min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])
        thinned += sorted({low, high})
    return thinned
