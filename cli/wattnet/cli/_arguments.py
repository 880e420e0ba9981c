"""The arguments that the commands for readers share."""

from __future__ import annotations

import typer

from wattnet.cli._completion import complete_name

NAME = typer.Argument(
    metavar="NAME", help="The metric's name, as `wattnet names` lists it.", autocompletion=complete_name
)
LABELS = typer.Argument(
    None,
    metavar="LABEL=VALUE",
    help=r"zone=ES, or zone=ES,PT for several values; a backslash before a comma or equals sign that belongs to one.",
    show_default=False,
)
