"""A client remembers what its questions meant and which states values have; what changed since is in the answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from wattnet.query import Client, RowLimitError, UnknownNameError
from wattnet.query._remembered import Remembered
from wattnet.query._series import Match, Matches
from wattnet.query._states import MAX_STATES
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from direct_writer import DirectWriter

    from wattnet.clickhouse import ClickHouseSettings

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def test_series_that_came_since_are_in_the_next_answer(store: DirectWriter, client: Client, name: str) -> None:
    """In their place and under their own labels, with the label columns that they bring."""
    query, newest = client.metrics(name, start=T0, end=T0 + HOUR), client.latest(name)
    with pytest.raises(UnknownNameError):
        query.to_list()
    zones: list[str] = []
    for value, zone in enumerate(["M", "A", "Z", "B"]):
        labels = {"zone": zone, f"only_{zone.lower()}": "x"}
        store.put(Metric(name, float(value), T0, labels))
        zones = sorted([*zones, zone])
        for asked in (query, newest):
            frame = asked.to_pandas()
            assert frame["zone"].to_list() == zones
            assert [label for label in map(str, frame.columns) if label.startswith("only_")] == [
                f"only_{z.lower()}" for z in zones
            ]
            assert [metric.labels["zone"] for metric in asked.to_list()] == zones
    assert {metric.labels["zone"]: metric.value for metric in query.to_list()} == {"M": 0, "A": 1, "Z": 2, "B": 3}


def test_a_series_that_comes_while_values_are_read(
    store: DirectWriter, client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values are read again, and nothing of it is lost or under other labels."""
    query = client.metrics(name, start=T0, end=T0 + HOUR)
    store.put(Metric(name, 1.0, T0, {"zone": "M"}))
    assert len(query.to_list()) == 1
    blocks = client._database.blocks
    late = [Metric(name, 2.0, T0, {"zone": "A"})]

    def read_slowly(*args: object, **options: object) -> Sequence[Sequence[object]]:
        if late:
            store.put(late.pop())
        return blocks(*args, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(client._database, "blocks", read_slowly)
    for _ in range(2):
        found = {metric.labels["zone"]: metric.value for metric in query.to_list()}
    assert found == {"A": 2.0, "M": 1.0}


@pytest.mark.parametrize("form", ["current", "history", "latest", "rolled up"])
def test_a_series_that_comes_behind_the_first_look_up(
    store: DirectWriter, database: ClickHouseSettings, name: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All series of a name are asked for by the name alone; what has no place in the answer is not in it."""
    store.put(Metric(name, 1.0, T0, {"zone": "M"}))
    with Client(database.address, database=database.database) as client:
        query = client.metrics(name, start="2020-01-01T00:00Z", end="2026-01-01T00:00Z")
        asked = {
            "current": query,
            "history": query.history(),
            "latest": query.latest(),
            "rolled up": query.resample("1d"),
        }[form]
        blocks = client._database.blocks

        def read_late(*args: object, **options: object) -> Sequence[Sequence[object]]:
            monkeypatch.undo()
            store.put(Metric(name, 2.0, T0, {"zone": "A"}))
            return blocks(*args, **options)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(client._database, "blocks", read_late)
        assert "m.series_id IN" not in asked.explain()
        assert [metric.labels["zone"] for metric in asked.to_list()] == ["M"]
        assert [metric.labels["zone"] for metric in asked.to_list()] == ["A", "M"]


def test_states_that_came_since_are_told_apart(store: DirectWriter, client: Client, name: str) -> None:
    """Up to as many as go into a byte and beyond, in current values and in history, filtered and not."""
    query = client.metrics(name, start=T0, end=T0 + 999 * HOUR)
    stored: list[str] = []
    for size in (1, 2, MAX_STATES, 300):
        more = [f"state {number}" if number else "" for number in range(len(stored), size)]
        store.put(
            *(
                Metric(name, 1.0, T0 + (len(stored) + n) * HOUR, {"zone": "ES", "data_state": text})
                for n, text in enumerate(more)
            )
        )
        stored += more
        for asked in (query, query.history()):
            for _ in range(2):
                assert asked.to_pandas()["data_state"].to_list() == stored
        assert [metric.data_state for metric in query.to_list()] == stored
        only = client.metrics(name, start=T0, end=T0 + 999 * HOUR, data_state=[stored[-1], stored[0]])
        assert {metric.data_state for metric in only.to_list()} == {stored[-1], stored[0]}


def test_an_error_is_the_question_s_also_when_it_is_asked_again(
    store: DirectWriter, database: ClickHouseSettings, name: str
) -> None:
    with Client(database.address, database=database.database, max_rows=2) as client:
        query = client.metrics(name, start=T0, end=T0 + 9 * HOUR)
        for number in range(2):
            store.put(Metric(name, 1.0, T0 + number * HOUR, {"zone": "ES"}))
            assert len(query.to_list()) == number + 1
        store.put(Metric(name, 1.0, T0 + 2 * HOUR, {"zone": "ES"}))
        for _ in range(2):
            with pytest.raises(RowLimitError):
                query.to_list()


def _matches(name: str, count: int) -> Matches:
    return Matches(name, [Match(number, "", {}) for number in range(count)], [])


def test_what_is_remembered_is_bounded() -> None:
    """By series; the question that was not asked for longest goes first, and too large a one is not kept."""
    remembered = Remembered(max_series=10)
    for name in "abc":
        remembered.put((name, ()), _matches(name, 3))
    assert remembered.get(("a", ())) is not None
    remembered.put(("d", ()), _matches("d", 3))
    assert [remembered.get((name, ())) is not None for name in "abcd"] == [True, False, True, True]
    remembered.put(("a", ()), _matches("a", 11))
    assert remembered.get(("a", ())) is None
    remembered.put(("e", ()), _matches("e", 4))
    assert [remembered.get((name, ())) is not None for name in "cde"] == [True, True, True]
