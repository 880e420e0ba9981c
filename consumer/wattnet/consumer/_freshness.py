"""How old the newest values are, by zone and metric type, as a Prometheus metric read from the tables."""

from __future__ import annotations

import logging
import time
from threading import Lock, Thread
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wattnet.consumer._clickhouse_questions import reason, rows
from wattnet.consumer._printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from clickhouse_connect.driver.client import Client

logger = logging.getLogger(__name__)

NAME = "wattnet_freshness_seconds"
MEANING = (
    "Now minus the newest timestamp that is stored of any series of this zone and metric type, forecasts (series with "
    "the label forecast) left out. A timestamp is where its interval begins: an hourly series in time is up to an hour "
    "old. Negative when the newest value lies in the future. Absent while ClickHouse does not say."
)
REFRESH_INTERVAL_S = 15.0
# A scrape waits so long for a question to ClickHouse; then it shows what the last answer was.
PATIENCE_S = 0.5
# Whoever sends may make up zones and types: more of them than this limit is no monitoring any more.
NEWEST = """
    SELECT zone, name, toUnixTimestamp64Micro(max(last_timestamp)) FROM series WHERE NOT mapContains(labels, 'forecast')
    GROUP BY zone, name ORDER BY name, zone LIMIT 10000
"""

# The time in seconds by (zone, metric type), both fit to be shown.
Newest = dict[tuple[str, str], float]


class FreshnessCollector(Collector):
    """Register it in a registry; scrapes may come from several threads.

    ClickHouse is asked by scrapes, at most every `refresh_interval_s`, in a thread of its own and with the client that
    `client_factory` makes the first time: the client needs SELECT on `series`. Without it, or without ClickHouse, there
    are no samples and one line on the log; nothing is raised.
    """

    def __init__(self, client_factory: Callable[[], Client], *, refresh_interval_s: float = REFRESH_INTERVAL_S) -> None:
        self._client_factory = client_factory
        self._refresh_interval_s = refresh_interval_s
        self._client: Client | None = None
        self._lock = Lock()
        self._refresh: Thread | None = None
        self._due_at = float("-inf")
        self._newest: Mapping[tuple[str, str], float] = {}
        self._failing = False

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """What `collect` gives, without asking ClickHouse: a registry wants it when this is registered."""
        return [_family()]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The metric with its samples of now."""
        newest = self._refreshed()
        now_s = time.time()
        family = _family()
        for labels, newest_s in newest.items():
            family.add_metric(labels, now_s - newest_s)
        return [family]

    def _refreshed(self) -> Mapping[tuple[str, str], float]:
        with self._lock:
            if self._refresh is None and time.monotonic() >= self._due_at:
                self._refresh = Thread(target=self._ask, name="freshness", daemon=True)
                self._refresh.start()
            refresh = self._refresh
        if refresh is not None:
            refresh.join(PATIENCE_S)
        return self._newest

    def _ask(self) -> None:
        newest: Newest = {}
        try:
            self._client = self._client or self._client_factory()
            for zone, name, newest_us in rows(self._client, NEWEST):
                # Shown alike, two zones are one sample: twice the same makes a scrape invalid.
                labels = printable(zone), printable(name)
                newest[labels] = max(newest.get(labels, float("-inf")), newest_us / 1e6)
            if self._failing:
                logger.info("freshness: ClickHouse shows the series again")
            self._failing = False
        except Exception as exc:  # noqa: BLE001  # a metric is never worth more than what it measures
            if not self._failing:
                logger.warning("no %s until ClickHouse shows the table series: %s", NAME, printable(reason(exc)))
            self._failing = True
        finally:
            with self._lock:
                self._newest = newest
                self._due_at = time.monotonic() + self._refresh_interval_s
                self._refresh = None


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(NAME, MEANING, labels=["zone", "metric_type"])
