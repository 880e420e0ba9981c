"""What an import found in a table and what became of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What could not be carried, and why: so many rows, or so many values of a column. `example` is one of them."""

    reason: str
    rows: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table. `rows` is what 1.x shows of it: carried + present + those left out.

    carried   rows that this run stored; on a dry run, that it would store
    present   rows that an earlier run stored
    replaced  rows that 1.x still holds and shows to nobody, because later ones replaced them; they are not carried
    rows_left_out, columns_left_out  what could not be carried; rows without their value in a column are carried
    assumed   what was read into rows that do not say it: a sentence, and in how many rows
    """

    table: str
    rows: int = 0
    carried: int = 0
    present: int = 0
    replaced: int = 0
    rows_left_out: tuple[LeftOut, ...] = ()
    columns_left_out: tuple[LeftOut, ...] = ()
    assumed: tuple[tuple[str, int], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that 1.x shows is in the new tables."""
        return not self.rows_left_out and not self.columns_left_out
