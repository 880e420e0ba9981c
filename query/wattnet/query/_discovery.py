"""What is stored: names, their labels, and the labels' values. Nothing here looks through series or values.

The table label_values has a row for each value of each label of each name, and for each name one without a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.query._errors import UnknownLabelError, UnknownNameError, UnknownValueWarning
from wattnet.schemas import suggest, warn_caller

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wattnet.query._database import Database

_NAMES = "SELECT DISTINCT v.name FROM label_values AS v WHERE v.label = '' ORDER BY v.name"
_LABELS = "SELECT DISTINCT v.label FROM label_values AS v WHERE v.name = {name:String} ORDER BY v.label"
_VALUES = """
    SELECT DISTINCT v.value FROM label_values AS v WHERE v.name = {name:String} AND v.label = {label:String}
    ORDER BY v.value
"""
_STORED = """
    SELECT DISTINCT v.value FROM label_values AS v
    WHERE v.name = {name:String} AND v.label = {label:String} AND v.value IN {values:Array(String)}
"""
# Among a million values the engine picks those that are worth a closer look.
_LIKE = """
    SELECT DISTINCT v.value FROM label_values AS v
    WHERE v.name = {name:String} AND v.label = {label:String}
      AND abs(toInt32(lengthUTF8(v.value)) - toInt32(lengthUTF8({value:String}))) <= 8
    ORDER BY editDistanceUTF8(lowerUTF8(v.value), lowerUTF8({value:String})), v.value LIMIT 20
"""
_MAX_GUESSES = 5
_MAX_GUESSED_LENGTH = 200


def names(database: Database) -> list[str]:
    """Every metric name under which something is stored, sorted."""
    return [name for (name,) in database.rows(_NAMES, {})]


def labels(database: Database, name: str) -> list[str]:
    """All label names of `name`, sorted. Raises UnknownNameError."""
    known = [label for (label,) in database.rows(_LABELS, {"name": name})]
    if not known:
        raise _unknown_name(name, names(database))
    return [label for label in known if label]


def values(database: Database, name: str, label: str) -> list[str]:
    """All values of a label among the series of `name`, sorted. Raises UnknownNameError and UnknownLabelError."""
    known = [value for (value,) in database.rows(_VALUES, {"name": name, "label": label})]
    if not known:
        check_labels(database, name, [label])
    return known


def check_labels(database: Database, name: str, wanted: Iterable[str]) -> list[str]:
    """All label names of `name`, sorted. Raises UnknownNameError, and UnknownLabelError for a wanted one it lacks."""
    known = labels(database, name)
    for label in wanted:
        if label not in known:
            meant = suggest(label, known)
            hint = f": did you mean {meant!r}?" if meant else ";"
            raise UnknownLabelError(
                f"no series of {name} has a label {label!r}{hint} Its labels are {', '.join(known) or 'none at all'}"
            )
    return known


def warn_of_typos(
    database: Database, name: str, wanted: Mapping[str, Sequence[str]], found: Mapping[str, Collection[str]]
) -> None:
    """Warn of wanted values that no series of `name` has when one that is stored is much like them.

    `found`: values known to exist. A value that is like no other, or one of another combination of labels, is no
    typo: nothing is said.
    """
    for label, wanted_values in wanted.items():
        missing = [value for value in wanted_values if value not in found.get(label, ())]
        if not missing:
            continue
        stored = {value for (value,) in database.rows(_STORED, {"name": name, "label": label, "values": missing})}
        unknown = [value for value in missing if value not in stored and len(value) <= _MAX_GUESSED_LENGTH]
        for value in unknown[:_MAX_GUESSES]:
            like = database.rows(_LIKE, {"name": name, "label": label, "value": value})
            meant = suggest(value, [one for (one,) in like])
            if meant:
                warn_caller(f"no series of {name} has {label}={value!r}: did you mean {meant!r}?", UnknownValueWarning)


def _unknown_name(name: str, stored: Sequence[str]) -> UnknownNameError:
    nothing = f"no metric is stored under the name {name!r}"
    meant = suggest(name, stored)
    if meant:
        return UnknownNameError(f"{nothing}: did you mean {meant!r}?")
    if not stored:
        return UnknownNameError(f"{nothing}, nor any other: this database is empty")
    more = ", …" if len(stored) > 20 else ""
    return UnknownNameError(f"{nothing}: the names are {', '.join(stored[:20])}{more}")
