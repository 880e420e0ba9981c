"""The arguments that the commands for readers share."""

from __future__ import annotations

import typer

from wattnet.cli._completion import complete_label, complete_name

NAME = typer.Argument(
    metavar="NAME", help="The metric's name, as `wattnet names` lists it.", autocompletion=complete_name
)
LABELS = typer.Argument(
    None,
    metavar="LABEL=VALUE",
    help="zone=ES; zone=ES,PT for several values; forecast= for series without that label. "
    r"A backslash before a comma or equals sign that belongs to a value.",
    autocompletion=complete_label,
    show_default=False,
)
START = typer.Option(
    ...,
    "--start",
    metavar="TIME",
    help="From here on: 2025-03-01T00:00Z, 2025-03-01, '2025-03-01 06:00' with --tz, now, -6h, -1d.",
)
END = typer.Option(
    None, "--end", metavar="TIME", help="Up to, and without, this.", show_default="now; forecasts lie ahead of it"
)
TZ = typer.Option(
    None,
    "--tz",
    metavar="ZONE",
    help="Of dates, of times without an offset, of steps and of the answer: Europe/Madrid.",
    show_default="UTC; times need an offset",
)
CLOCK = typer.Option(
    None,
    "--tz",
    metavar="ZONE",
    help="Whose clock a time without an offset is: Europe/Madrid.",
    show_default="none: it is refused",
)
TIMEOUT_S = typer.Option(60.0, "--timeout", metavar="SECONDS", min=0.1, help="What ClickHouse may take.")
