"""data_state as numbers: it is a text that many rows share, and a text for each row costs more than all the rest.

A client learns which texts a metric name has from its first answer. From then on ClickHouse gives each row's place
among these, a byte; where a text is none of them, the question is asked once more for texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLUMN = 4
"""Where data_state stands among the columns of a Statement."""
UNKNOWN = 255
MAX_STATES = 64
"""Of one name. With more it stays text."""


class Coded(NamedTuple):
    """A column of texts as places in `values`."""

    values: Sequence[str]
    codes: Sequence[int]


class States:
    """By metric name the texts that were seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, ...]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """None yet, or those among which nearly every text is."""
        return self._seen.get(name, ())

    def learn(self, name: str, blocks: Iterable[Sequence[Any]]) -> None:
        """Take them from an answer's texts."""
        found = set(self.of(name)).union(*(block[COLUMN] for block in blocks))
        self._seen[name] = tuple(sorted(found)) if len(found) <= MAX_STATES else ()


def is_known(blocks: Iterable[Sequence[Any]]) -> bool:
    """Whether every text of blocks of numbers was among those that were known."""
    return not any(UNKNOWN in bytes(block[COLUMN]) for block in blocks)


def coded(block: Sequence[Any], states: tuple[str, ...]) -> Sequence[Any]:
    """A block whose numbers are places in `states`, with their meaning."""
    return [*block[:COLUMN], Coded(states, block[COLUMN]), *block[COLUMN + 1 :]]
