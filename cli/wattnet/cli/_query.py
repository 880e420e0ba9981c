"""`wattnet query` and `wattnet latest`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import TYPE_CHECKING

import typer

from wattnet.cli._arguments import END, LABELS, NAME, START, TIMEOUT_S, TZ
from wattnet.cli._output import FORMAT, OUTPUT, Format

if TYPE_CHECKING:
    from wattnet.query import Query


class How(str, Enum):
    """What a bucket shows of its values."""

    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    COUNT = "count"
    ENERGY = "energy"
    POWER = "power"


def query(
    name: str = NAME,
    labels: list[str] = LABELS,
    start: str = START,
    end: str | None = END,
    as_of: str | None = typer.Option(None, "--as-of", metavar="TIME", help="As it was known then."),
    history: bool = typer.Option(False, "--history", help="Every revision, in the order in which they became known."),
    valid_only: bool = typer.Option(False, "--valid-only", help="Without points whose current value is not valid."),
    attributes: bool = typer.Option(False, "--attributes", help="With what describes each value, as a last column."),
    limit: int | None = typer.Option(
        None, "--limit", min=1, help="The first so many rows; with --wide, of timestamps."
    ),
    resample: str | None = typer.Option(
        None, "--resample", metavar="STEP", help="A row a bucket of time: 15min, 1h, 1d, 1w, 1mo, 1y."
    ),
    how: How | None = typer.Option(
        None,
        "--how",
        help="Of the values in a bucket; a mean weighs by time where steps differ, energy makes MWh of MW.",
        show_default="mean",
    ),
    fill: str | None = typer.Option(
        None, "--fill", metavar="WHAT", help="Where a bucket has no value: zero, previous, interpolate or a number."
    ),
    min_coverage: float = typer.Option(
        1.0, "--min-coverage", metavar="SHARE", help="Of energy and power: from which share of its time with values on."
    ),
    tz: str | None = TZ,
    timeout_s: float = TIMEOUT_S,
    wide: bool = typer.Option(False, "--wide", help="A row a timestamp, a column a series; held in memory."),
    plot: bool = typer.Option(False, "--plot", help="Draw a chart."),
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """Read the values of a metric.

    Current values of all matching series, by series and time: a table on a terminal, CSV in a pipe. Numbers read back
    bit for bit, times are ISO 8601 with an offset; a revision that withdraws its value has none. Whatever the size of
    the answer, it passes through. Exit codes: 0 also when nothing is found, 2 a question that cannot be asked, 69
    ClickHouse does not answer, 78 bad configuration.
    """
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output
    from wattnet.cli._reading import open_client

    if plot and (format_ or output or wide or limit):
        raise typer.BadParameter(
            "--plot draws all values on the terminal: leave out --format, --output, --wide, --limit"
        )
    if attributes and (plot or wide):
        raise typer.BadParameter("--attributes are a column of each value: leave out --plot and --wide")
    if (how is not None or fill is not None or min_coverage != 1) and resample is None:
        raise typer.BadParameter(
            "--how, --fill and --min-coverage say what a bucket shows: give --resample, such as --resample 1h"
        )
    check_output(format_, output)
    wanted = parse_labels(labels)
    with open_client(tz=tz, timeout_s=timeout_s) as client:
        asked = client.metrics(name, start=start, end=end, as_of=as_of, **wanted)
        if history:
            asked = asked.history()
        if valid_only:
            asked = asked.valid_only()
        if attributes:
            asked = asked.with_attributes()
        if resample is not None:
            asked = asked.resample(
                resample, how.value if how else "mean", fill=_filling(fill), min_coverage=min_coverage
            )
        if limit is not None:
            asked = asked.limit(limit)
        found = _answer(name, asked, wide=wide, plot=plot, format_=format_, output=output)
        if not found:
            nothing = f"no values of {name} between {start} and {end or 'now'} have these labels"
            if not client.latest(name, **wanted).limit(1).to_list():
                nothing = _no_series(name)
            typer.echo(nothing, err=True)


def _no_series(name: str) -> str:
    return f"no series of {name} has these labels, and a value"


def _filling(text: str | None) -> str | float | None:
    """A number where it is one; what is neither that nor one of the client's words, the client refuses."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def latest(
    name: str = NAME,
    labels: list[str] = LABELS,
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """Show the newest value of each series of a metric.

    Forecasts only with forecast=…, for theirs lie ahead of now. A series of which everything was withdrawn has none.
    """
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output
    from wattnet.cli._reading import open_client

    check_output(format_, output)
    wanted = parse_labels(labels)
    with open_client() as client:
        found = _answer(name, client.latest(name, **wanted), format_=format_, output=output)
    if not found:
        typer.echo(_no_series(name), err=True)


def _answer(
    name: str,
    asked: Query,
    *,
    wide: bool = False,
    plot: bool = False,
    format_: Format | None,
    output: Path | None,
) -> bool:
    """Ask, and print what comes as it comes; whether anything came."""
    from wattnet.cli._arrow import load_pyarrow
    from wattnet.cli._output import write_rows
    from wattnet.cli._rows import rows_of_arrow

    load_pyarrow()
    batches = asked.to_arrow(wide=True).to_batches() if wide else asked.iter_batches()
    rows = rows_of_arrow(batches, empty=lambda: asked.to_arrow(wide=wide).schema)
    if plot:
        from wattnet.cli._chart import lines_of_chart

        drawn = False
        for line in lines_of_chart(name, rows):
            drawn = True
            typer.echo(line)
        return drawn
    return write_rows(rows, format_=format_, output=output) > 0
