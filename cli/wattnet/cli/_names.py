"""`wattnet names` and `wattnet series`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import TYPE_CHECKING

import typer

from wattnet.cli._arguments import LABELS, NAME
from wattnet.cli._output import FORMAT, OUTPUT, Format

if TYPE_CHECKING:
    from collections.abc import Iterator


def names(
    describe: bool = typer.Option(
        False, "--describe", help="Instead, what the names, labels and units mean that modules share."
    ),
) -> None:
    """List the names under which metrics are stored.

    One a line, sorted. Other names, labels and units than those of --describe may be used; one that is nearly one of
    them is doubted when it is written.
    """
    if describe:
        for line in _dictionary():
            typer.echo(line)
        return
    from wattnet.cli._reading import open_client
    from wattnet.cli._terminal import for_stdout

    with open_client() as client:
        stored = client.names()
    for name in stored:
        print(for_stdout(name))
    if not stored:
        typer.echo("nothing is stored yet", err=True)


def _dictionary() -> Iterator[str]:
    from wattnet.schemas import KNOWN_LABELS, KNOWN_NAMES, KNOWN_UNITS, LABELS_BY_TYPE

    expected_by_name = {member.value: labels for member, labels in LABELS_BY_TYPE.items()}

    yield "Metric names, the units that they usually come in, and the labels that their readers expect"
    for name in KNOWN_NAMES.values():
        yield f"  {name.name:<19}  {name.meaning}" + (f" ({', '.join(name.units)})" if name.units else "")
        if expected := expected_by_name.get(name.name):
            yield f"  {'':<19}  {', '.join(label for label in KNOWN_LABELS if label in expected)}"
    for role in ("label", "quality", "attribute"):
        yield ""
        yield {"label": "Labels", "quality": "Qualities of a value", "attribute": "Attributes of a value"}[role]
        for label in KNOWN_LABELS.values():
            if label.role == role:
                yield f"  {label.name:<19}  {label.meaning}: {', '.join(label.examples)}"
    yield ""
    yield "Units"
    for unit in KNOWN_UNITS.values():
        yield f"  {unit.symbol:<19}  {unit.meaning}"


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
