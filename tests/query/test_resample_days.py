"""Buckets of whole days come out of the roll-up, and say what the values say, whatever a pass has or has not seen."""

from __future__ import annotations

import random
import uuid
import warnings
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up
from wattnet.query import InferredResolutionWarning
from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from direct_writer import DirectWriter

    from wattnet.local import LocalStack
    from wattnet.query import Client, Query

START = datetime(2023, 12, 20, tzinfo=timezone.utc)
HOURS = 24 * 40  # over the end of a year
# Five years, of which few days have values: from three series by a year on the roll-up is asked.
FAR = {"start": "2021-01-01T00:00Z", "end": "2026-01-01T00:00Z"}
EVERY_HOW = ("mean", "sum", "min", "max", "count")


@pytest.fixture(scope="module")
def database(wattnet_stack: LocalStack) -> Iterator[ClickHouseSettings]:
    """With the passes of the roll-up, which end with it."""
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"days_{uuid.uuid4().hex[:8]}")
    migrate_up(settings)
    yield settings
    with connect(settings) as driver:
        driver.command(f"DROP DATABASE {settings.database}")


def is_rolled_up(query: Query) -> bool:
    return "FROM rollup AS m" in query.explain()


def assert_same(query: Query, step: str, how: str) -> None:
    """As they are known in the far future is as they are known now, and of that the roll-up knows nothing."""
    found = query.resample(step, how).to_pandas()
    expected = query.as_of("2060-01-01T00:00Z").resample(step, how).to_pandas()
    assert len(found)
    # Sums over several days are added up in another order.
    pd.testing.assert_frame_equal(found, expected, rtol=0 if step == "1d" and how != "sum" else 1e-12)


def written(dice: random.Random, name: str, hours: range) -> list[Metric]:
    return [
        Metric(
            name,
            None if dice.random() < 0.1 else round(dice.uniform(-100, 1000), 3),
            START + dice.choice(hours) * timedelta(hours=1) + dice.choice([0, 0, 17]) * timedelta(minutes=1),
            {
                "zone": dice.choice(["ES", "PT"]),
                "production_type": dice.choice(["solar", "gas"]),
                "valid": dice.random() > 0.1,
                "zone_status": dice.choice([*ZONE_STATUSES, "complete"]),
            },
        )
        for _ in range(120)
    ]


@pytest.mark.parametrize("seed", range(2))
def test_the_same_at_every_moment(store: DirectWriter, client: Client, name: str, seed: int) -> None:
    """Nothing rolled up yet, all of it, some of it and revisions since then, some of them retractions."""
    dice = random.Random(seed)
    cuts = [FAR, {**FAR, "end": "2024-01-04T15:00:01Z"}, {**FAR, "start": "2023-12-24T07:30Z"}]
    for turn in range(6):
        store.put(*written(dice, name, range(HOURS // 4 * (turn % 4), HOURS)))
        if turn % 2:
            store.roll_up()
        assert_same(client.metrics(name, **cuts[turn % 3]), "1d", EVERY_HOW[turn % 5])
        longer = dice.choice(["1w", "1mo", "3mo", "1y"])
        assert_same(client.metrics(name, **dice.choice(cuts)), longer, dice.choice(EVERY_HOW))
    whole = client.metrics(name, **FAR, zone="ES")
    filled = whole.resample("1mo", "sum", fill="zero").to_pandas()
    assert len(filled) == 2 * 60
    assert whole.resample("1d").limit(3).to_list() == whole.resample("1d").to_list()[:3]


def test_what_has_a_pass_behind_it_is_read_there(store: DirectWriter, client: Client, name: str) -> None:
    """And not from the values: a row in the roll-up that is wrong shows."""
    store.put(*(Metric(name, 1.0, START + day * timedelta(days=1), {"zone": "ES"}) for day in range(3)))
    store.roll_up()
    query = client.metrics(name, **FAR).resample("1d", "sum")
    store.driver.command(
        "INSERT INTO rollup SELECT * REPLACE (40 AS sum, pass + 1000000 AS pass) FROM rollup FINAL "
        f"WHERE name = '{name}' AND day = '2023-12-21'"
    )
    assert query.to_series().tolist() == [1.0, 40.0, 1.0]
    store.put(Metric(name, 2.0, START + timedelta(days=1, hours=1), {"zone": "ES"}))
    assert query.to_series().tolist() == [1.0, 3.0, 1.0], "something arrived for the day since the pass"


def test_the_values_are_read_where_the_roll_up_does_not_say_it(store: DirectWriter, client: Client, name: str) -> None:
    store.put(
        Metric(name, 1.0, START, {"zone": "ES", "valid": False}),
        Metric(name, 3.0, START + timedelta(hours=1), {"zone": "ES"}),
    )
    query = client.metrics(name, **FAR)
    assert is_rolled_up(query.resample("1w", "mean"))
    others = [
        query.resample("1h"),  # shorter than a day
        query.resample("1d", "first"),
        query.resample("1d", "last"),
        query.resample("1d", tz="Europe/Madrid"),  # other days
        query.valid_only().resample("1d"),
        query.as_of("2025-01-01").resample("1d"),
        client.metrics(name, start="2023-06-01T00:00Z", end="2024-06-01T00:00Z").resample("1d"),  # few values
    ]
    assert not any(map(is_rolled_up, others))
    assert query.valid_only().resample("1d").to_series().tolist() == [3.0]
    assert query.resample("1d").to_series().tolist() == [2.0]


def test_means_over_a_change_of_lengthare_those_of_the_values(store: DirectWriter, client: Client, name: str) -> None:
    """With holes, without a resolution, and with what arrived since the pass: weighed by time, or counted, alike."""
    dice = random.Random(3)
    change = START + timedelta(hours=45)
    metrics: list[Metric] = []
    for zone in ("ES", "PT", "FR"):
        moment = START
        while moment < START + timedelta(days=7):
            step = timedelta(hours=1) if moment < change else timedelta(minutes=15)
            attributes = {} if zone == "FR" else {"resolution": "PT1H" if moment < change else "PT15M"}
            if zone == "ES" or dice.random() > 0.1:
                value = 60.0 if moment < change else 95.0
                metrics.append(Metric(name, value, moment, {"zone": zone}, attributes=attributes))
            moment += step
    store.put(*metrics)
    store.roll_up()
    late = {"zone": "ES", "resolution": "PT15M"}
    store.put(Metric(name, 1.0, change + timedelta(hours=1), late))
    query = client.metrics(name, **FAR)
    assert is_rolled_up(query.resample("1w"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InferredResolutionWarning)
        for length in ("1d", "1w", "1mo", "1y"):
            assert_same(query, length, "mean")
        year = query.resample("1y").to_pandas(wide=True).iloc[0]
    assert year["ES"] == pytest.approx((45 * 60 + 123 * 95 + (1 - 95) / 4) / 168)
    assert year["PT"] == pytest.approx((45 * 60 + 123 * 95) / 168, rel=0.02)
    assert year["FR"] == pytest.approx(year["PT"], rel=0.02)
