"""Where rows go and in which form: a table on a terminal, CSV in a pipe, a file, or what --format says."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from typing import IO, TYPE_CHECKING, TextIO

import typer

from wattnet.cli._rows import Kind, Rows
from wattnet.cli._terminal import escaped
from wattnet.schemas.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Format(str, Enum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


FORMAT = typer.Option(
    None, "--format", "-f", help="Default: by --output's suffix; else a table on a terminal, CSV in a pipe."
)
OUTPUT = typer.Option(
    None,
    "--output",
    "-o",
    metavar="FILE",
    help="Write there: the whole answer, or nothing. '-' is standard output.",
    callback=lambda path: None if str(path) == "-" else path,
)


def write_rows(rows: Rows, *, format_: Format | None, output: Path | None) -> int:
    """Write all rows, and say how many. Raises BadParameter for a form that cannot go there.

    Numbers are written so that they read back bit for bit, times in ISO 8601 with an offset; a table is for people, and
    rounds. Text is as it is, but on a terminal, where it is escaped.
    """
    chosen = check_output(format_, output)
    count = 0
    # Data that go to the same terminal show by themselves how far they are.
    with Progress("rows", shown=output is not None or not sys.stdout.isatty()) as progress:

        def counted() -> Iterator[Sequence[tuple[object, ...]]]:
            nonlocal count
            for batch in rows.batches:
                count += len(batch)
                progress(count)
                yield batch

        passing = Rows(rows.columns, counted())
        if output is None:
            _write(passing, chosen, sys.stdout, on_terminal=sys.stdout.isatty())
        else:
            with _replaced(output) as stream:
                _write(passing, chosen, stream, on_terminal=False)
    return count


def check_output(format_: Format | None, output: Path | None) -> Format:
    """The form that is meant. Raises BadParameter."""
    if format_ is not None:
        chosen = format_
    elif output is not None and output.suffix:
        try:
            chosen = Format(output.suffix[1:].lower())
        except ValueError:
            known = ", ".join(f".{one.value}" for one in Format if one is not Format.TABLE)
            raise typer.BadParameter(
                f"--output {str(output)!r}: the suffix {output.suffix!r} names no form: use one of {known}, or --format"
            ) from None
    else:
        chosen = Format.TABLE if output is None and sys.stdout.isatty() else Format.CSV
    if chosen is Format.PARQUET and output is None and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is no text for a terminal: give --output FILE, or a pipe")
    return chosen


def _write(rows: Rows, format_: Format, stream: TextIO, *, on_terminal: bool) -> None:
    if format_ is Format.PARQUET:
        _write_parquet(rows, stream.buffer)
        return
    if hasattr(stream, "reconfigure"):  # one encoding and one end of line, whatever the locale or the system
        stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    if format_ is Format.TABLE:
        from wattnet.cli._table import lines_of_table

        width = shutil.get_terminal_size().columns if on_terminal else None
        for line in lines_of_table(rows, width=width):
            typer.echo(line, file=stream)
    elif format_ is Format.CSV:
        _write_csv(rows, stream, on_terminal=on_terminal)
    else:
        _write_json(rows, stream, as_lines=format_ is Format.JSONL)
    stream.flush()


def _write_csv(rows: Rows, stream: TextIO, *, on_terminal: bool) -> None:
    text: Callable[[str], str] = (lambda given: escaped(given, keep="")) if on_terminal else str
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([text(column.name) for column in rows.columns])
    plain = {Kind.TIME: iso, Kind.FLAG: lambda flag: "true" if flag else "false", Kind.TEXT: text}
    made = [plain.get(column.kind) for column in rows.columns]
    for batch in rows.batches:
        # A float is written as repr has it: the shortest text that reads back as the same number.
        writer.writerows(
            [cell if cell is None or make is None else make(cell) for cell, make in zip(row, made, strict=True)]
            for row in batch
        )


def _write_json(rows: Rows, stream: TextIO, *, as_lines: bool) -> None:
    names = [column.name for column in rows.columns]
    # A label that a series lacks is left out; a value that was withdrawn is null.
    kept = {column.name for column in rows.columns if column.kind is not Kind.TEXT}
    # ASCII escapes: nothing in it can steer a terminal.
    encode = json.JSONEncoder(default=iso, allow_nan=False).encode
    before, between, after = ("", "", "") if as_lines else ("[\n", ",\n", "\n]\n")
    stream.write(before)
    first = True
    for batch in rows.batches:
        for row in batch:
            fields = {name: cell for name, cell in zip(names, row, strict=True) if cell is not None or name in kept}
            stream.write(("" if first else between) + encode(fields) + ("\n" if as_lines else ""))
            first = False
    stream.write(after)


def _write_parquet(rows: Rows, stream: IO[bytes]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        Kind.TIME: pa.timestamp("us", "UTC"),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.TEXT: pa.string(),
    }
    schema = pa.schema([(column.name, types[column.kind]) for column in rows.columns])
    # Closed by the caller: pyarrow would close the process's standard output.
    with parquet.ParquetWriter(pa.PythonFile(stream, mode="w"), schema) as writer:
        for batch in rows.batches:
            if batch:
                cells = zip(*batch, strict=True)
                arrays = [pa.array(cell, field.type) for cell, field in zip(cells, schema, strict=True)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    stream.flush()


def iso(moment: object) -> str:
    """`2025-03-01T00:00:00Z`; another offset stays as it is."""
    if not isinstance(moment, datetime):
        raise TypeError(f"{moment!r} has no text of its own")
    return moment.isoformat().replace("+00:00", "Z")


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    """The file whole, or as it was before. What is no file (a pipe, a device) is written to as it comes."""
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8") as stream:
            yield stream
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as stream:
            yield stream
        part.replace(path)
    except FileNotFoundError as exc:
        raise typer.BadParameter(f"--output {str(path)!r}: {exc.strerror}: make the folder first") from None
    finally:
        part.unlink(missing_ok=True)
