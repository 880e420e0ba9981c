"""Names, labels and units that are nearly known ones: they are taken as they are written, and doubted once."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from wattnet.schemas._caller import warn_caller
from wattnet.schemas._dictionary import KNOWN_LABELS, KNOWN_NAMES, KNOWN_UNITS
from wattnet.schemas._errors import TypoWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_WORDS = 4_096
_MOST_SERIES = 32_768
# Of shorter ones, such as `to`, too many words are a letter away.
_LEAST_LETTERS = 4
_SIGNS = {"₂": "2", "²": "2", "³": "3", "€": "eur", "$": "usd", "£": "gbp", "º": "°", "^": ""}

_doubted: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
"""Series whose typos were said. Their other qualities and attributes are no new ones."""


def warn_of_typos(name: str, labels: Mapping[str, str], others: Iterable[str]) -> None:
    """Issue a TypoWarning for each word that is nearly a known one, once per series.

    `others` are the names of attributes. Called when a series and quality is met for the first time, not per metric.
    """
    doubts = [*_doubts(name, labels, others)]
    series = (name, tuple(labels.items()))
    if not doubts or series in _doubted:
        return
    if len(_doubted) >= _MOST_SERIES:
        _doubted.clear()
    _doubted.add(series)
    for what, word, meant in doubts:
        warn_caller(f"{what} {word!r} is not a known one: did you mean {meant!r}? It is kept as written", TypoWarning)


def _doubts(name: str, labels: Mapping[str, str], others: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    if meant := _near_name(name):
        yield "metric name", name, meant
    for label in (*labels, *others):
        if meant := _near_label(label):
            yield f"label of {name}", label, meant
    if meant := _near_unit(labels.get("unit", "")):
        yield f"unit of {name}", labels["unit"], meant


@lru_cache(_MOST_WORDS)
def _near_name(name: str) -> str | None:
    return _near(name, KNOWN_NAMES)


@lru_cache(_MOST_WORDS)
def _near_label(label: str) -> str | None:
    return _near(label, KNOWN_LABELS)


@lru_cache(_MOST_WORDS)
def _near_unit(unit: str) -> str | None:
    """The known unit of which this is another spelling: 'mw', 'kwh', 'megawatts', 'g CO₂/kWh'."""
    return None if unit in KNOWN_UNITS else _units_by_spelling().get(_spelling(unit))


@lru_cache(1)
def _units_by_spelling() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for unit in KNOWN_UNITS.values():
        for text in (unit.symbol, *unit.spellings):
            spellings.setdefault(_spelling(text), unit.symbol)
    return spellings


def _spelling(unit: str) -> str:
    for sign, letters in _SIGNS.items():
        unit = unit.replace(sign, letters)
    return re.sub(r"[\s_·*-]", "", unit.casefold())


def _near(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs in case and separators only, or by one slip."""
    if word in known:
        return None
    plain = _plain(word)
    for other in known:
        if _plain(other) == plain:
            return other
    if any(letter.isdigit() for letter in plain):  # zone2 and zone_load_15min are names of somebody's own
        return None
    return next((other for other in known if len(other) >= _LEAST_LETTERS and _one_slip(plain, _plain(other))), None)


def _plain(word: str) -> str:
    return re.sub(r"[\s_.-]", "", word.casefold())


def _one_slip(word: str, other: str) -> bool:
    """Whether one letter is missing, too many or another, or two neighbours changed places; but not the first one."""
    if abs(len(word) - len(other)) > 1:
        return False
    start = _same_letters(word, other)
    rest, others_rest = word[start:], other[start:]
    end = _same_letters(rest[::-1], others_rest[::-1])
    slip, meant = rest[: len(rest) - end], others_rest[: len(others_rest) - end]
    return start > 0 and (max(len(slip), len(meant)) <= 1 or (len(slip) == 2 and slip == meant[::-1]))


def _same_letters(word: str, other: str) -> int:
    """How many letters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False)))
