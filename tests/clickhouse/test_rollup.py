"""What stands in the roll-up is what the current values come to, whatever arrived since the last pass."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from direct_writer import DirectWriter

from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up
from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local import LocalStack

START = datetime(2024, 12, 29, tzinfo=timezone.utc)
STEP = timedelta(minutes=15)
STEPS = 96 * 6  # over the end of a year
ZONES = ("ES", "PT", "FR")
FAR = "start = '2024-12-01 00:00:00', end = '2025-02-01 00:00:00'"
AGGREGATES = {
    "daily_metrics": "avg(value), count(), min(value), max(value), min(valid), min(zone_status), max(knowledge_time)",
    "hourly_metrics": "avg(value), count(), min(valid), min(zone_status)",
}
COLUMNS = {
    "daily_metrics": "value, count, min, max, valid, zone_status, knowledge_time",
    "hourly_metrics": "value, count, valid, zone_status",
}
BUCKET = {"daily_metrics": "toStartOfDay", "hourly_metrics": "toStartOfHour"}


@pytest.fixture(scope="module")
def store(wattnet_stack: LocalStack) -> Iterator[DirectWriter]:
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"rollup_{uuid.uuid4().hex[:8]}")
    migrate_up(settings)
    with connect(settings) as driver:
        yield DirectWriter(driver)
        driver.command(f"DROP DATABASE {settings.database}")


def differences(store: DirectWriter, name: str, where: str = FAR) -> list[str]:
    """Where the roll-up's views do not say what the current values say."""
    found = []
    for view, bucket in BUCKET.items():
        rolled = store.rows(
            f"SELECT zone, series_id, timestamp, {COLUMNS[view]} FROM "
            f"{view}(name = '{name}', zones = ['ES', 'PT', 'FR'], {where}) ORDER BY zone, series_id, timestamp"
        )
        raw = store.rows(
            f"SELECT zone, series_id, {bucket}(toDateTime(c.timestamp)) AS bucket, {AGGREGATES[view]} "
            f"FROM current_metrics AS c WHERE name = '{name}' GROUP BY zone, series_id, bucket "
            "ORDER BY zone, series_id, bucket"
        )
        if len(rolled) != len(raw):
            found.append(f"{view}: {len(rolled)} buckets, not {len(raw)}")
        # Sums of floats depend on the order in which they are added up.
        found += [
            f"{view}: {one} is not {other}"
            for one, other in zip(rolled, raw, strict=False)
            if (one[:3], one[4:]) != (other[:3], other[4:]) or one[3] != pytest.approx(other[3], rel=1e-12)
        ]
    return found


def revision(dice: random.Random, name: str, step: int) -> Metric:
    """A value, or that there is none, of whatever quality."""
    labels = {"zone": dice.choice(ZONES), "production_type": dice.choice(["solar", "gas"])}
    quality = {"valid": dice.random() > 0.1, "zone_status": dice.choice([*ZONE_STATUSES, "complete", "complete"])}
    value = None if dice.random() < 0.15 else round(dice.uniform(0, 1000), 3)
    return Metric(name, value, START + step * STEP, {**labels, **quality})


@pytest.mark.parametrize("seed", range(2))
def test_late_revisions_and_retractions_correct_it(store: DirectWriter, seed: int) -> None:
    """At every moment: nothing rolled up yet, all of it, some of it, with parts merged in between."""
    dice = random.Random(seed)
    name = f"rolled_{uuid.uuid4().hex}"
    for _ in range(7):
        first = dice.randrange(STEPS)
        few = range(first, min(first + 150, STEPS))
        act = dice.choice(["write", "write", "revise one", "withdraw a day"])
        if act == "write":
            store.put(*(revision(dice, name, step) for step in few))
        elif act == "revise one":
            store.put(revision(dice, name, first))
        else:
            labels = {"zone": "ES", "production_type": "solar"}
            day = first // 96 * 96
            store.put(*(Metric(name, None, START + step * STEP, labels) for step in range(day, day + 96)))
        if dice.random() < 0.5:
            store.roll_up()
        if dice.random() < 0.3:
            store.driver.command("OPTIMIZE TABLE metrics FINAL")
        assert differences(store, name) == []
    store.roll_up()
    assert differences(store, name) == []
    assert store.rows(f"SELECT countIf(count = 0) <= count() FROM rollup FINAL WHERE name = '{name}'") == [(True,)]


def test_a_revision_between_two_passes_is_seen_before_and_after_the_second(store: DirectWriter) -> None:
    """And what has a pass behind it is no longer read from metrics."""
    labels = {"zone": "ES"}
    store.put(*(Metric("seen", float(hour), START + 4 * hour * STEP, labels) for hour in range(24)))
    store.roll_up()
    days = f"daily_metrics(name = 'seen', zones = ['ES'], {FAR})"
    assert store.rows(f"SELECT value, count, zone_status FROM {days}") == [(11.5, 24, "complete")]
    store.put(Metric("seen", 35.0, START + 44 * STEP, labels))
    for _ in range(2):
        assert store.rows(f"SELECT value, count, max FROM {days}") == [(12.5, 24, 35.0)]
        store.roll_up()
    store.put(*(Metric("seen", None, START + 4 * hour * STEP, labels) for hour in range(24)))
    for _ in range(2):
        assert store.rows(f"SELECT count() FROM {days}") == [(0,)]
        store.roll_up()
    # The day's row says so, in the place of the one before.
    assert store.rows("SELECT count, hours FROM rollup FINAL WHERE name = 'seen'") == [(0, [])]


def test_a_range_gives_whole_buckets(store: DirectWriter) -> None:
    """The same ones whether they come from the roll-up or from metrics."""
    store.put(*(Metric("whole", 1.0, START + step * STEP, {"zone": "ES"}) for step in range(96 * 3)))
    part = "name = 'whole', zones = ['ES'], start = '2024-12-29 13:20:00', end = '2024-12-30 02:00:00'"
    for _ in range(2):
        assert store.rows(f"SELECT count FROM daily_metrics({part})") == [(96,), (96,)]
        hours = store.rows(f"SELECT timestamp, count FROM hourly_metrics({part}) ORDER BY timestamp")
        assert (len(hours), hours[0][0], {count for _, count in hours}) == (13, START + timedelta(hours=13), {4})
        store.roll_up()


def test_a_pass_is_one_part(store: DirectWriter) -> None:
    """More days than a block holds: all of them are there, with how far the pass came, or none of them."""
    store.roll_up()
    store.driver.command(
        "INSERT INTO metrics_ingest (topic, topic_id, name, value, timestamp, labels, knowledge_time, kafka_time) "
        "SELECT 't', 't', 'many', 1, toDateTime('2025-01-01 00:00:00') + number % 300 * 86400, "
        "map('zone', 'Z', 'n', toString(intDiv(number, 300))), '2025-01-01 00:00:00', '2025-01-01 00:00:00' "
        "FROM numbers(150000)"
    )
    store.driver.command("SYSTEM STOP MERGES rollup")
    store.roll_up()
    newest = "FROM rollup WHERE pass = (SELECT max(pass) FROM rollup)"
    counted = store.rows(f"SELECT count(), uniqExact(_part), countIf(name = '') {newest}")
    assert counted == [(150_001, 1, 1)]
    store.driver.command("SYSTEM START MERGES rollup")


def test_a_pass_with_nothing_to_do_writes_nothing(store: DirectWriter) -> None:
    store.roll_up()
    parts = "SELECT max(pass) FROM rollup"
    before = store.rows(parts)
    store.roll_up()
    assert store.rows(parts) == before
