"""Completion out of the database: names, labels and their values, or nothing at all, soon and silently."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import typer  # noqa: TC002  typer reads the annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wattnet.query import Client

DEADLINE_S = 2.0
MOST = 500
"""A shell shows no more without asking whether to."""
UNSAFE = frozenset(" \t\n\"'`$;&|<>()*?[]{}!#~\\")


def complete_name(incomplete: str) -> list[str]:
    """Names of metrics that begin so."""
    return _beginning(incomplete, _ask(lambda client: client.names()))


def complete_label(ctx: typer.Context, incomplete: str) -> list[str]:
    """Labels of the metric, then their values, among the series that have the labels given before.

    Where one label fits, it is offered with its values: a shell then stops behind the `=` and adds no space.
    """
    name = ctx.params.get("name")
    if not isinstance(name, str):
        return []
    given = list(ctx.params.get("labels") or ())
    # bash takes zone=E for three words, and wants the last one completed; of `zone =` typer hides the second.
    if given[-1:] == ["="] and len(given) > 1:
        return _values(name, given[:-2], given[-2], incomplete, "")
    if given and "=" not in given[-1]:
        return _values(name, given[:-1], given[-1], incomplete, "")
    label, equals, text = incomplete.partition("=")
    if equals:
        return _values(name, given, label, text, f"{label}=")
    fitting = _beginning(label, _ask(lambda client: client.labels(name)))
    if len(fitting) == 1:
        return _values(name, given, fitting[0], "", f"{fitting[0]}=") or [f"{fitting[0]}="]
    return [f"{one}=" for one in fitting]


def _values(name: str, given: Sequence[str], label: str, incomplete: str, before: str) -> list[str]:
    """The values that fit behind the last comma."""
    from wattnet.cli._labels import escape, parse_labels

    def ask(client: Client) -> Iterable[str]:
        wanted = parse_labels(_whole(given))
        wanted.pop(label, None)
        return client.label_values(name, label, **wanted)

    found = map(escape, _ask(ask))
    listed, comma, last = incomplete.rpartition(",")
    return [f"{before}{listed}{comma}{one}" for one in _beginning(last, found)]


def _whole(words: Sequence[str]) -> list[str]:
    """`zone = ES` of bash's as `zone=ES`."""
    whole: list[str] = []
    for word in words:
        if whole and (word == "=" or whole[-1].endswith("=")):
            whole[-1] += word
        else:
            whole.append(word)
    return whole


def _ask(question: Callable[[Client], Iterable[str]]) -> list[str]:
    """The answer, or nothing when there is none within the deadline, for whatever reason."""
    import warnings

    from wattnet.cli._reading import quiet_libraries
    from wattnet.query import Client

    answer: list[str] = []

    def look() -> None:
        try:
            with Client.from_env(timeout_s=DEADLINE_S) as client:
                answer.extend(question(client))
        except Exception:  # noqa: BLE001  somebody is typing: whatever is wrong, the command itself will say
            answer.clear()

    quiet_libraries()
    # Not joined at exit, however long a server keeps it waiting.
    asking = threading.Thread(target=look, daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asking.start()
        asking.join(DEADLINE_S)
    return [] if asking.is_alive() else answer


def _beginning(incomplete: str, found: Iterable[str]) -> list[str]:
    """What fits, and can be typed as it is: a shell would split or obey the rest."""
    return [one for one in sorted(found) if one.startswith(incomplete) and one.isprintable() and not set(one) & UNSAFE][
        :MOST
    ]
