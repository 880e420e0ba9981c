"""The values that are current, then every change of them as it lands: by polling ClickHouse, without Kafka.

Why nothing is missed and nothing comes twice
---------------------------------------------
*Inserts have an order, and show themselves in it.* ClickHouse gives each part that an insert makes (one per year) a
number of the table's own counter, under the same lock under which the part becomes visible. So whoever sees number n
sees every smaller one; one SELECT sees one such state. Neither times nor offsets have this: `stored_at` is taken when
an insert begins, and inserts of several partitions overtake each other; within a Kafka partition the parts of a range
(years, writer schemas, halves around a bad record) overlap in offsets; the Kafka engine repeats offsets; direct writers
have no order at all. Migration 010 makes merges keep the number of each row (`_block_number`).

*A place is such a number*, and the last point that was given of the insert that has it. What is read is bounded on both
sides, by the place and by the newest number at that moment, so it does not matter how long reading takes or what
lands meanwhile. A repeat that ClickHouse drops by its token gets no visible part, hence no change.

*A second copy of a revision* (the same series, time, quality and knowledge_time sent again, the Kafka engine's repeats)
has a number of its own and replaces the first, in merges too. It is given as what it is, an arrival that is current,
also when it says the same: what copies between the two said may have been merged away, after a reader had seen it.
While a copy lies above the place and the older one is gone, `previous` (and, for that long, what is current) is what
the other revisions say. So what was stored twice may be seen twice, and is never missed.

*Labels come from `series`*, which another view of the same insert fills. Until they are there, the place stays before
that insert. An insert that nobody completes within an hour is passed by: no question shows its series.

*The counter goes back* only with the table: made anew or restored from a copy. Another UUID, or a newest number below
the place, is a ResumeError. A copy put under the same UUID, and filled beyond the place while no reader looked, is not
seen. Clocks play no part. `do_not_merge_across_partitions_select_final` and mutations change no number.
"""

from __future__ import annotations

import logging
from threading import Event
from typing import TYPE_CHECKING

from wattnet.clickhouse import ClickHouseUnavailableError, StorageError
from wattnet.query._errors import FilterError, QuestionError, TimeError
from wattnet.query._follow_place import Place, question_id
from wattnet.query._follow_reader import Reader
from wattnet.query._follow_series import MetSeries
from wattnet.query._follow_table import Table
from wattnet.query._question import within
from wattnet.query._refusals import BusyError
from wattnet.query._times import now_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from wattnet.query._database import Database
    from wattnet.query._filters import Filters
    from wattnet.query._follow_reader import Change
    from wattnet.query._times import Moment

logger = logging.getLogger(__name__)

MAX_PAUSE_S = 30.0
"""Between two tries while ClickHouse is away."""


class Follow:
    """What `Client.follow` returns: an iterator that waits for the next change, and does not end by itself.

    Ctrl-C interrupts it wherever it is. `close()`, from any thread, ends it: at once while it waits, otherwise with the
    query that runs. After an error out of it, the next change asked for is the one that would have come. While
    ClickHouse, which had answered before, is away, it waits (at most 30 s between two tries) and logs a warning.
    """

    def __init__(self, name: str, reader: Reader, *, poll_interval_s: float) -> None:
        self._name = name
        self._reader = reader
        self._poll_interval_s = poll_interval_s
        self._closed = Event()
        self._changes: Iterator[Change] | None = None
        self._began = reader.place
        self._answered = False
        self._failures = 0

    @property
    def token(self) -> str | None:
        """Where it stands, also when nothing changed for long; None until the first change was asked for."""
        place = self._reader.place
        return None if place is None else place.token

    @property
    def pause_s(self) -> float:
        """How long to wait where `step` has nothing."""
        longer = self._poll_interval_s * 2.0 ** min(self._failures, 16)
        return min(longer, max(MAX_PAUSE_S, self._poll_interval_s))

    def step(self) -> Change | None:
        """The next change that can be seen, or None: it does not wait. Raises StopIteration when closed."""
        if self._closed.is_set():
            raise StopIteration
        if self._changes is None:
            self._changes, self._began = self._reader.turn(), self._reader.place
        try:
            change = next(self._changes, None)
        except StorageError as exc:
            self._changes = None
            if not self._goes_on(exc):
                raise
            return None
        except BaseException:
            self._changes = None
            raise
        self._answered, self._failures = True, 0
        if change is None:
            self._changes = None
        else:
            self._reader.place = change.place
        return change

    def _goes_on(self, error: StorageError) -> bool:
        """Whether to begin another turn where this one got to."""
        if isinstance(error, QuestionError):
            return False
        moved = self._reader.place != self._began  # a long answer broke off: the next one begins behind what was read
        away = isinstance(error, (BusyError, ClickHouseUnavailableError))
        if not moved and not (self._answered and away):
            return False
        self._failures = 0 if moved else self._failures + 1
        if self._failures <= 1:
            logger.warning("following %s is interrupted and goes on: %s", self._name, error)
        return True

    def close(self) -> None:
        """End it: whoever iterates gets nothing more."""
        self._closed.set()

    def __iter__(self) -> Follow:
        return self

    def __next__(self) -> Change:
        while (change := self.step()) is None:
            self._closed.wait(self.pause_s)
        return change

    def __enter__(self) -> Follow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def follow(
    database: Database,
    name: str,
    filters: Filters,
    *,
    start: Moment | None,
    resume: str | None,
    poll_interval_s: float,
) -> Follow:
    """See Client.follow."""
    if filters.quality:
        raise FilterError(
            f"{next(iter(filters.quality))!r} tells values apart, not series, and a change may be that of the quality: "
            "leave it out here, and look at change.metric"
        )
    if not poll_interval_s > 0:
        raise QuestionError(f"poll_interval_s={poll_interval_s!r} is no interval: give a number of seconds above 0")
    question = question_id(name, filters.labels)
    place = None if resume is None else Place.parse(resume, question=question)
    if place is not None:
        start_us = place.start_us
    elif start is not None:
        start_us = within(start.at(now_us()))
    else:
        raise TimeError("follow() needs a start, from which timestamps on it gives values, or a token to resume at")
    table = Table(database, name, filters.labels.get("zone"), start_us)
    reader = Reader(question, name, table, MetSeries(database, name, filters), place)
    return Follow(name, reader, poll_interval_s=poll_interval_s)
