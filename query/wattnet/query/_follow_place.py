"""A place in what follow() gives, and the token that stands for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from wattnet.query._errors import ResumeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOKEN = re.compile(
    r"1\.(?P<question>[0-9a-f]{16})\.(?P<table>[0-9a-f-]{36})\.(?P<start>-?\d{1,17})\.(?P<phase>[sc])(?P<insert>\d{1,19})"
    r"(?:\.(?P<series>\d{1,20})\.(?P<timestamp>-?\d{1,17}))?",
    re.ASCII,
)


class Point(NamedTuple):
    """Where in one insert's (or the snapshot's) points, which stand by series, then by time."""

    series_id: int
    timestamp_us: int


@dataclass(frozen=True, slots=True)
class Place:
    """What was given so far.

    snapshot true     of the values that were current after `insert`, all up to the point `after`
    snapshot false    those, the changes of all earlier inserts, and of `insert` those up to `after`; all with None
    """

    question: str
    table: str
    """The UUID of the table `metrics`: the numbers of another one mean nothing."""
    start_us: int
    snapshot: bool
    insert: int
    after: Point | None = None

    def at(self, insert: int, series_id: int, timestamp_us: int) -> Place:
        """At a point of an insert, in the same phase."""
        point = Point(series_id, timestamp_us)
        return Place(self.question, self.table, self.start_us, self.snapshot, insert, point)

    @property
    def token(self) -> str:
        """Letters, digits, dots and dashes, under 150 of them."""
        where = f"1.{self.question}.{self.table}.{self.start_us}.{'s' if self.snapshot else 'c'}{self.insert}"
        return where if self.after is None else f"{where}.{self.after.series_id}.{self.after.timestamp_us}"

    @classmethod
    def parse(cls, token: object, *, question: str) -> Place:
        """Raises ResumeError for what is no token, and for one of another question."""
        match = _TOKEN.fullmatch(token) if isinstance(token, str) else None
        if match is None:
            raise ResumeError(
                f"resume={token!r} is no token of follow(): give the .token of a change as it was, or None to begin"
            )
        if match["question"] != question:
            raise ResumeError(
                "the token is of a follow() with another metric name or other labels: follow the same, or begin anew "
                "with resume=None"
            )
        after = None if match["series"] is None else Point(int(match["series"]), int(match["timestamp"]))
        return cls(question, match["table"], int(match["start"]), match["phase"] == "s", int(match["insert"]), after)


def question_id(name: str, labels: Mapping[str, Sequence[str]]) -> str:
    """Tells one followed question from another: same name and labels, same id."""
    asked = repr((name, sorted((label, sorted(values)) for label, values in labels.items())))
    return blake2b(asked.encode(errors="surrogatepass"), digest_size=8).hexdigest()
