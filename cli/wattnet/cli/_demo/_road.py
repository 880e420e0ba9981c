"""From Producer.send to ClickHouse: send the year, and wait until the ledger says that all of it is stored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import stamina

from wattnet.cli._failures import EXIT_UNAVAILABLE, CommandError
from wattnet.cli._publish._destination import producer_for, require_topic
from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.consumer import KafkaSettings, ServiceUnavailableError, Settings, verify
from wattnet.examples import US_GRID_2022_METRICS, us_grid_2022

if TYPE_CHECKING:
    from wattnet.cli._demo._meter import Show
    from wattnet.consumer import BatchSettings, Verdict
    from wattnet.local import LocalStack

SEND_BETWEEN_LOOKS = 1_000
LOOK_INTERVAL_S = 0.5
WAIT_INTERVAL_S = 0.1
STALLED_AFTER_S = 60.0
ANSWER_TIMEOUT_S = 30.0

STORED = "SELECT sum(messages) FROM ledger FINAL WHERE topic = {topic:String}"
CONTENTS = """
    SELECT count(), sum(cityHash64(name, zone, series_id, timestamp, value, retracted, data_state, rank, attributes))
    FROM metrics FINAL
"""


class Consumers(Protocol):
    """Who stores what is sent."""

    def require_running(self) -> None:
        """Raise CommandError when one has ended by itself."""

    def tails(self) -> str:
        """What to say when they store nothing more: what they logged last, or where that is."""


@dataclass(frozen=True, slots=True)
class Journey:
    """How it went, in seconds since the first send. `stored` counts what an earlier demo had left in Kafka, too."""

    sent: int
    sent_s: float
    stored: int
    stored_s: float


@dataclass(frozen=True, slots=True)
class Contents:
    """What `metrics FINAL` holds: its rows, and a sum over everything in them but where and when they came in."""

    rows: int
    fingerprint: int


def settings_for(stack: LocalStack, batch: BatchSettings) -> Settings:
    """Settings of this stack: every field is given, because the environment may name another Kafka."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=stack.bootstrap_servers,
            topic="wattnet.metrics",
            group_id="wattnet-consumer",
            options={},
            schema_registry_url=None,
        ),
        clickhouse=ClickHouseSettings.from_url(stack.clickhouse_url),
        batch=batch,
    )


def contents(settings: Settings) -> Contents:
    """What is stored now."""
    return Contents(*_row(settings, CONTENTS))


def prove(settings: Settings) -> Verdict:
    """`wattnet verify`. A broker that has just started may need a while to say what was committed."""
    return _when_answered(verify, settings)


def travel(settings: Settings, consumers: Consumers, show: Show) -> Journey:
    """Send the year and return when all that Kafka holds is stored.

    Raises CommandError when a consumer dies, or when nothing more is stored for `STALLED_AFTER_S`.
    """
    require_topic(settings.kafka)
    start = prove(settings)
    stored_before = start.stored + start.by_engine
    client = connect(settings.clickhouse)
    of_topic = {"topic": settings.kafka.topic}
    to_store = start.in_flight + US_GRID_2022_METRICS

    def stored() -> int:
        return int(client.query(STORED, parameters=of_topic).result_rows[0][0]) - stored_before

    sent = 0
    show(sent=0, to_send=US_GRID_2022_METRICS, stored=0, to_store=to_store)
    started_s = looked_s = time.monotonic()
    with producer_for(settings.kafka) as producer:
        for sent, metric in enumerate(us_grid_2022(), 1):
            producer.send(metric)
            if not sent % SEND_BETWEEN_LOOKS and time.monotonic() - looked_s > LOOK_INTERVAL_S:
                looked_s = time.monotonic()
                consumers.require_running()
                show(sent=sent, to_send=US_GRID_2022_METRICS, stored=stored(), to_store=to_store)
        producer.flush()
    sent_s = time.monotonic() - started_s

    seen, seen_s = -1, time.monotonic()
    while (now := stored()) < to_store:
        show(sent=sent, to_send=sent, stored=now, to_store=to_store)
        consumers.require_running()
        if now > seen:
            seen, seen_s = now, time.monotonic()
        elif time.monotonic() - seen_s > STALLED_AFTER_S:
            raise CommandError(
                f"only {now:,} of {to_store:,} messages are stored, and no more for {STALLED_AFTER_S:g} s.\n"
                + consumers.tails(),
                exit_code=EXIT_UNAVAILABLE,
            )
        time.sleep(WAIT_INTERVAL_S)
    stored_s = time.monotonic() - started_s
    show(sent=sent, to_send=sent, stored=now, to_store=to_store)
    client.close()
    return Journey(sent, sent_s, now, stored_s)


def _row(settings: Settings, sql: str) -> tuple[Any, ...]:
    client = connect(settings.clickhouse)
    try:
        return tuple(client.query(sql).result_rows[0])
    finally:
        client.close()


_when_answered = stamina.RetryingCaller(
    attempts=None, timeout=ANSWER_TIMEOUT_S, wait_initial=WAIT_INTERVAL_S, wait_max=1.0
).on(ServiceUnavailableError)
