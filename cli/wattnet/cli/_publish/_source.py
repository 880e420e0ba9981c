"""Lines of a file, whatever its form: each with its number, as cells by column."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
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
LONGEST_LINE = 16 * 1024 * 1024
"""Of a head in characters, of a line of JSON in bytes: what is longer is read no further."""
EMPTY = "the file is empty: nothing says what it should hold"


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
    except KeyError:
        raise typer.BadParameter(
            f"{str(path)!r} does not end in one of {', '.join(SUFFIXES)}: say with --format what it holds"
        ) from None


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
        """Raises BadParameter for a file that cannot be opened."""
        with ExitStack() as closing:
            stream: IO[bytes]
            if str(path) != "-":
                try:
                    stream = closing.enter_context(path.open("rb"))
                except OSError as exc:
                    raise typer.BadParameter(f"{str(path)!r}: {exc.strerror}") from None
            elif sys.stdin is None:
                raise typer.BadParameter("standard input is closed: give a file, or a pipe")
            else:
                stream = sys.stdin.buffer
            if (rewind or form is FileFormat.PARQUET) and not stream.seekable():
                copy = closing.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(stream, copy)
                stream = copy
            yield cls(stream, form)

    def lines(self) -> Iterator[Line]:
        """From the first one on; the head is known when the first one is.

        Raises BadParameter for what cannot be read in this form: a head that names no columns, no Parquet, no bytes.
        """
        read = {FileFormat.CSV: self._csv, FileFormat.JSONL: self._jsonl, FileFormat.PARQUET: self._parquet}
        try:
            if self._stream.seekable():
                self._stream.seek(0)
            yield from read[self._form]()
        except OSError as exc:
            raise typer.BadParameter(f"the file cannot be read: {exc.strerror or exc}") from None

    def _csv(self) -> Iterator[Line]:
        text = io.TextIOWrapper(self._stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            first = _first_line(text)
            # The first one outside of quotes: the heads of series hold commas of their own.
            self.separator = next((one for one in re.sub(r'"[^"]*"', "", first) if one in SEPARATORS), ",")
            reader = csv.reader(itertools.chain((first,), text), delimiter=self.separator)
            try:
                columns = next(reader, [])
            except csv.Error as exc:
                raise typer.BadParameter(f"the head of the file is no line of CSV: {exc}") from None
            self._check_head(columns)
            while True:
                number = reader.line_num + 1
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
        number = 0
        while text := self._stream.readline(LONGEST_LINE):
            number += 1
            if len(text) == LONGEST_LINE and not text.endswith(b"\n"):
                yield Line(number, {}, f"it is longer than {LONGEST_LINE:,} bytes: write one metric on each line")
                while text and not text.endswith(b"\n"):
                    text = self._stream.readline(LONGEST_LINE)
                continue
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
        if not number:
            raise typer.BadParameter(EMPTY)

    def _parquet(self) -> Iterator[Line]:
        import pyarrow as pa
        from pyarrow import parquet

        number = 0
        try:
            file = parquet.ParquetFile(self._stream)
            columns = file.schema_arrow.names
            self._check_head(columns)
            for batch in file.iter_batches(BATCH_ROWS):
                cells = [column.to_pylist() for column in batch.columns]
                for row in zip(*cells, strict=True):
                    number += 1
                    yield Line(number, dict(zip(columns, row, strict=True)))
        # Damage shows late, in a page; and Python has no moment or text for all that Parquet can hold.
        except (pa.ArrowException, OSError, ValueError, OverflowError) as exc:
            what = "this is no Parquet" if not number else f"this is no Parquet behind line {number}"
            raise typer.BadParameter(f"{what}: {exc}") from None

    def _check_head(self, columns: Sequence[str]) -> None:
        counts = Counter(columns)
        twice = [name for name, count in counts.items() if count > 1]
        if not columns or twice:
            what = f"has these columns twice: {', '.join(map(repr, twice))}" if twice else "is empty"
            raise typer.BadParameter(f"the head of the file {what}. Its first line has to name each column once")
        self.columns = columns


def _first_line(text: io.TextIOWrapper) -> str:
    """The head, with its end. Raises BadParameter where there is none, or none that is text."""
    first = text.readline(LONGEST_LINE)
    if not first:
        raise typer.BadParameter(EMPTY)
    if len(first) == LONGEST_LINE:
        raise typer.BadParameter(f"the first line has {LONGEST_LINE:,} characters or more: is this CSV? --format says")
    if "\0" in first:
        raise typer.BadParameter(
            "the first line has characters NUL, as UTF-16 and binary files have: save it as CSV in UTF-8, "
            "or say with --format what it is"
        )
    return first
