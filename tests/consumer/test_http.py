"""What a consumer answers to probes and scrapers."""

from __future__ import annotations

import json
from threading import Event
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from wattnet.consumer import ConfigurationError, HttpSettings
from wattnet.consumer._health import LIVENESS_TIMEOUT_S, Health
from wattnet.consumer._http import HttpServer
from wattnet.consumer._meters import PHASES, Meters

if TYPE_CHECKING:
    from typing import Any


class Served:
    """A server, asked without the network."""

    def __init__(self) -> None:
        self.now = 0.0
        self.health = Health(clock=lambda: self.now)
        self.meters = Meters("t")
        self.close_breakers = Event()
        self.server = HttpServer(
            HttpSettings(port=0), health=self.health, meters=self.meters, close_breakers=self.close_breakers
        )

    def ask(self, path: str, method: str = "GET") -> tuple[int, Any]:
        status, _, body = self.server.answer(method, path, "")
        return status, json.loads(body)


def test_it_is_not_ready_before_it_has_joined_the_group() -> None:
    served = Served()
    status, answer = served.ask("/readyz")
    assert (status, answer["ready"]) == (503, False)
    served.health.joined()
    assert served.ask("/readyz") == (200, {"ready": True, "reasons": []})


def test_a_trouble_says_why_it_is_not_ready_until_it_passed() -> None:
    served = Served()
    served.health.joined()
    served.health.trouble("Kafka", "Kafka does not answer")
    assert served.ask("/readyz") == (503, {"ready": False, "reasons": ["Kafka does not answer"]})
    served.health.well("Kafka")
    assert served.ask("/readyz")[0] == 200


def test_clickhouse_away_fails_readiness_and_never_liveness() -> None:
    served = Served()
    served.health.joined()
    served.server.watch(lambda: False)
    assert served.ask("/readyz") == (503, {"ready": False, "reasons": ["ClickHouse does not answer"]})
    assert served.ask("/livez") == (200, {"alive": True})


def test_a_loop_that_hangs_is_not_alive() -> None:
    served = Served()
    served.now = LIVENESS_TIMEOUT_S + 1
    assert served.ask("/livez") == (503, {"alive": False})
    served.health.beat()
    assert served.ask("/livez")[0] == 200


def test_breakers_are_closed_by_post_alone() -> None:
    served = Served()
    assert served.ask("/breaker/close")[0] == 404
    assert not served.close_breakers.is_set()
    assert served.ask("/breaker/close", "POST")[0] == 202
    assert served.close_breakers.is_set()


def test_every_metric_has_its_name_and_its_meaning() -> None:
    served = Served()
    served.meters.stored(messages=10, refusals={"no zone": 2}, oldest_sent=100, now=101.5)
    served.meters.lag(3, 7)
    _, _, body = served.server.answer("GET", "/metrics", "")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert all(family.documentation for family in families.values())
    ours = {name for name in families if name.startswith("wattnet_") and not name.endswith("_created")}
    assert ours == {
        "wattnet_build_info",
        "wattnet_consumer_assigned_partitions",
        "wattnet_consumer_batch_flush_seconds",
        "wattnet_consumer_batch_rows",
        "wattnet_consumer_breaker_open",
        "wattnet_consumer_buffer_bytes",
        "wattnet_consumer_dlq_records",
        "wattnet_consumer_doubled_ranges",
        "wattnet_consumer_end_to_end_latency_seconds",
        "wattnet_consumer_insert_retries",
        "wattnet_consumer_lag_records",
        "wattnet_consumer_last_insert_timestamp_seconds",
        "wattnet_consumer_range_rows_limit",
        "wattnet_consumer_rebalances",
        "wattnet_consumer_records",
        "wattnet_consumer_repeated_ranges",
        "wattnet_consumer_seconds",
    }
    values = {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for one in families.values()
        for sample in one.samples
    }
    assert values["wattnet_consumer_records_total", "stored", "t"] == 8
    assert values["wattnet_consumer_records_total", "refused", "t"] == 2
    assert values["wattnet_consumer_dlq_records_total", "no zone"] == 2
    assert values["wattnet_consumer_end_to_end_latency_seconds_sum",] == 1.5
    assert {("wattnet_consumer_seconds_total", phase) for phase in PHASES} <= values.keys()


def test_the_lag_of_a_partition_that_is_gone_is_gone() -> None:
    served = Served()
    served.meters.lag(3, 7)
    served.meters.not_mine(3)
    served.meters.not_mine(4)
    assert b'partition="3"' not in served.server.answer("GET", "/metrics", "")[2]


def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    served = Served()
    taken = served.server._server.server_address[1]
    with pytest.raises(ConfigurationError, match=rf"WATTNET_HTTP_PORT={taken}.*Port 0"):
        HttpServer(
            HttpSettings(port=taken), health=served.health, meters=served.meters, close_breakers=served.close_breakers
        )
