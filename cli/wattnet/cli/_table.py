"""Rows as a table for people: what is the same in all of them stands above it once, and it fits the terminal."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import typer
from rich.cells import cell_len, set_cell_size

from wattnet.cli._rows import Kind
from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wattnet.cli._rows import Column, Rows

PAGE_ROWS = 500
CELL_WIDTH = 60
TEXT_WIDTH = 12
"""No column of text is made narrower, unless it is by itself."""
DIGITS = 7
_BETWEEN = "  "
_EXACT_WHOLE_NUMBERS = 1e15
_NAMED = 5


def lines_of_table(rows: Rows, *, width: int | None = None) -> Iterator[str]:
    """The table, page by page, with a new head wherever other columns have to be shown than on the page before.

    Times are in UTC unless they bring another offset, which they show then. Numbers have at most seven digits, and all
    of their digits before the point.

    Args:
        rows: What is shown.
        width: Of the terminal, in characters. Texts are shortened to fit, then columns are left out, and a line names
            them. None for any width.

    Yields:
        The lines, without their ends.
    """
    head: tuple[str, ...] | None = None
    for page in _pages(rows):
        shared, shown = _layout(rows.columns, page)
        columns = {place: _texts(rows.columns[place], [row[place] for row in page]) for place in shown}
        widths = {place: max(map(cell_len, texts)) for place, texts in columns.items()}
        if width is not None:
            widths = _fitted(rows.columns, widths, width)
        left_out = [columns[place][0] for place in shown if place not in widths]
        said = (*shared, *(columns[place][0] for place in widths), *left_out)
        first, *others = zip(
            *(_cells(rows.columns[place], columns[place], widths[place]) for place in widths), strict=True
        )
        if said != head:
            if head is not None:
                yield ""
            head = said
            yield from _wrapped(shared, width)
            if left_out:
                yield from _wrapped(_named(left_out).split(), width, between=" ")
            yield typer.style(_BETWEEN.join(first).rstrip(), bold=True)
        for row in others:
            yield _BETWEEN.join(row).rstrip()


def number(value: float) -> str:
    """A number for people: at most seven digits, unless there are more before its point."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.{DIGITS}g}"
    return f"{value:.0f}" if "e" in text and 1 <= abs(value) < _EXACT_WHOLE_NUMBERS else text


def _pages(rows: Rows) -> Iterator[Sequence[tuple[object, ...]]]:
    for batch in rows.batches:
        for first in range(0, len(batch), PAGE_ROWS):
            yield batch[first : first + PAGE_ROWS]


def _layout(columns: Sequence[Column], page: Sequence[tuple[object, ...]]) -> tuple[list[str], list[int]]:
    """What all rows of the page share, in words, and the places of the columns in which they differ."""
    shared: list[str] = []
    shown: list[int] = []
    for place, column in enumerate(columns):
        first = page[0][place]
        # They are what one reads a table for, also when all are equal.
        always = (
            column.kind is Kind.NUMBER or column.name == "timestamp" or (len(page) == 1 and column.kind is Kind.TIME)
        )
        if always or any(row[place] != first for row in page):
            shown.append(place)
        elif first is not None and first != column.default:
            zone = " UTC" if _in_utc(first) else ""
            shared.append(f"{escaped(column.name, keep='')}={_cell(first)}{zone}")
    return shared, shown


def _fitted(columns: Sequence[Column], widths: dict[int, int], width: int) -> dict[int, int]:
    """The widths of the columns that fit; the first two are shown in any case, and numbers and times whole."""
    kept = dict(widths)
    while (over := sum(kept.values()) + len(_BETWEEN) * (len(kept) - 1) - width) > 0:
        texts = [place for place in kept if columns[place].kind is Kind.TEXT and kept[place] > TEXT_WIDTH]
        if texts:
            widest = max(texts, key=lambda place: kept[place])
            others = [kept[place] for place in texts if kept[place] < kept[widest]]
            kept[widest] = max(kept[widest] - over, *others, TEXT_WIDTH)
        elif len(kept) > 2:
            # When a value became known, then whatever is last.
            known = [place for place in kept if columns[place].name == "knowledge_time"]
            del kept[known[0] if known else max(kept)]
            kept |= {place: widths[place] for place in kept if columns[place].kind is Kind.TEXT}
        else:
            break
    return kept


def _texts(column: Column, cells: Sequence[object]) -> list[str]:
    """The title and the cells; the points of numbers below each other."""
    name = escaped(column.name, keep="")
    in_utc = column.kind is Kind.TIME and all(_in_utc(cell) for cell in cells)
    texts = [_cell(cell) for cell in cells]
    if column.kind is Kind.NUMBER:
        places = [0 if "e" in text else len(text.partition(".")[2]) for text in texts]
        most = max(places)
        texts = [
            text if not most or not text else text + " " * (most - count + (count == 0))
            for text, count in zip(texts, places, strict=True)
        ]
    return [f"{name} (UTC)" if in_utc else name, *texts]


def _cells(column: Column, texts: Sequence[str], width: int) -> list[str]:
    return [_cut(text, width, to_the_right=column.kind is Kind.NUMBER) for text in texts]


def _cut(text: str, width: int, *, to_the_right: bool) -> str:
    text = _short(text, width)
    blanks = " " * (width - cell_len(text))
    return blanks + text if to_the_right else text + blanks


def _short(text: str, width: int | None) -> str:
    return text if width is None or cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _named(left_out: Sequence[str]) -> str:
    some = ", ".join(left_out[:_NAMED]) + (f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else "")
    return f"the terminal is too narrow for {some}; --format csv has all columns"


def _wrapped(words: Sequence[str], width: int | None, *, between: str = _BETWEEN) -> Iterator[str]:
    """As many of them in a line as fit."""
    line = ""
    for word in words:
        longer = f"{line}{between}{word}" if line else word
        if line and width is not None and cell_len(longer) > width:
            yield _short(line, width)
            longer = word
        line = longer
    if line:
        yield _short(line, width)


def _in_utc(value: object) -> bool:
    return isinstance(value, datetime) and not value.utcoffset()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, datetime):
        if not _in_utc(value):
            return value.isoformat(sep=" ")
        return str(value.astimezone(timezone.utc).replace(tzinfo=None))
    text = escaped(str(value), keep="")
    return _short(text, CELL_WIDTH)
