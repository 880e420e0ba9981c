"""`wattnet_freshness_seconds` says what the tables say, never holds a scrape up, and takes any zone's name."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone
from threading import Event
from typing import TYPE_CHECKING, Any

from clickhouse_proxy import Refusal
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from road import until

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.consumer._freshness import PATIENCE_S, FreshnessCollector

if TYPE_CHECKING:
    import pytest
    from clickhouse_proxy import ClickHouseProxy
    from road import Road

HOUR_S = 3_600
COLUMNS = ["topic", "offset", "kafka_time", "name", "value", "timestamp", "labels", "knowledge_time"]


def store(road: Road, *values: tuple[str, dict[str, str], float]) -> None:
    """Name, labels and age in hours of values, through the table that all feeders write to."""
    now = datetime.now(timezone.utc)
    rows = [
        ["test", number, now, name, 1.0, now - timedelta(hours=hours), labels, now]
        for number, (name, labels, hours) in enumerate(values)
    ]
    road.client.insert("metrics_ingest", rows, column_names=COLUMNS)


def samples(collector: FreshnessCollector) -> dict[tuple[str, str], float]:
    (family,) = collector.collect()
    return {(one.labels["zone"], one.labels["metric_type"]): one.value for one in family.samples}


def collector_of(settings: ClickHouseSettings, refresh_interval_s: float = 0) -> FreshnessCollector:
    return FreshnessCollector(lambda: connect(settings), refresh_interval_s=refresh_interval_s)


def through(road: Road, proxy: ClickHouseProxy) -> ClickHouseSettings:
    return road.clickhouse.model_copy(update={"host": "127.0.0.1", "port": int(proxy.env["CLICKHOUSE_PORT"])})


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lines of this program; the driver has its own."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("wattnet.")]


class SlowClient:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = Event()
        self.result_rows: list[tuple[str, str, int]] = [("ES", "zone_load", 0)]

    def query(self, _: str) -> SlowClient:
        self.asked += 1
        assert self.answer.wait(60)
        return self


def slow(client: SlowClient) -> Any:
    """As a client: all that is used of one is there."""
    return client


def test_it_is_the_age_of_the_newest_value_that_is_no_forecast(road: Road) -> None:
    store(
        road,
        ("zone_load", {"zone": "ES", "unit": "MW"}, 5),
        ("zone_load", {"zone": "ES", "unit": "MW"}, 2),
        ("zone_load", {"zone": "ES", "unit": "MW", "source": "other"}, 3),
        ("zone_load", {"zone": "ES", "unit": "MW", "forecast": "day-ahead"}, -20),
        ("zone_load", {"zone": "FR", "unit": "MW"}, 7),
        ("zone_generation", {"zone": "ES", "unit": "MW"}, -1),
        ("zone_generation", {"zone": "PT", "unit": "MW", "forecast": "intraday"}, 1),
        ("factor", {"factor_type": "lifecycle"}, 48),
    )
    found = {labels: round(age_s / HOUR_S, 1) for labels, age_s in samples(collector_of(road.clickhouse)).items()}
    assert found == {
        ("ES", "zone_load"): 2,
        ("FR", "zone_load"): 7,
        ("ES", "zone_generation"): -1,
        ("", "factor"): 48,
    }


def test_a_new_value_makes_it_younger(road: Road) -> None:
    collector = collector_of(road.clickhouse)
    assert samples(collector) == {}
    store(road, ("zone_load", {"zone": "ES"}, 5))
    first = samples(collector)["ES", "zone_load"]
    store(road, ("zone_load", {"zone": "ES"}, 0))
    until(lambda: samples(collector)["ES", "zone_load"] < first - 4 * HOUR_S, "it is younger")


def test_clickhouse_is_asked_once_in_an_interval_and_not_when_it_is_registered() -> None:
    client = SlowClient()
    client.answer.set()
    collector = FreshnessCollector(lambda: slow(client), refresh_interval_s=60)
    registry = CollectorRegistry()
    registry.register(collector)
    assert client.asked == 0
    ages = [samples(collector)["ES", "zone_load"] for _ in range(10)]
    assert client.asked == 1
    assert ages == sorted(set(ages)), "the age goes on all the same"


def test_a_scrape_does_not_wait_for_a_slow_clickhouse() -> None:
    """It shows what the last answer was, and there is one question at a time."""
    client = SlowClient()
    collector = FreshnessCollector(lambda: slow(client), refresh_interval_s=0)
    started_s = time.monotonic()
    assert samples(collector) == {}
    assert samples(collector) == {}
    assert time.monotonic() - started_s < 2 * PATIENCE_S + 5
    assert client.asked == 1
    client.answer.set()
    until(lambda: samples(collector), "the answer is shown")
    client.answer.clear()
    assert samples(collector), "the last answer, while the next one is waited for"
    client.answer.set()


def test_without_the_right_there_are_no_samples_and_one_line_on_the_log(
    road: Road, proxy: ClickHouseProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wattnet.consumer")
    store(road, ("zone_load", {"zone": "ES"}, 1))
    collector = collector_of(through(road, proxy))
    denied = Refusal(497, "ACCESS_DENIED")
    with proxy.ruled(lambda statement: denied if "FROM series" in statement else statement):
        for _ in range(3):
            assert samples(collector) == {}
        until(lambda: denied.count >= 3, "it was asked for each time")
    (line,) = ours(caplog)
    assert line.startswith("no wattnet_freshness_seconds until ClickHouse shows the table series")
    until(lambda: samples(collector), "it is there as soon as the right is")
    assert len(ours(caplog)) == 2


def test_without_clickhouse_there_are_no_samples(
    road: Road, proxy: ClickHouseProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wattnet.consumer")
    store(road, ("zone_load", {"zone": "ES"}, 1))
    collector = collector_of(through(road, proxy))
    until(lambda: samples(collector), "it is there")
    with proxy.away():
        until(lambda: not samples(collector), "it is gone")
    assert proxy.turned_away > 0, "the fault took place"
    until(lambda: samples(collector), "it is back")
    assert len(ours(caplog)) == 2
    never = collector_of(ClickHouseSettings.from_url("http://127.0.0.1:1"))
    until(lambda: samples(never) == {} and len(ours(caplog)) == 3, "that is said too")


HOSTILE = {
    'a"b': 'a"b',
    "back\\slash": r"back\\slash",
    "new\nline": r"new\nline",
    "\r": r"\r",
    "nul\x00": r"nul\x00",
    "\u2028": r"\u2028",
    "\u202eleft": r"\u202eleft",
    "a b": "a b",
    "\U0001f30d": "\U0001f30d",
    "x" * 1_000: "x" * 199 + "…",
    "x" * 999 + "y": "x" * 199 + "…",
}


def test_hostile_zones_do_not_break_the_text(road: Road) -> None:
    """One line a sample, each sample once, and nothing in it that a parser or a terminal takes for something else."""
    store(road, *(("zone_load", {"zone": zone}, 1) for zone in HOSTILE))
    registry = CollectorRegistry()
    registry.register(collector_of(road.clickhouse))
    until(lambda: b"zone_load" in generate_latest(registry), "it is there")
    text = generate_latest(registry).decode()
    assert all(character == "\n" or character.isprintable() for character in text)
    lines = [line for line in text.split("\n") if line.startswith("wattnet_freshness_seconds{")]
    (family,) = text_string_to_metric_families(text)
    zones = [one.labels["zone"] for one in family.samples]
    assert sorted(zones) == sorted(set(HOSTILE.values())), "each sample once: the two long ones are shown alike"
    assert len(lines) == len(zones)
