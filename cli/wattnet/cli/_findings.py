"""`wattnet gaps` and `wattnet balance`: what the numbers say of themselves."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import TYPE_CHECKING

import typer

from wattnet.cli._arguments import END, LABELS, NAME, START, TIMEOUT_S, TZ
from wattnet.cli._output import FORMAT, OUTPUT, Format

if TYPE_CHECKING:
    import pyarrow as pa

BALANCE_ARGUMENTS = ("zone", "step", "tz", "fill")


def gaps(
    name: str = NAME,
    labels: list[str] = LABELS,
    start: str = START,
    end: str | None = END,
    step: str | None = typer.Option(
        None,
        "--step",
        metavar="STEP",
        help="From one value to the next: 15min, 1h, 1d.",
        show_default="the values' resolution, else the most frequent gap",
    ),
    as_of: str | None = typer.Option(None, "--as-of", metavar="TIME", help="As it was known then."),
    valid_only: bool = typer.Option(False, "--valid-only", help="Take values that are not valid for missing."),
    tz: str | None = TZ,
    timeout_s: float = TIMEOUT_S,
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """List where series have no values.

    A row a gap: from where a value ends to where the next one begins, and how many values fit in between. A series
    without any value is one gap.
    """
    from wattnet.cli._arrow import load_pyarrow
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output
    from wattnet.cli._reading import open_client

    check_output(format_, output)
    load_pyarrow()
    wanted = parse_labels(labels)
    with open_client(tz=tz, timeout_s=timeout_s) as client:
        asked = client.metrics(name, start=start, end=end, as_of=as_of, **wanted)
        found = (asked.valid_only() if valid_only else asked).gaps(step)
        if not _write(found.to_arrow(), format_=format_, output=output):
            typer.echo("no gaps", err=True)


def balance(
    zone: str = typer.Argument(metavar="ZONE", help="Such as ES."),
    labels: list[str] = LABELS,
    start: str = START,
    end: str | None = END,
    step: str = typer.Option("1h", "--step", metavar="STEP", help="The intervals: 15min, 1h, 1d, 1mo."),
    as_of: str | None = typer.Option(None, "--as-of", metavar="TIME", help="As it was known then."),
    tz: str | None = TZ,
    timeout_s: float = TIMEOUT_S,
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """Hold generation and exchanges of a zone against its load.

    In MWh, interval by interval; the residual is generation + import - export - load. Where there are several
    datasources, say which one: datasource=entsoe.
    """
    from wattnet.cli._arrow import load_pyarrow
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output
    from wattnet.cli._reading import open_client

    check_output(format_, output)
    load_pyarrow()
    wanted = parse_labels(labels, taken=BALANCE_ARGUMENTS)
    with open_client(tz=tz, timeout_s=timeout_s) as client:
        found = client.balance(zone, start, end, step=step, tz=tz, fill=None, as_of=as_of, **wanted)
        if not _write(found.to_arrow(), format_=format_, output=output):
            typer.echo(f"no interval of {zone} between {start} and {end or 'now'} has values", err=True)


def _write(table: pa.Table, *, format_: Format | None, output: Path | None) -> bool:
    from wattnet.cli._output import write_rows
    from wattnet.cli._rows import rows_of_arrow

    rows = rows_of_arrow(table.to_batches(), empty=lambda: table.schema)
    return write_rows(rows, format_=format_, output=output) > 0
