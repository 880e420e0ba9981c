"""Following on the real engine: the snapshot, then every change, whatever merges do and whoever dies."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from query.follower import notes
from road import T0 as ROAD_T0
from road import load, until
from warm_process import WarmProcess

from wattnet.clickhouse import ClickHouseUnavailableError
from wattnet.query import (
    AsyncFollow,
    Change,
    Client,
    FilterError,
    ResumeError,
    TimeError,
    UnknownLabelError,
    UnknownNameError,
)
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter
    from road import Road

    from wattnet.query import Follow

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
YEAR = timedelta(days=400)
ES = {"zone": "ES"}


def taken(follow: Follow) -> list[Change]:
    """All that is there now."""
    changes: list[Change] = []
    while (change := follow.step()) is not None:
        changes.append(change)
    return changes


def told(changes: list[Change]) -> list[tuple[str, datetime, float | None, float | None]]:
    return [
        (one.metric.labels["zone"], one.metric.timestamp, one.previous and one.previous.value, one.metric.value)
        for one in changes
    ]


def test_the_snapshot_then_what_changes(store: DirectWriter, client: Client, name: str) -> None:
    """Appeared, revised, withdrawn and back; not what does not win, or lies before the start."""
    store.put(
        *(Metric(name, float(hour), T0 + hour * HOUR, {"zone": zone}) for zone in ("PT", "ES") for hour in (-1, 0, 1))
    )
    store.put(Metric(name, None, T0 + HOUR, {"zone": "PT"}))
    follow = client.follow(name, start=T0, zone=["ES", "PT"])
    assert follow.token is None
    before = datetime.now(timezone.utc) - timedelta(minutes=1)
    snapshot = taken(follow)
    assert told(snapshot) == [("ES", T0, None, 0.0), ("ES", T0 + HOUR, None, 1.0), ("PT", T0, None, 0.0)]
    assert all(one.snapshot and before < one.stored_at < before + 2 * timedelta(minutes=1) for one in snapshot)

    store.put(
        Metric(name, 10.0, T0, ES),
        Metric(name, 11.0, T0, ES),
        Metric(name, 5.0, T0 - HOUR, ES),
        Metric(name, 5.0, T0, {"zone": "FR"}),
        Metric(name, 6.0, T0 + HOUR, {"zone": "PT"}),
        Metric(name, 7.0, T0 + YEAR, {"zone": "ES", "source": "new"}),
    )
    store.put(Metric(name, None, T0, ES), Metric(name, None, T0 + 5 * HOUR, ES))
    late = Metric(name, 12.0, T0, {"zone": "ES", "zone_status": "preview"})
    store.put(late, Metric(name, 13.0, T0 + HOUR, ES, knowledge_time=T0))
    store.put(Metric(name, 14.0, T0, {"zone": "ES", "data_state": "final"}))
    changes = taken(follow)
    assert told(changes)[:1] + sorted(told(changes)[1:3]) + told(changes)[3:] == [
        ("ES", T0, 0.0, 11.0),
        ("ES", T0 + YEAR, None, 7.0),
        ("PT", T0 + HOUR, None, 6.0),
        ("ES", T0, 11.0, None),
        ("ES", T0 + 5 * HOUR, None, None),
        ("ES", T0, None, 14.0),
    ]
    assert not any(one.snapshot for one in changes)
    assert changes[-1].metric.data_state == "final"
    assert changes[-1].metric.knowledge_time == store.known
    assert taken(follow) == []
    held = {one.metric.timestamp: one.metric for one in [*snapshot, *changes] if one.metric.labels == ES}
    assert held.pop(T0 + 5 * HOUR).value is None
    now = client.metrics(name, start=T0, end=T0 + 2 * HOUR, zone="ES")
    assert list(held.values()) == now.to_list()


def test_any_token_goes_on_behind_its_change_after_merges_too(store: DirectWriter, client: Client, name: str) -> None:
    """In the snapshot, in the midst of an insert, in the midst of several: the rest comes, and nothing else."""
    for zone in ("ES", "PT"):
        store.put(*(Metric(name, 1.0, T0 + hour * HOUR, {"zone": zone}) for hour in range(3)))
    follow = client.follow(name, start=T0)
    changes = taken(follow)
    for value in (2.0, 3.0):
        store.put(
            *(Metric(name, value, T0 + hour * HOUR, {"zone": zone}) for zone in ("FR", "ES", "PT") for hour in range(2))
        )
    changes += taken(follow)
    assert len(changes) == 6 + 2 * 6
    for merged in (False, True):
        if merged:
            store.driver.command("OPTIMIZE TABLE metrics FINAL")
        for number, change in list(enumerate(changes))[merged::3]:
            rest = client.follow(name, start="2026-01-01", resume=change.token)
            assert taken(rest) == changes[number + 1 :]
    resting = client.follow(name, start=T0, resume=follow.token)
    assert taken(resting) == []
    assert resting.token == follow.token


def test_a_revision_stored_twice_is_given_twice(store: DirectWriter, client: Client, name: str) -> None:
    """Whether it says the same or not, merged or not: between two that are equal another one may have been."""
    first = Metric(name, 1.0, T0, ES, knowledge_time=T0)
    store.put(first)
    follow = client.follow(name, start=T0)
    assert len(taken(follow)) == 1
    store.driver.command("SYSTEM STOP MERGES metrics")
    try:
        store.put(first)
        assert told(taken(follow)) == [("ES", T0, 1.0, 1.0)]
        store.put(Metric(name, 2.0, T0, ES, knowledge_time=T0))
        assert told(taken(follow)) == [("ES", T0, 1.0, 2.0)]
        store.put(first)
    finally:
        store.driver.command("SYSTEM START MERGES metrics")
    store.driver.command("OPTIMIZE TABLE metrics FINAL")
    assert told(taken(follow)) == [("ES", T0, None, 1.0)]


def test_an_insert_whose_series_is_not_there_yet_is_waited_for(store: DirectWriter, client: Client, name: str) -> None:
    """The views of one insert store one after the other, or the second one later, by a repeat. Not for ever."""
    store.put(Metric(name, 1.0, T0, ES))
    follow = client.follow(name, start=T0)
    assert len(taken(follow)) == 1
    copy = (
        "INSERT INTO metrics (name, zone, series_id, timestamp, value, retracted, data_state, rank, attributes, "
        "topic_id, `partition`, `offset`, stored_at) SELECT name, zone, {id}, timestamp, value, retracted, data_state, "
        "rank, attributes, topic_id, `partition`, `offset`, now64(3) - INTERVAL {age} HOUR FROM metrics "
        f"WHERE name = '{name}' LIMIT 1"
    )
    store.driver.command(copy.format(id=7, age=2))
    store.driver.command(copy.format(id=8, age=0))
    store.put(Metric(name, 2.0, T0, ES))
    later = client.follow(name, start=T0, zone="ES")
    assert taken(follow) == []
    assert [one.metric.value for one in taken(later)] == [1.0]
    store.driver.command(
        "INSERT INTO series SELECT name, zone, 8, map('zone', 'ES', 'source', 'late'), first_timestamp, "
        f"last_timestamp, last_knowledge_time FROM series WHERE name = '{name}' LIMIT 1"
    )
    for one in (follow, later):
        changes = taken(one)
        assert [(change.metric.labels.get("source"), change.metric.value) for change in changes] == [
            ("late", 1.0),
            (None, 2.0),
        ]


def test_it_waits_and_is_ended_from_elsewhere(store: DirectWriter, client: Client, name: str) -> None:
    """close() by another thread wakes it; a long interval does not hold it back."""
    store.put(Metric(name, 1.0, T0, ES))
    follow = client.follow(name, start=T0, poll_interval_s=600)
    given: list[Change] = []
    reader = threading.Thread(target=lambda: given.extend(follow))
    reader.start()
    until(lambda: follow.token is not None and ".c" in follow.token, "it waits")
    follow.close()
    reader.join(10)
    assert not reader.is_alive()
    assert [one.metric.value for one in given] == [1.0]
    assert list(follow) == []
    with client.follow(name, start=T0) as another:
        assert next(another).metric.value == 1.0
    with pytest.raises(StopIteration):
        next(another)


def test_awaited_it_gives_the_same_and_loses_nothing_when_cancelled(
    store: DirectWriter, client: Client, name: str
) -> None:
    """The loop goes on meanwhile; a wait that is given up is taken up again, and close() ends it."""
    store.put(*(Metric(name, float(hour), T0 + hour * HOUR, ES) for hour in range(3)))

    async def main() -> list[float | None]:
        given: list[Change] = []
        async with AsyncFollow(client.follow(name, start=T0, poll_interval_s=0.05)) as follow:
            while len(given) < 3:
                with suppress(asyncio.TimeoutError):
                    given.append(await asyncio.wait_for(anext_of(follow), 0.01))
            assert follow.token in (given[-1].token, client.follow(name, resume=follow.token).token)
            waiting = asyncio.ensure_future(anext_of(follow))
            await asyncio.to_thread(store.put, Metric(name, 9.0, T0, ES))
            given.append(await waiting)
            assert follow.token == given[-1].token
            ended = asyncio.ensure_future(anext_of(follow))
            await asyncio.sleep(0)
            await follow.close()
            with pytest.raises(StopAsyncIteration):
                await ended
        return [change.metric.value for change in given]

    assert asyncio.run(main()) == [0.0, 1.0, 2.0, 9.0]


async def anext_of(follow: AsyncFollow) -> Change:
    return await follow.__anext__()


def test_clickhouse_away_is_waited_for_once_it_was_there(
    store: DirectWriter, client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first it is an error; later a pause that grows. What came meanwhile is given afterwards."""
    store.put(Metric(name, 1.0, T0, ES), Metric(name, 2.0, T0 + HOUR, ES))

    def away(*_: object) -> None:
        raise ClickHouseUnavailableError("away")

    follow = client.follow(name, start=T0, poll_interval_s=1)
    with monkeypatch.context() as patch:
        patch.setattr(client._database, "rows", away)
        with pytest.raises(ClickHouseUnavailableError):
            next(follow)
    assert next(follow).metric.value == 1.0
    with monkeypatch.context() as patch:
        assert len(taken(follow)) == 1
        patch.setattr(client._database, "rows", away)
        pauses = [follow.pause_s for _ in range(7) if follow.step() is None]
        assert pauses == [2, 4, 8, 16, 30, 30, 30]
        store.put(Metric(name, 3.0, T0, ES))
    assert told(taken(follow)) == [("ES", T0, 1.0, 3.0)]
    assert follow.pause_s == 1


def test_wrong_questions(store: DirectWriter, client: Client, name: str) -> None:
    store.put(Metric(name, 1.0, T0, ES))
    with pytest.raises(TimeError, match="needs a start"):
        client.follow(name)
    with pytest.raises(FilterError, match=r"look at change\.metric"):
        client.follow(name, start=T0, valid=True)
    with pytest.raises(UnknownLabelError, match="did you mean 'zone'"):
        next(client.follow(name, start=T0, zon="ES"))
    with pytest.raises(UnknownNameError):
        next(client.follow(name[:-1], start=T0))
    token = next(client.follow(name, start=T0)).token
    with pytest.raises(ResumeError, match="another metric name"):
        client.follow("zone_load", start=T0, resume=token)
    with pytest.raises(ResumeError, match="no token"):
        client.follow(name, start=T0, resume=token[:-20] + "x")


def test_kafka_to_a_follower_that_is_killed_again_and_again(road: Road, tmp_path: Path) -> None:
    """Three partitions, stored by a consumer as they come: each value once in the notes, and in order of its series."""
    zones, hours = 6, 18
    path, errors = tmp_path / "notes", tmp_path / "errors"
    errors.touch()
    env = {**road.stack.env, "CLICKHOUSE_DATABASE": road.name, "NOTES": str(path)}
    program = Path(__file__).parent / "follower.py"

    def start() -> WarmProcess:
        return WarmProcess([], env=env, stderr=errors, program=program)

    with road.consumer(WATTNET_FLUSH_INTERVAL_S="0.05", WATTNET_MAX_BATCH_ROWS="7"), road.producer() as producer:
        producer.send(load("Z0", 0, -1.0))
        producer.flush(30)
        road.wait_stored(1)
        follower = start()
        try:
            # Or its snapshot might begin with the revision of this one.
            until(lambda: len(notes(path)) == 1, "it has begun")
            for hour in range(hours):
                for zone in range(zones):
                    producer.send(load(f"Z{zone}", hour, float(hour)))
                producer.flush(30)
                if hour % 6 == 3:
                    until(lambda: len(notes(path)) > hour, "it follows")  # noqa: B023  called at once
                    assert follower.poll() is None, errors.read_text()
                    follower.kill()
                    follower.wait()
                    follower = start()
            until(lambda: len(notes(path)) >= zones * hours + 1, "all is noted")
        finally:
            follower.kill()
            follower.wait()
    written = [note["change"] for note in notes(path)]
    of_zone = {zone: [change for change in written if change[0] == zone] for zone in {change[0] for change in written}}
    expected = {
        f"Z{zone}": [[f"Z{zone}", (ROAD_T0 + hour * HOUR).isoformat(), float(hour)] for hour in range(hours)]
        for zone in range(zones)
    }
    expected["Z0"].insert(0, ["Z0", ROAD_T0.isoformat(), -1.0])
    assert of_zone == expected
