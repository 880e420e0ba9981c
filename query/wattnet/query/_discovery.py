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
_MAX_SAID = 5
_MAX_LISTED = 8
_MAX_GUESSED_LENGTH = 200
_MAX_SHOWN_LENGTH = 80


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


def warn_of_unknown(
    database: Database, name: str, wanted: Mapping[str, Sequence[str]], found: Mapping[str, Collection[str]]
) -> None:
    """Warn of wanted values that no series of `name` has (UnknownValueWarning): which may be meant, or what there is.

    `found`: values known to exist. Of values that are stored, but not in this combination of labels, nothing is said.
    """
    for label, wanted_values in wanted.items():
        missing = [value for value in wanted_values if value and value not in found.get(label, ())]
        if not missing:
            continue
        stored = {value for (value,) in database.rows(_STORED, {"name": name, "label": label, "values": missing})}
        unknown = [value for value in missing if value not in stored]
        for value in unknown[:_MAX_SAID]:
            hint = _meant(database, name, label, value)
            warn_caller(f"no series of {name} has {label}={_short(value)}{hint}", UnknownValueWarning)
        if len(unknown) > _MAX_SAID:
            more = len(unknown) - _MAX_SAID
            warn_caller(f"no series of {name} has {label}=… as {more:,} more of the values given", UnknownValueWarning)


def warn_of_absence(database: Database, name: str, label: str, *, count: int) -> None:
    """Warn that all the `count` series that match otherwise have a label whose absence is wanted, if there are any."""
    if count:
        some = ", ".join(map(_short, values(database, name, label)[:_MAX_LISTED]))
        what = "an actual series" if label == "forecast" else f"without the label {label!r}"
        warn_caller(
            f"no series of {name} that matches is {what}, but {count:,} with {label}=… ({some}): name the values that "
            "you want",
            UnknownValueWarning,
        )


def _meant(database: Database, name: str, label: str, value: str) -> str:
    if len(value) <= _MAX_GUESSED_LENGTH:
        like = database.rows(_LIKE, {"name": name, "label": label, "value": value})
        meant = suggest(value, [one for (one,) in like])
        if meant:
            return f": did you mean {meant!r}?"
    how = f"label_values({name!r}, {label!r}) or `wattnet series {name}` lists"
    some = [one for (one,) in database.rows(f"{_VALUES} LIMIT {_MAX_LISTED + 1}", {"name": name, "label": label})]
    if len(some) > _MAX_LISTED:
        return f": {how} what there is"
    return f": there is {', '.join(map(_short, some))} ({how} them)"


def _short(value: str) -> str:
    return repr(value if len(value) <= _MAX_SHOWN_LENGTH else f"{value[:_MAX_SHOWN_LENGTH]}…")


def _unknown_name(name: str, stored: Sequence[str]) -> UnknownNameError:
    nothing = f"no metric is stored under the name {name!r}"
    meant = suggest(name, stored)
    if meant:
        return UnknownNameError(f"{nothing}: did you mean {meant!r}?")
    if not stored:
        return UnknownNameError(f"{nothing}, nor any other: this database is empty")
    more = ", …" if len(stored) > 20 else ""
    return UnknownNameError(f"{nothing}: the names are {', '.join(stored[:20])}{more}")
