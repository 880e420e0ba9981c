"""The command: read, understand, send, and say what became of it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import TYPE_CHECKING, Literal

import typer

from wattnet.cli._publish._source import FileFormat  # noqa: TC001  typer reads the annotation
from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from wattnet.cli._publish._layout import Given, Layout
    from wattnet.cli._publish._source import Line, Source
    from wattnet.cli._publish._tally import Tally
    from wattnet.schemas import Metric

EXIT_REFUSED = 1


class Wait(str, Enum):
    """What is waited for."""

    ACKNOWLEDGED = "acknowledged"
    VISIBLE = "visible"


class Conflicts(str, Enum):
    """What becomes of a value that differs from an earlier one of its point."""

    REFUSE = "refuse"
    WARN = "warn"


def publish(
    file: Path = typer.Argument(metavar="FILE", help="CSV, JSON lines or Parquet; '-' is standard input."),
    format_: FileFormat | None = typer.Option(
        None, "--format", "-f", help="What the file holds.", show_default="by its suffix; CSV for '-'"
    ),
    metric_type: str | None = typer.Option(None, "--metric-type", help="Of all lines, where no column says it."),
    label: list[str] = typer.Option([], "--label", metavar="NAME=VALUE", help="Of all lines; may be repeated."),
    timestamp_column: str = typer.Option("timestamp", "--timestamp-column", help="Where the times are."),
    value_column: str | None = typer.Option(
        None, "--value-column", help="Where the values are (a value a line).", show_default="value"
    ),
    column_label: str | None = typer.Option(
        None, "--column-label", metavar="NAME", help="The heads are values of this label (a column a series)."
    ),
    tz: str | None = typer.Option(
        None, "--tz", metavar="ZONE", help="Whose clock times without an offset are: Europe/Madrid, UTC."
    ),
    knowledge_time: str | None = typer.Option(
        None,
        "--knowledge-time",
        metavar="TIME",
        help="When the values became known, whatever a column says; now for corrections of what was read.",
        show_default="the column's, else now",
    ),
    conflicts: Conflicts = typer.Option(
        Conflicts.REFUSE, "--conflicts", help="A second, other value of a series and time: refuse it, or send both."
    ),
    atomic: bool = typer.Option(False, "--atomic", help="Send nothing when a line is refused: all are checked first."),
    wait: Wait = typer.Option(
        Wait.ACKNOWLEDGED, "--wait", help="Return when Kafka has everything, or when ClickHouse has (visible)."
    ),
    timeout_s: float = typer.Option(60.0, "--timeout", metavar="SECONDS", min=0.1, help="How long to wait for that."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what is understood, and send nothing."),
) -> None:
    """Send the metrics of a file.

    A value a line: columns timestamp, value, and one per label; or a column a series: timestamp, and heads like
    zone=ES,production_type=solar, or the values of --column-label. metric_type, knowledge_time, valid, zone_status,
    data_state, attributes (JSON), resolution and source_link are what they are everywhere; JSON lines may hold labels
    and attributes as objects. An empty cell is no value and retracts none: it is skipped and counted. What the command
    line and the file both say has to be the same: a line that says otherwise is refused. So is one whose value differs
    from an earlier one of its series, time and quality, where no knowledge_time tells them apart.
    What `wattnet query` prints can be sent back as it is, and names the same revisions then; but for withdrawn values
    (--history), and for buckets (--resample), whose columns count and coverage are no labels.

    Lines that cannot be sent are listed, by what is wrong with them; the others are sent. Exit codes: 0 all is sent, 1
    some lines were refused, 2 usage, 69 a service does not answer or not in time, 78 bad configuration.
    """
    from wattnet.cli._publish._layout import Layout
    from wattnet.cli._publish._source import Source, format_of
    from wattnet.cli._publish._tally import Tally
    from wattnet.cli._reading import quiet_libraries
    from wattnet.cli._spoken import spoken_warnings

    given = _given(metric_type, label, knowledge_time, timestamp_column, value_column, column_label=column_label, tz=tz)
    form = format_of(file, format_)
    quiet_libraries()
    with Source.open(file, form, rewind=atomic) as source:
        lines = source.lines()
        first, lines = _begun(lines)
        layout = Layout(source.columns, given)
        tally = Tally(refuse_conflicts=conflicts is Conflicts.REFUSE)
        try:
            with spoken_warnings():
                if dry_run or atomic:
                    _read(tally.metrics_of(lines, layout))
                if dry_run:
                    _show(source, layout, tally, first, form)
                elif not (atomic and tally.refused):
                    if atomic:
                        tally, lines = Tally(refuse_conflicts=conflicts is Conflicts.REFUSE), source.lines()
                    _send(tally.metrics_of(lines, layout), tally, wait=wait, timeout_s=timeout_s)
        finally:
            for problem in tally.lines_of_problems():
                typer.secho(problem, fg="red", err=True)
            typer.echo(str(tally), err=True)
    if dry_run or (atomic and tally.refused):
        typer.echo("nothing was sent" + ("" if dry_run else ": --atomic sends all or none"), err=True)
    if tally.refused:
        raise typer.Exit(EXIT_REFUSED)


def _given(
    metric_type: str | None,
    label: list[str],
    knowledge_time: str | None,
    timestamp_column: str,
    value_column: str | None,
    *,
    column_label: str | None,
    tz: str | None,
) -> Given:
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._publish._layout import Given
    from wattnet.cli._publish._times import zone_of
    from wattnet.query import parse_time

    labels = {}
    for name, value in parse_labels(label).items():
        if not isinstance(value, str):
            raise typer.BadParameter(f"--label {name}: give one value; write a comma inside of it as \\,")
        labels[name] = value
    zone = zone_of(tz)
    known: datetime | Literal["now"] | None = None
    if knowledge_time is not None:
        known = "now" if knowledge_time == "now" else parse_time(knowledge_time, argument="--knowledge-time", zone=zone)
    return Given(metric_type, labels, known, timestamp_column, value_column, column_label, zone)


def _begun(lines: Iterator[Line]) -> tuple[Line | None, Iterator[Line]]:
    """The first line, for its head, and all lines."""
    first = next(lines, None)
    if first is None:
        return None, lines

    def again() -> Iterator[Line]:
        yield first
        yield from lines

    return first, again()


def _read(metrics: Iterable[Metric]) -> None:
    from wattnet.schemas.progress import Progress

    with Progress("metrics read") as progress:
        for count, _ in enumerate(metrics, 1):
            progress(count)


def _send(metrics: Iterable[Metric], tally: Tally, *, wait: Wait, timeout_s: float) -> None:
    """Raises DeliveryError when some did not arrive, VisibilityTimeoutError when they are not stored in time."""
    from wattnet.cli._publish._destination import open_producer
    from wattnet.schemas.progress import Progress

    with open_producer() as (producer, group_id, failed):
        with Progress("metrics sent") as progress:
            for metric in metrics:
                producer.send(metric)
                progress(tally.metrics)
                if failed:
                    break
        if wait is Wait.VISIBLE:
            producer.wait_visible(timeout_s, group_id=group_id)
        else:
            producer.flush(timeout_s)


def _show(source: Source, layout: Layout, tally: Tally, first: Line | None, form: FileFormat) -> None:
    """What a dry run understood: data, so on standard output."""
    separator = "" if source.separator == "," else f", separated by {source.separator!r}"
    what = "a column a series" if layout.series else "a value a line"
    typer.echo(f"{form.value}{separator}: {what}")
    columns = source.columns if source.columns is not None else [*(first.cells if first else ())]
    width = max((len(escaped(name, keep="")) for name in columns), default=0)
    for name in columns:
        typer.echo(f"  {escaped(name, keep=''):<{width}}  {escaped(layout.meaning(name), keep='')}")
    typer.echo(str(tally))
    for metric in tally.first:
        typer.echo(f"  {escaped(repr(metric), keep='')}")
