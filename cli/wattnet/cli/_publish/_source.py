"""Lines of a file, whatever its form: each with its number, as cells by column."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import IO, TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BATCH_ROWS = 10_000
SEPARATORS = ",;\t"


class FileFormat(str, Enum):
    """How a file holds metrics."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


SUFFIXES = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `problem` says why it has no cells."""

    number: int
    cells: dict[str, object]
    problem: str | None = None


def format_of(path: Path, given: FileFormat | None) -> FileFormat:
    """By --format, else by the suffix; standard input is CSV unless told. Raises BadParameter."""
    if given is not None:
        return given
    if str(path) == "-":
        return FileFormat.CSV
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError as exc:
        raise typer.BadParameter(
            f"{str(path)!r} does not end in one of {', '.join(SUFFIXES)}: say with --format what it holds"
        ) from exc


class Source:
    """The lines of one file. `lines` may be read again where `rewind` was asked for."""

    def __init__(self, stream: IO[bytes], form: FileFormat) -> None:
        self._stream = stream
        self._form = form
        self.columns: Sequence[str] | None = None
        """The head; None for JSON lines, where each line has its own."""
        self.separator = ","

    @classmethod
    @contextmanager
    def open(cls, path: Path, form: FileFormat, *, rewind: bool) -> Iterator[Source]:
        """Raises BadParameter for a file that cannot be read."""
        with ExitStack() as closing:
            stream: IO[bytes] = sys.stdin.buffer
            if str(path) != "-":
                try:
                    stream = closing.enter_context(path.open("rb"))
                except OSError as exc:
                    raise typer.BadParameter(f"{str(path)!r}: {exc.strerror}") from exc
            if (rewind or form is FileFormat.PARQUET) and not stream.seekable():
                copy = closing.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(stream, copy)
                stream = copy
            yield cls(stream, form)

    def lines(self) -> Iterator[Line]:
        """From the first one on; the head is known when the first one is."""
        if self._stream.seekable():
            self._stream.seek(0)
        if self._form is FileFormat.CSV:
            return self._csv()
        return self._jsonl() if self._form is FileFormat.JSONL else self._parquet()

    def _csv(self) -> Iterator[Line]:
        text = io.TextIOWrapper(self._stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            first = text.readline()
            head = first.rstrip("\r\n")
            # The first one outside of quotes: the heads of series hold commas of their own.
            self.separator = next((one for one in re.sub(r'"[^"]*"', "", head) if one in SEPARATORS), ",")
            columns = next(csv.reader([head], delimiter=self.separator), [])
            self._check_head(columns)
            reader = csv.reader(text, delimiter=self.separator)
            while True:
                number = reader.line_num + 2
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error as exc:
                    yield Line(number, {}, f"this is no line of CSV: {exc}")
                    continue
                if len(row) == len(columns):
                    yield Line(number, dict(zip(columns, row, strict=True)))
                elif row:
                    yield Line(number, {}, f"{len(row)} cells stand under a head of {len(columns)} columns")
        finally:
            if not self._stream.closed:
                text.detach()

    def _jsonl(self) -> Iterator[Line]:
        for number, text in enumerate(self._stream, 1):
            if not text.strip():
                continue
            try:
                cells = json.loads(text)
            except json.JSONDecodeError as exc:
                yield Line(number, {}, f"this is no line of JSON: {exc.msg} at character {exc.pos + 1}")
                continue
            except (ValueError, RecursionError) as exc:
                yield Line(number, {}, f"this is no line of JSON: {exc}")
                continue
            if isinstance(cells, dict):
                yield Line(number, cells)
            else:
                yield Line(number, {}, f"a JSON object is wanted on each line, and this is a {type(cells).__name__}")

    def _parquet(self) -> Iterator[Line]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            file = parquet.ParquetFile(self._stream)
        except pa.ArrowInvalid as exc:
            raise typer.BadParameter(f"this is no Parquet: {exc}") from exc
        columns = file.schema_arrow.names
        self._check_head(columns)
        number = 0
        for batch in file.iter_batches(BATCH_ROWS):
            cells = [column.to_pylist() for column in batch.columns]
            for row in zip(*cells, strict=True):
                number += 1
                yield Line(number, dict(zip(columns, row, strict=True)))

    def _check_head(self, columns: Sequence[str]) -> None:
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if not columns or twice:
            what = f"has these columns twice: {', '.join(twice)}" if twice else "is empty"
            raise typer.BadParameter(f"the head of the file {what}. Its first line has to name each column once")
        self.columns = columns
