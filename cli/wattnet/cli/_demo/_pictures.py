"""What is stored, as a person sees it: rates, a table, a chart."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import plotext
from rich import box
from rich.table import Table
from rich.text import Text

from wattnet.examples import US_GRID_2022_ZONES

if TYPE_CHECKING:
    from rich.console import Console

    from wattnet.cli._demo._road import Journey
    from wattnet.query import Client

WEEK_ZONE = "CISO"
WEEK_START = datetime(2022, 6, 20, tzinfo=timezone.utc)
DAYS = 7
WEEK_END = WEEK_START + timedelta(days=DAYS)
CHART_LINES = 18
# From the bottom up: what runs all day, what follows the load, what follows the weather.
# Without colours the letter is the marker.
STACK = {
    "nuclear": ("n", "magenta"),
    "hydro": ("h", "blue"),
    "coal": ("c", "bright_black"),
    "oil": ("o", "red"),
    "gas": ("g", "bright_red"),
    "other": ("x", "white"),
    "wind": ("w", "cyan"),
    "solar": ("s", "bright_yellow"),
}
PLOTEXT_COLOURS = {
    "magenta": "magenta",
    "blue": "blue",
    "bright_black": "gray",
    "red": "red",
    "bright_red": "red+",
    "white": "gray+",
    "cyan": "cyan",
    "bright_yellow": "orange+",
}
SHARES = {
    "wind,\nsolar %": ("wind", "solar"),
    "hydro,\nnuclear %": ("hydro", "nuclear"),
    "fossil %": ("coal", "oil", "gas"),
}


def show_rates(console: Console, journey: Journey) -> None:
    """How fast it went."""
    table = Table("", "messages", "seconds", "messages/s", box=box.SIMPLE_HEAD, title="The road", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for what, count, seconds in (
        ("sent: acknowledged by Kafka", journey.sent, journey.sent_s),
        ("end to end: visible in ClickHouse", journey.stored, journey.stored_s),
    ):
        table.add_row(what, f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}")
    console.print(table)


def show_newest(console: Console, client: Client) -> None:
    """The newest generation and carbon intensity of each zone."""
    generation: dict[str, dict[str, float]] = defaultdict(dict)
    hours: dict[str, datetime] = {}
    for metric in client.latest("zone_generation", datasource="eia").to_list():
        zone = metric.labels["zone"]
        generation[zone][metric.labels["production_type"]] = metric.value or 0.0
        hours[zone] = max(metric.timestamp, hours.get(zone, metric.timestamp))
    intensity = {
        metric.labels["zone"]: metric.value
        for metric in client.latest("local_footprint", datasource="eia", footprint_type="carbon").to_list()
    }
    table = Table(title="The newest values of each zone", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("zone")
    table.add_column("hour (UTC)", no_wrap=True)
    for name in ("MWh", *SHARES, "gCO2/kWh"):
        table.add_column(name, justify="right")
    for zone in sorted(hours):
        mix = generation[zone]
        total = sum(mix.values())
        shares = (
            f"{100 * sum(mix.get(one, 0) for one in part) / total:.0f}" if total else "" for part in SHARES.values()
        )
        value = intensity.get(zone)
        table.add_row(
            zone,
            f"{hours[zone]:%Y-%m-%d %H:%M}",
            f"{total:,.0f}",
            *shares,
            "" if value is None else f"{value:,.0f}",
        )
    console.print(table)


def show_week(console: Console, client: Client) -> None:
    """One zone's generation mix over a week, stacked, as wide as the terminal."""
    metrics = client.metrics(
        "zone_generation",
        zone=WEEK_ZONE,
        datasource="eia",
        start=WEEK_START,
        end=WEEK_END,
    ).to_list()
    hours = DAYS * 24
    hours_a_column = next(
        step for step in (1, 2, 3, 4, 6, 8, 12, 24) if hours / step <= console.width - 9 or step == 24
    )
    columns = hours // hours_a_column
    mix = {source: [0.0] * columns for source in STACK}
    for metric in metrics:
        column = (metric.timestamp - WEEK_START) // timedelta(hours=hours_a_column)
        mix[metric.labels["production_type"]][column] += (metric.value or 0.0) / hours_a_column
    coloured = console.color_system is not None and not console.no_color
    mean = f" (means of {hours_a_column} hours)" if hours_a_column > 1 else ""
    console.print(Text(f"The generation mix of {WEEK_ZONE} ({US_GRID_2022_ZONES[WEEK_ZONE]}) over a week", "italic"))
    console.print(Text(f"MWh per hour{mean}, {WEEK_START:%Y-%m-%d} to {WEEK_END:%Y-%m-%d}, UTC\n"))
    console.print(Text.from_ansi(_stacked(mix, columns, hours_a_column, coloured=coloured)))
    legend = Text("\n    ")
    for source, (letter, colour) in STACK.items():
        legend.append("  ")
        legend.append("█" if coloured else letter, colour)
        legend.append(f" {source}")
    console.print(legend)


def _stacked(mix: dict[str, list[float]], columns: int, hours_a_column: int, *, coloured: bool) -> str:
    """An area chart with the sources on top of each other. The greatest sum is drawn first, the lower ones over it."""
    sums = [0.0] * columns
    layers: list[tuple[str, list[float]]] = []
    for source, values in mix.items():
        sums = [below + value for below, value in zip(sums, values, strict=True)]
        layers.append((source, sums))
    top = max(*sums, 1.0)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(columns + 8, CHART_LINES)
    for source, heights in reversed(layers):
        letter, colour = STACK[source]
        plotext.plot(
            range(columns),
            heights,
            fillx=True,
            marker="█" if coloured else letter,
            color=PLOTEXT_COLOURS[colour],
        )
    plotext.ylim(0, top)
    ticks = [top * part / 4 for part in range(5)]
    plotext.yticks(ticks, [f"{tick:>6,.0f}" for tick in ticks])
    days = [WEEK_START + timedelta(days=day) for day in range(DAYS)]
    plotext.xticks([day * 24 / hours_a_column for day in range(DAYS)], [f"{day:%b %d}" for day in days])
    chart = str(plotext.build())
    return chart if coloured else str(plotext.uncolorize(chart))
