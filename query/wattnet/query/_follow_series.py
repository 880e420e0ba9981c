"""The series that a follower meets: which of them it means, and in what order they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.query._series import Match, condition, find_matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from wattnet.query._database import Database
    from wattnet.query._filters import Filters

MAX_IDS = 5_000
"""In one question."""


class MetSeries:
    """Looked up once each: a series' labels never change."""

    def __init__(self, database: Database, name: str, filters: Filters) -> None:
        self._database = database
        self._name = name
        self._labels = filters.labels
        self._met: dict[int, Match | None] = {}

    def all(self) -> Sequence[Match]:
        """Every series that is meant, in order. Raises UnknownNameError and UnknownLabelError."""
        return find_matches(self._database, self._name, self._labels).series

    def meant(self, ids: Iterable[int]) -> list[Match]:
        """Those of the looked-up series that are meant, in order."""
        found = [match for id_ in set(ids) if (match := self._met.get(id_)) is not None]
        return sorted(found, key=order)

    def look_up(self, ids: Collection[int]) -> set[int]:
        """Look up what is not known yet; returns the ids that no series has."""
        missing = [id_ for id_ in set(ids) if id_ not in self._met]
        where, parameters = condition(self._name, self._labels)
        for first in range(0, len(missing), MAX_IDS):
            rows = self._database.rows(
                f"SELECT s.series_id, any(s.zone), any(s.labels), max({where}) FROM series AS s "  # noqa: S608  fixed text and numbered parameters
                "WHERE s.name = {name:String} AND s.series_id IN {ids:Array(UInt64)} GROUP BY s.series_id",
                {**parameters, "ids": missing[first : first + MAX_IDS]},
            )
            for id_, zone, labels, meant in rows:
                self._met[int(id_)] = Match(int(id_), zone, dict(sorted(labels.items()))) if meant else None
        return {id_ for id_ in missing if id_ not in self._met}


def order(match: Match) -> tuple[str, tuple[tuple[str, str], ...]]:
    """By zone, then by the other labels, as all answers stand."""
    return match.zone, tuple(match.labels.items())
