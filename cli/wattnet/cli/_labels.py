"""Labels as people write them behind a command: `zone=ES`, several values `zone=ES,PT`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

ESCAPE = "\\"


def parse_labels(arguments: list[str] | None, *, taken: Sequence[str] = ()) -> dict[str, object]:
    r"""Labels as the query client takes them: a value, a list of which any one is meant, or None for `name=`.

    The first `=` ends the name, commas part values. A backslash takes the character behind it as it is: `\,` `\=` `\\`,
    as in a series' key. Raises BadParameter for what is no label, or one that no metric has, or whose name is `taken`
    by an argument of the client's method.
    """
    labels: dict[str, object] = {}
    for argument in arguments or ():
        name, equals, text = cut(argument, "=")
        values = split(text, ",")
        if not equals or not name or ("" in values and len(values) > 1):
            raise typer.BadParameter(
                f"{argument!r} is no label: write it like zone=ES, zone=ES,PT for several values, or zone= for series "
                "without it (a comma inside of a value as \\,)"
            )
        if name in labels:
            raise typer.BadParameter(f"label {name!r} is given twice: write {name}={values[0]},… for several values")
        _check_name(name)
        if name in taken:
            raise typer.BadParameter(
                f"label {name!r} cannot be asked for here: leave it out, and select from the answer"
            )
        labels[name] = values if len(values) > 1 else values[0] or None
    return labels


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that no backslash stands before."""
    parts = []
    rest, found = text, separator
    while found:
        part, found, rest = cut(rest, separator)
        parts.append(part)
    return parts


def read_pairs(text: str) -> dict[str, str]:
    """`zone=ES,production_type=solar` as a dict, under the same rules. Raises ValueError for what is none."""
    pairs: dict[str, str] = {}
    while text:
        name, equals, rest = cut(text, "=")
        value, _, text = cut(rest, ",")
        if not (name and equals and value) or name in pairs:
            raise ValueError(name)
        pairs[name] = value
    return pairs


def cut(text: str, separator: str) -> tuple[str, str, str]:
    """What stands before the separator, without backslashes; the separator or ''; what stands behind it, as written."""
    part = ""
    place = 0
    while place < len(text):
        one = text[place]
        if one == separator:
            return part, separator, text[place + 1 :]
        if one == ESCAPE and place + 1 < len(text):
            place += 1
            one = text[place]
        part += one
        place += 1
    return part, "", ""


def escape(text: str) -> str:
    """A name or a value as it is written behind a command."""
    return "".join(ESCAPE + one if one in ",=\\" else one for one in text)


def _check_name(name: str) -> None:
    """Arguments of the client have names that no label has."""
    from wattnet.schemas import RESERVED_LABEL_NAMES, MetricError, canonical_labels

    if name in RESERVED_LABEL_NAMES and name != "from_":
        try:
            canonical_labels({name: "x"})
        except MetricError as exc:
            raise typer.BadParameter(str(exc)) from None
