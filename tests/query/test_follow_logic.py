"""Where following stands and what comes next, with a table by hand in which all becomes visible by itself."""

from __future__ import annotations

import os
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from query.simulated_metrics import Row, SimulatedMetrics, SimulatedSeries, SimulatedTable

from wattnet.clickhouse import ClickHouseSettings, ClickHouseUnavailableError
from wattnet.query import Change, Follow, ResumeError, _follow_reader
from wattnet.query._database import Database
from wattnet.query._follow_changes import windows
from wattnet.query._follow_place import Place, Point, question_id
from wattnet.query._follow_reader import Reader

QUESTION = question_id("simulated", {})
TABLE = "00000000-0000-0000-0000-000000000001"

NO_DATABASE = Database(ClickHouseSettings(host="nowhere"))

WALKS = int(os.environ.get("WATTNET_MODEL_EXAMPLES", "120"))


class World:
    """Inserts under way, and one reader that is started again wherever it is."""

    def __init__(self, *, repeats: bool) -> None:
        self.metrics = SimulatedMetrics()
        self.metrics.show(Row(series, time, 0, 0.0) for series in (1, 2, 3) for time in range(3))
        self.metrics.series |= {1, 2, 3}
        self.parts: list[list[Row]] = []
        self.series: list[int] = []
        self.given: list[Change] = []
        self.began_at: int | None = None
        self.repeats = repeats
        self.ranks = 0
        self.follow = self.start(None)

    def start(self, token: str | None) -> Follow:
        place = None if token is None else Place.parse(token, question=QUESTION)
        table = SimulatedTable(NO_DATABASE, "simulated", None, 0, self.metrics)
        reader = Reader(QUESTION, "simulated", table, SimulatedSeries(NO_DATABASE, self.metrics), place)
        return Follow("simulated", reader, poll_interval_s=1)

    def walk(self, random: Random) -> None:
        """What may happen, in any order; most of it is reading a little."""
        for _ in range(60):
            act = random.choice(
                [self.insert, self.show, self.show, self.tell, self.tell, self.merge, *[self.go_on] * 5]
            )
            act(random)

    def insert(self, random: Random) -> None:
        rows = []
        for _ in range(random.randint(1, 8)):
            self.ranks += 1
            # Ranks that no other revision has, in an order that is drawn; or few, which come again.
            rank = random.randint(1, 9) * (1 if self.repeats else 10_000) + (0 if self.repeats else self.ranks)
            value = random.choice([None, 0.0, 1.0, 2.0])
            rows.append(Row(random.randint(1, 5), random.randint(0, 3), rank, value))
        self.parts += [part for half in (0, 1) if (part := [row for row in rows if row.time % 2 == half])]
        self.series += {row.series_id for row in rows} - self.metrics.series - set(self.series)

    def show(self, random: Random) -> None:
        if self.parts:
            self.metrics.show(self.parts.pop(random.randrange(len(self.parts))))

    def tell(self, random: Random) -> None:
        if self.series:
            self.metrics.series.add(self.series.pop(random.randrange(len(self.series))))

    def merge(self, random: Random) -> None:
        self.metrics.merge()

    def go_on(self, random: Random) -> None:
        self.metrics.breaks_after = random.choice([None, None, 0, 1, 2])
        for _ in range(random.randint(1, 4)):
            self.read()
        self.metrics.breaks_after = None
        if random.random() < 0.5:
            token = random.choice([self.given[-1].token if self.given else None, self.follow.token])
            self.began_at = None if token is None else self.began_at
            self.follow = self.start(token)

    def read(self) -> bool:
        try:
            change = self.follow.step()
        except ClickHouseUnavailableError:  # at first it is an error
            change = None
        if self.began_at is None and self.follow.token is not None:
            self.began_at = Place.parse(self.follow.token, question=QUESTION).insert
        if change is not None:
            self.given.append(change)
        return change is not None

    def settle(self) -> None:
        while self.parts:
            self.show(Random(0))
        while self.series:
            self.tell(Random(0))
        while self.read() or self.read():  # a turn ends with what was there when it began
            pass


def told(changes: list[Change]) -> list[tuple[int, tuple[int, int], float | None, float | None]]:
    return [
        (
            change.place.insert,
            (change.place.after.series_id, change.place.after.timestamp_us),
            change.previous and change.previous.value,
            change.metric.value,
        )
        for change in changes
        if change.place.after
    ]


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a walk of a few rows meets."""
    monkeypatch.setattr(_follow_reader, "windows", partial(windows, max_rows=4))
    monkeypatch.setattr(_follow_reader, "MAX_SERIES", 2)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("seed", range(3))
def test_each_change_is_given_once_and_in_order(seed: int) -> None:
    """Parts of one insert in any order, series later than values, answers that break off, readers that die."""
    for number in range(WALKS // 3):
        check_walk(seed * WALKS + number)


def check_walk(seed: int) -> None:
    world = World(repeats=False)
    world.walk(Random(seed))
    world.settle()
    assert world.began_at is not None
    snapshot = [change for change in world.given if change.snapshot]
    assert [(key, value) for _, key, _, value in told(snapshot)] == sorted(
        world.metrics.current(world.began_at).items()
    )
    expected = [
        (insert, key, old and old.value, new.value) for insert, key, old, new in world.metrics.states(world.began_at)
    ]
    assert told(world.given[len(snapshot) :]) == expected


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("seed", range(3))
def test_revisions_that_come_again_are_never_missed(seed: int) -> None:
    """With merges that throw the older copies away: whoever follows ends with what the table says."""
    for number in range(WALKS // 3):
        check_walk_with_copies(seed * WALKS + number)


def check_walk_with_copies(seed: int) -> None:
    world = World(repeats=True)
    world.walk(Random(seed))
    world.settle()
    held: dict[tuple[int, int], float] = {}
    for _, key, _, value in told(world.given):
        if value is None:
            held.pop(key, None)  # a copy of what was withdrawn may be given again
        else:
            held[key] = value
    assert held == world.metrics.current(world.metrics.counter)
    tokens = [change.token for change in world.given]
    assert len(set(tokens)) == len(tokens)


@given(st.dictionaries(st.integers(1, 60), st.integers(1, 9)), st.integers(1, 12))
def test_windows_tile_and_are_small_or_single(rows: dict[int, int], most: int) -> None:
    cut = list(windows(rows, low=0, high=100, max_rows=most))
    assert [low for low, _ in cut] == [0, *(high for _, high in cut)][: len(cut)]
    assert not rows or cut[-1][1] == 100
    for low, high in cut:
        within = [insert for insert in rows if low < insert <= high]
        assert len(within) == 1 or 0 < sum(rows[insert] for insert in within) <= most


@pytest.mark.parametrize("after", [None, Point(2**64 - 1, 2**51)])
@pytest.mark.parametrize("snapshot", [True, False])
def test_a_token_is_a_place(snapshot: bool, after: Point | None) -> None:
    place = Place(QUESTION, TABLE, -1, snapshot, 2**40, after)
    assert Place.parse(place.token, question=QUESTION) == place
    assert len(place.token) < 150


@pytest.mark.parametrize("token", ["", "1.2.3", 5, "2" + Place(QUESTION, TABLE, 0, True, 1).token[1:]])
def test_what_is_no_token_is_refused(token: object) -> None:
    with pytest.raises(ResumeError, match="no token"):
        Place.parse(token, question=QUESTION)


def test_a_token_of_another_question_is_refused() -> None:
    """Labels in another order are the same question."""
    both = {"zone": ("ES", "PT"), "unit": ("MW",)}
    token = Place(question_id("zone_load", both), TABLE, 0, False, 1).token
    with pytest.raises(ResumeError, match="other labels"):
        Place.parse(token, question=question_id("zone_load", {"zone": ("ES",)}))
    assert Place.parse(token, question=question_id("zone_load", {"unit": ("MW",), "zone": ("PT", "ES")})).insert == 1


def test_a_table_that_went_back_stops_loudly() -> None:
    """Made anew, or restored from a copy of before: what changed since cannot be told."""
    world = World(repeats=False)
    world.settle()
    world.metrics.uuid = TABLE.replace("1", "2")
    with pytest.raises(ResumeError, match="begin anew"):
        world.follow.step()
    world.metrics.uuid = TABLE
    world.metrics.rows = []
    with pytest.raises(ResumeError, match="begin anew"):
        world.follow.step()
