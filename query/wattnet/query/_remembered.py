"""What the questions of one client meant: asked again, only the ids are compared, while the values are read already.

A series' id is a hash of its name and labels, so the same ids are the same series, under the same labels. Values are
asked for by ids; what came since is therefore never taken for another series, and the comparison shows it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from wattnet.clickhouse import StorageError
from wattnet.query._filters import ABSENT
from wattnet.query._series import find_ids, find_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from wattnet.query._database import Database
    from wattnet.query._series import Matches

MAX_SERIES = 20_000
"""Of all questions together, those asked last: some 20 MB."""

Read = TypeVar("Read")
Key = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]


class Remembered:
    """Matches by question. Threads may share it."""

    def __init__(self, *, max_series: int = MAX_SERIES) -> None:
        self._max_series = max_series
        self._matches: dict[Key, tuple[Matches, Collection[int]]] = {}
        self._series = 0
        self._changing = Lock()

    def get(self, key: Key) -> tuple[Matches, Collection[int]] | None:
        """What was put last, with the ids of its series."""
        with self._changing:
            found = self._matches.pop(key, None)
            if found is not None:
                self._matches[key] = found  # as the one used last
            return found

    def put(self, key: Key, matches: Matches) -> None:
        """In place of what was there; what was not used for longest goes where there is no room."""
        with self._changing:
            old = self._matches.pop(key, None)
            self._series -= 0 if old is None else len(old[0].series)
            if len(matches.series) > self._max_series:
                return
            self._matches[key] = matches, frozenset(match.series_id for match in matches.series)
            self._series += len(matches.series)
            while self._series > self._max_series:
                eldest, _ = self._matches.pop(next(iter(self._matches)))
                self._series -= len(eldest.series)


def with_matches(
    database: Database, name: str, labels: Mapping[str, Sequence[str]], read: Callable[[Matches], Read]
) -> tuple[Matches, Read]:
    """The series that are meant, and what `read` has of them. It is called again where they are others than before.

    Raises and warns as find_matches does, and as `read` does.
    """
    key: Key = (name, tuple((label, tuple(values)) for label, values in labels.items()))
    remembered = database.remembered.get(key)
    if remembered is not None:
        matches, ids = remembered
        found = database.beside(lambda: find_ids(database, name, labels))
        try:
            answer = read(matches)
        except StorageError:
            if found.result() == ids:
                raise
        else:
            if found.result() == ids:
                return matches, answer
    matches = find_matches(database, name, labels)
    if _has_all(matches, labels):
        database.remembered.put(key, matches)
    return matches, read(matches)


def _has_all(matches: Matches, labels: Mapping[str, Sequence[str]]) -> bool:
    """Whether there is nothing that find_matches would have to say again: every value belongs to a series."""
    if not matches.series:
        return False
    several = [label for label, values in labels.items() if len(values) > 1]
    return all({match.labels.get(label, ABSENT) for match in matches.series} == set(labels[label]) for label in several)
