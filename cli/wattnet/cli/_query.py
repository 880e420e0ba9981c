"""`wattnet query` and `wattnet latest`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotation

import typer

from wattnet.cli._arguments import LABELS, NAME
from wattnet.cli._output import FORMAT, OUTPUT, Format


def query(
    name: str = NAME,
    labels: list[str] = LABELS,
    start: str = typer.Option(
        metavar="TIME", help="From here on: ISO 8601 with offset (2025-03-01T00:00Z), now, or -6h, -1d, -2w."
    ),
    end: str | None = typer.Option(
        None, metavar="TIME", help="Up to, and without, this.", show_default="now; forecasts lie ahead of it"
    ),
    as_of: str | None = typer.Option(None, "--as-of", metavar="TIME", help="As it was known then."),
    plot: bool = typer.Option(False, "--plot", help="Draw a chart."),
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """Read the values of a metric.

    Current values of all matching series, by series and time: a table on a terminal, CSV in a pipe. Numbers read back
    bit for bit, times are ISO 8601 with an offset. Exit codes: 0 also when nothing is found, 2 a question that cannot
    be asked, 69 ClickHouse does not answer, 78 bad configuration.
    """
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output, write_rows
    from wattnet.cli._reading import open_client
    from wattnet.cli._rows import rows_of_metrics

    if plot and (format_ or output):
        raise typer.BadParameter("--plot draws on the terminal: leave out --format and --output")
    check_output(format_, output)
    wanted = parse_labels(labels)
    with open_client() as client:
        metrics = client.metrics(name, start=start, end=end, as_of=as_of, **wanted).to_list()
    if not metrics:
        typer.echo(f"no values of {name} between {start} and {end or 'now'} have these labels", err=True)
    if plot:
        from wattnet.cli._chart import lines_of_chart

        for line in lines_of_chart(name, rows_of_metrics(metrics)):
            typer.echo(line)
        return
    write_rows(rows_of_metrics(metrics), format_=format_, output=output)


def latest(
    name: str = NAME,
    labels: list[str] = LABELS,
    format_: Format | None = FORMAT,
    output: Path | None = OUTPUT,
) -> None:
    """Show the newest value of each series of a metric.

    A forecast's newest value lies ahead of now. A series of which everything was withdrawn has none.
    """
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._output import check_output, write_rows
    from wattnet.cli._reading import open_client
    from wattnet.cli._rows import rows_of_metrics

    check_output(format_, output)
    wanted = parse_labels(labels)
    with open_client() as client:
        metrics = client.latest(name, **wanted).to_list()
    if not metrics:
        typer.echo(f"no series of {name} has these labels, and a value", err=True)
    write_rows(rows_of_metrics(metrics), format_=format_, output=output)
