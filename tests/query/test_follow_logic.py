"""Where following stands and what comes next, with a table by hand in which all becomes visible by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from query.simulated_metrics import Row, SimulatedMetrics, SimulatedSeries, SimulatedTable

from wattnet.clickhouse import ClickHouseSettings
from wattnet.query import Change, Follow, ResumeError
from wattnet.query._database import Database
from wattnet.query._follow_changes import windows
from wattnet.query._follow_place import Place, Point, question_id
from wattnet.query._follow_reader import Reader

QUESTION = question_id("simulated", {})
TABLE = "00000000-0000-0000-0000-000000000001"

NO_DATABASE = Database(ClickHouseSettings(host="nowhere"))

ROWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 9), st.none() | st.integers(0, 3).map(float)),
    min_size=1,
    max_size=5,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), ROWS),
        st.tuples(st.just("show"), st.integers(0, 20)),
        st.tuples(st.just("series"), st.integers(0, 20)),
        st.tuples(st.just("read"), st.integers(1, 6)),
        st.tuples(st.sampled_from(["restart", "merge"]), st.just(0)),
    ),
    max_size=40,
)


class World:
    """Inserts under way, and one reader that is started again wherever it is."""

    def __init__(self, *, repeats: bool) -> None:
        self.metrics = SimulatedMetrics()
        self.metrics.show([Row(1, 0, 0, 0.0)])
        self.metrics.series.add(1)
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

    def do(self, act: str, what: object) -> None:
        if act == "insert":
            rows = []
            for series_id, time, rank, value in what:  # type: ignore[attr-defined]  # drawn as ROWS
                self.ranks += 1
                # Ranks that no other revision has, in an order that is drawn; or few, which come again.
                rows.append(Row(series_id, time, rank if self.repeats else rank * 10_000 + self.ranks, value))
            self.parts += [part for half in (0, 1) if (part := [row for row in rows if row.time % 2 == half])]
            self.series += [row.series_id for row in rows]
        elif act == "show" and self.parts:
            self.metrics.show(self.parts.pop(int(what) % len(self.parts)))  # type: ignore[call-overload]  # a number
        elif act == "series" and self.series:
            self.metrics.series.add(self.series.pop(int(what) % len(self.series)))  # type: ignore[call-overload]  # same
        elif act == "merge":
            self.metrics.merge()
        elif act == "restart":
            self.follow = self.start(self.given[-1].token if self.given else None)
        elif act == "read":
            for _ in range(int(what)):  # type: ignore[call-overload]  # a number
                self.read()

    def read(self) -> bool:
        change = self.follow.step()
        if self.began_at is None and self.follow.token is not None:
            self.began_at = Place.parse(self.follow.token, question=QUESTION).insert
        if change is not None:
            self.given.append(change)
        return change is not None

    def settle(self) -> None:
        while self.parts:
            self.do("show", 0)
        while self.series:
            self.do("series", 0)
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


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_each_change_is_given_once_and_in_order(steps: list[tuple[str, object]]) -> None:
    """Parts of one insert in any order, series later than values, readers that die after any change."""
    world = World(repeats=False)
    for act, what in steps:
        world.do(act, what)
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


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_revisions_that_come_again_are_never_missed(steps: list[tuple[str, object]]) -> None:
    """With merges that throw the older copies away: whoever follows ends with what the table says."""
    world = World(repeats=True)
    for act, what in steps:
        world.do(act, what)
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
