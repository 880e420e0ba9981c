"""Completion out of the database: names, labels and their values, or nothing at all, soon and silently."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wattnet.query import Client

DEADLINE_S = 2.0
MOST = 500
"""A shell shows no more, and asks whether to."""


def complete_name(incomplete: str) -> list[str]:
    """Names of metrics that begin so."""
    return _beginning(incomplete, _ask(lambda client: client.names()))


def _ask(question: Callable[[Client], Iterable[str]]) -> list[str]:
    """The answer, or nothing when there is none within the deadline, for whatever reason."""
    answer: list[str] = []

    def look() -> None:
        from wattnet.cli._reading import open_client

        try:
            with open_client(timeout_s=DEADLINE_S) as client:
                answer.extend(question(client))
        except Exception:  # noqa: BLE001  somebody is typing: whatever is wrong, the command itself will say
            answer.clear()

    # Not joined at exit, however long a server keeps it waiting.
    asking = threading.Thread(target=look, daemon=True)
    asking.start()
    asking.join(DEADLINE_S)
    return [] if asking.is_alive() else answer


def _beginning(incomplete: str, found: Iterable[str]) -> list[str]:
    """What fits, and can be typed: a shell would split or obey the rest."""
    return [one for one in found if one.startswith(incomplete) and one.isprintable() and " " not in one][:MOST]
