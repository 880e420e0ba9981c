"""Rows as a table for people: what is the same in all of them stands above it once."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import typer

from wattnet.cli._rows import Kind
from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wattnet.cli._rows import Column, Rows

PAGE_ROWS = 500
CELL_WIDTH = 60


def lines_of_table(rows: Rows) -> Iterator[str]:
    """The table, page by page: a new head stands wherever other columns have to be shown than on the page before.

    Times are in UTC unless they bring another offset, which they show then.
    """
    head: tuple[str, ...] | None = None
    for page in _pages(rows):
        shared, shown = _layout(rows.columns, page)
        cells = [[_cell(row[place]) for place in shown] for row in page]
        names = [_title(rows.columns[place], page, place) for place in shown]
        columns = zip(names, *cells, strict=True)
        widths = [max(map(len, column)) for column in columns]
        right = [rows.columns[place].kind is Kind.NUMBER for place in shown]
        said = (*shared, *names)
        if said != head:
            if head is not None:
                yield ""
            head = said
            if shared:
                yield "  ".join(shared)
            yield typer.style(_line(names, widths, right), bold=True)
        for row in cells:
            yield _line(row, widths, right)


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


def _title(column: Column, page: Sequence[tuple[object, ...]], place: int) -> str:
    name = escaped(column.name, keep="")
    return f"{name} (UTC)" if column.kind is Kind.TIME and all(_in_utc(row[place]) for row in page) else name


def _in_utc(value: object) -> bool:
    return isinstance(value, datetime) and not value.utcoffset()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if not _in_utc(value):
            return value.isoformat(sep=" ")
        return str(value.astimezone(timezone.utc).replace(tzinfo=None))
    text = escaped(str(value), keep="")
    return text if len(text) <= CELL_WIDTH else text[: CELL_WIDTH - 1] + "…"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return "  ".join(
        cell.rjust(width) if to_the_right else cell.ljust(width)
        for cell, width, to_the_right in zip(cells, widths, right, strict=True)
    ).rstrip()
