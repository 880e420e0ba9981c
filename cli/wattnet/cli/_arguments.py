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
    help=r"zone=ES, or zone=ES,PT for several values; a backslash before a comma or equals sign that belongs to one.",
    autocompletion=complete_label,
    show_default=False,
)
START = typer.Option(
    ..., "--start", metavar="TIME", help="From here on: 2025-03-01T00:00Z, 2025-03-01 (in --tz), now, or -6h, -1d, -2w."
)
END = typer.Option(
    None, "--end", metavar="TIME", help="Up to, and without, this.", show_default="now; forecasts lie ahead of it"
)
TZ = typer.Option("UTC", "--tz", metavar="ZONE", help="Whose days dates and steps mean: Europe/Madrid.")
TIMEOUT_S = typer.Option(60.0, "--timeout", metavar="SECONDS", min=0.1, help="What ClickHouse may take.")
