"""`wattnet tail`."""

from __future__ import annotations

import csv
import itertools
import json
import logging
import shutil
import sys
from enum import Enum
from typing import TYPE_CHECKING

import typer

from wattnet.cli._arguments import CLOCK, LABELS, NAME
from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wattnet.query import Change
    from wattnet.schemas import Metric

POLL_INTERVAL_S = 1.0
COLUMNS = ("stored_at", "timestamp", "value", "previous", "series", "valid", "zone_status", "data_state",
           "knowledge_time", "snapshot", "token")  # fmt: skip


class TailFormat(str, Enum):
    """How changes are written, a line each."""

    TABLE = "table"
    CSV = "csv"
    JSONL = "jsonl"


def tail(
    name: str = NAME,
    labels: list[str] = LABELS,
    start: str = typer.Option("-1d", "--start", metavar="TIME", help="Values of timestamps from here on."),
    resume: str | None = typer.Option(
        None, "--resume", metavar="TOKEN", help="Go on behind the change that has this token (CSV and JSON show it)."
    ),
    limit: int | None = typer.Option(None, "--limit", min=1, help="End after so many changes."),
    tz: str | None = CLOCK,
    format_: TailFormat | None = typer.Option(
        None, "--format", "-f", help="A line each.", show_default="a table on a terminal, CSV in a pipe"
    ),
) -> None:
    """Follow the values of a metric as they land.

    First those that are current, then every change: a value that appeared, was revised or was withdrawn. Until Ctrl-C.
    ClickHouse is polled every second; while it is away, this waits. Each change is given once, and --resume with the
    token of the last one misses none.
    """
    from wattnet.cli._labels import parse_labels
    from wattnet.cli._reading import open_client

    wanted = parse_labels(labels, taken=("resume", "poll_interval_s"))
    chosen = format_ or (TailFormat.TABLE if sys.stdout.isatty() else TailFormat.CSV)
    with open_client(tz=tz, endless=True) as client:
        _say_interruptions()
        lines = {TailFormat.TABLE: _table, TailFormat.CSV: _csv, TailFormat.JSONL: _jsonl}[chosen]
        with client.follow(name, start=start, resume=resume, poll_interval_s=POLL_INTERVAL_S, **wanted) as changes:
            for line in lines(itertools.islice(changes, limit)):
                # Colours are the table's own; anything else is data, and not searched for them.
                typer.echo(line, color=None if chosen is TailFormat.TABLE else True)


def _table(changes: Iterable[Change]) -> Iterator[str]:
    from rich.cells import cell_len, set_cell_size

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    yield typer.style(f"{'timestamp (UTC)':<19}  {'value':>12}  {'was':>12}  series", bold=True)
    for change in changes:
        metric = change.metric
        was = "" if change.previous is None else _value(change.previous)
        quality = "" if metric.valid else "  not valid"
        quality += "" if metric.zone_status == "complete" else f"  {metric.zone_status}"
        line = (
            f"{metric.timestamp.replace(tzinfo=None)!s:<19}  {_value(metric):>12}  {was:>12}  "
            f"{escaped(metric.series_key + quality, keep='')}"
        )
        yield line if width is None or cell_len(line) <= width else set_cell_size(line, width - 1) + "…"


def _value(metric: Metric) -> str:
    from wattnet.cli._table import number

    return "withdrawn" if metric.value is None else number(metric.value)


def _csv(changes: Iterable[Change]) -> Iterator[str]:
    yield ",".join(COLUMNS)
    on_terminal = sys.stdout.isatty()
    written = _Line()
    writer = csv.writer(written, lineterminator="")
    for change in changes:
        fields = {**_fields(change), "series": change.metric.series_key}
        cells = [str(cell).lower() if isinstance(cell, bool) else cell for cell in map(fields.get, COLUMNS)]
        writer.writerow([escaped(cell, keep="") if on_terminal and isinstance(cell, str) else cell for cell in cells])
        yield written.text


class _Line:
    """What csv wrote last."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _jsonl(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        yield json.dumps({**_fields(change), "labels": dict(change.metric.labels)})


def _fields(change: Change) -> dict[str, object]:
    from wattnet.cli._output import iso

    metric = change.metric
    return {
        "stored_at": iso(change.stored_at),
        "metric_type": metric.name,
        "timestamp": iso(metric.timestamp),
        "value": metric.value,
        "previous": None if change.previous is None else change.previous.value,
        "valid": metric.valid,
        "zone_status": metric.zone_status,
        "data_state": metric.data_state,
        "knowledge_time": None if metric.knowledge_time is None else iso(metric.knowledge_time),
        "snapshot": change.snapshot,
        "token": change.token,
    }


def _say_interruptions() -> None:
    """The client logs when ClickHouse is away, and waits: who watches wants to know why nothing comes."""

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            typer.echo(escaped(f"wattnet: {record.getMessage()}"), err=True)

    logger = logging.getLogger("wattnet.query")
    logger.handlers = [Said(logging.WARNING)]
