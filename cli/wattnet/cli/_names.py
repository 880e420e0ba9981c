"""`wattnet names` and `wattnet series`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotation

import typer

from wattnet.cli._arguments import LABELS, NAME
from wattnet.cli._output import FORMAT, OUTPUT, Format


def names() -> None:
    """List the names under which metrics are stored.

    One a line, sorted.
    """
    from wattnet.cli._reading import open_client
    from wattnet.cli._terminal import for_stdout

    with open_client() as client:
        stored = client.names()
    for name in stored:
        print(for_stdout(name))
    if not stored:
        typer.echo("nothing is stored yet", err=True)


def series(
    name: str = NAME,
    labels: list[str] = LABELS,
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """List the series of a metric: labels, first and last time.

    How far a series reaches counts every revision, retracted values too.
    """
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output, write_rows
    from wattnet.cli._reading import open_client
    from wattnet.cli._rows import rows_of_series

    check_output(format_, output)
    wanted = parse_labels(labels)
    with open_client() as client:
        found = client.series(name, **wanted)
    write_rows(rows_of_series(found), format_=format_, output=output)
    if not found:
        typer.echo(f"no series of {name} has these labels", err=True)
