"""Every query of the boards and alert rules, on a part of the demo and what it lacks, within a budget of rows."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import pytest
from direct_writer import DirectWriter
from grafana.expansion import Asked, boards, expanded, queries

from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up
from wattnet.examples import us_grid_2022
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local import LocalStack

START = datetime(2022, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
HOURS = 24 * 12
BUDGET = 40_000
"""Rows that a query may read of these tables: what stands here is half of that."""
VARIABLES = {
    "zone": ["CISO"],
    "datasource": ["eia"],
    "scope": ["life-cycle"],
    "name": ["zone_load"],
    "as_of": ["2022-01-03 00:00:00"],
}
# There is nothing to show, most of the time.
MAY_BE_EMPTY = {"Merges that run"}
REFUSED = """
INSERT INTO metrics_ingest (topic, topic_id, `partition`, `offset`, kafka_time, claim_first, claim_next, claim_messages,
    name, value, timestamp, labels, knowledge_time)
SELECT 'broken', 'b', 3, number, now64(3), 0, 9, 9, 'zone_load', 1, '2022-01-01 00:00:00', map(), '2022-01-01 00:00:00'
FROM numbers(7)
"""


@pytest.fixture(scope="module")
def store(wattnet_stack: LocalStack) -> Iterator[DirectWriter]:
    """Twelve days of the demo, and in one zone what it lacks: load, forecasts, revisions, holes, exchanges."""
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"boards_{uuid.uuid4().hex[:8]}")
    migrate_up(settings)
    with connect(settings) as driver:
        store = DirectWriter(driver)
        store.put(*islice(us_grid_2022(), 8 * 9 * HOURS))
        store.roll_up()
        store.put(*(value for hour in range(HOURS) for value in of_hour(hour)))
        driver.command(REFUSED)
        yield store
        driver.command(f"DROP DATABASE {settings.database}")


def of_hour(hour: int) -> Iterator[Metric]:
    moment = START + hour * HOUR
    zone = {"zone": "CISO", "unit": "MWh", "datasource": "eia", "data_state": "final"}
    if hour % 24 != 5:
        status = "missing" if hour % 24 == 9 else "preview" if hour > HOURS - 24 else "complete"
        labels = {**zone, "zone_status": status}
        yield Metric("zone_load", 100.0 + hour % 24, moment, labels, knowledge_time=moment + HOUR)
        if hour % 10 == 0:
            yield Metric("zone_load", 103.0 + hour % 24, moment, labels, knowledge_time=moment + 60 * HOUR)
    for lead in (2, 30):
        forecast = {**zone, "forecast": "model"}
        yield Metric("zone_load", 100.0 + lead + hour % 24, moment, forecast, knowledge_time=moment - lead * HOUR)
    yield Metric("zone_import", 5.0, moment, {**zone, "from": "AZPS"}, knowledge_time=moment + HOUR)
    yield Metric("zone_export", 3.0, moment, {**zone, "to": "BPAT"}, knowledge_time=moment + HOUR)


def answer(store: DirectWriter, sql: str, start: datetime, end: datetime) -> tuple[list[tuple[Any, ...]], int]:
    """Its rows, and how many rows ClickHouse read for them."""
    answered = store.driver.query(expanded(sql, start, end, variables=VARIABLES))
    return [tuple(row) for row in answered.result_rows], int(answered.summary["read_rows"])


def asked(board: str, title: str) -> str:
    (sql,) = [one.sql for one in queries() if (one.board, one.what) == (board, title)]
    return sql


@pytest.mark.parametrize("one", list(queries()), ids=lambda one: f"{one.board}-{one.what}".replace(" ", "-"))
def test_every_query_gives_rows_within_its_budget(store: DirectWriter, one: Asked) -> None:
    now = datetime.now(timezone.utc)
    start, end = START, START + HOURS * HOUR
    if one.board in ("wattnet-overview", "wattnet-pipeline", "alerts"):
        start, end = now - 6 * HOUR, now + HOUR
    rows, read = answer(store, one.sql, start, end)
    # The demo is of 2022: a zone that fell silent then is no alert.
    assert rows or one.what in MAY_BE_EMPTY | {"A zone is stale"}
    assert read <= BUDGET
    if not one.what.startswith("$") and rows and len(rows[0]) == 1:
        assert rows[0][0] is not None


@pytest.mark.parametrize(("days", "step"), [(7, 3600), (30, 3600), (365, 86_400)])
def test_the_step_follows_the_range(store: DirectWriter, days: int, step: int) -> None:
    """A year is drawn by days, and hardly more is read for it than for a week."""
    rows, read = answer(store, asked("wattnet-zone", "Generation mix"), START, START + timedelta(days=days))
    moments = sorted({int(row[0].timestamp()) for row in rows if row[1] == "gas"})
    assert {later - earlier for earlier, later in pairwise(moments)} == {step}
    assert moments[0] == int(START.timestamp())
    assert read <= BUDGET


def test_previews_have_a_line_of_their_own_and_missing_values_break_it(store: DirectWriter) -> None:
    rows, _ = answer(store, asked("wattnet-zone", "Load"), START, START + 7 * 24 * HOUR)
    value = {
        (row[0].astimezone(timezone.utc) if row[0].tzinfo else row[0].replace(tzinfo=timezone.utc)): row[2]
        for row in rows
    }
    assert {row[1] for row in rows} == {"load"}
    assert value[START + 4 * HOUR] == 104.0
    assert value[START + 5 * HOUR] is None  # there is none
    assert value[START + 9 * HOUR] is None  # it says that it is missing
    assert value[START + 10 * HOUR] == 113.0  # the revision
    end = START + HOURS * HOUR
    late, _ = answer(store, asked("wattnet-zone", "Load"), end - 48 * HOUR, end)
    assert {row[1] for row in late} == {"load", "load (preview)"}


def test_forecasts_by_lead_time(store: DirectWriter) -> None:
    """A forecast that is off by its lead time, against the values that are current."""
    rows, _ = answer(store, asked("wattnet-revisions", "Forecast error by lead time"), START, START + 5 * HOUR)
    assert [row[0] for row in rows] == ["1-6 h", "24-48 h"]
    assert [row[2] for row in rows] == [pytest.approx(2 - 3 / 5), pytest.approx(30 - 3 / 5)]


def test_as_of_shows_what_was_known(store: DirectWriter) -> None:
    title = "Now, and as it was known then"
    rows, _ = answer(store, asked("wattnet-revisions", title), START, START + 2 * HOUR)
    assert {(row[1], row[2]) for row in rows if "model" not in row[1] and row[0].hour == 0} == {
        ("eia", 103.0),
        ("eia (then)", 100.0),
    }


def test_dead_letters_by_reason(store: DirectWriter) -> None:
    now = datetime.now(timezone.utc)
    rows, _ = answer(store, asked("wattnet-pipeline", "Dead letters by reason"), now, now)
    assert [row[:3] for row in rows] == [("no zone", 7, 0)]
    rows, _ = answer(store, asked("wattnet-pipeline", "Claims that are not whole"), now - HOUR, now + HOUR)
    assert rows == [("broken", 3, 0, 9, 9, 7)]


def test_alerts_fire_for_what_they_are_for(store: DirectWriter) -> None:
    now = datetime.now(timezone.utc)
    fresh = now.replace(minute=0, second=0, microsecond=0) - 8 * HOUR
    store.put(
        Metric("zone_load", 1.0, fresh, {"zone": "LATE", "unit": "MW", "datasource": "eia", "data_state": "final"})
    )
    (stale,) = answer(store, asked("alerts", "A zone is stale"), now - HOUR, now)[0]
    assert stale[0] == "LATE"
    assert stale[1] > 6 * 3600
    ((share,),) = answer(store, asked("alerts", "Messages are refused"), now - HOUR, now + HOUR)[0]
    assert 0 < share < 0.01
    ((age,),) = answer(store, asked("alerts", "No consumer stores anything"), now - HOUR, now)[0]
    assert age < 900


def test_all_boards_are_asked() -> None:
    assert {one.board for one in queries()} == {*boards(), "alerts"}
