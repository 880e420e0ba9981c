"""The consumer as a process: settings in, signals, an exit code out."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import stamina

from wattnet.clickhouse import connect, require_migrated
from wattnet.consumer._access import require_access
from wattnet.consumer._doctor import examine
from wattnet.consumer._engine_table import refuse_beside_engine
from wattnet.consumer._errors import (
    EXIT_CLEAN,
    EXIT_UNAVAILABLE,
    ConfigurationError,
    ConsumerError,
    ServiceUnavailableError,
    TopicChangedError,
)
from wattnet.consumer._feeders import Feeders, LedgerOfOneFeeder
from wattnet.consumer._freshness import FreshnessCollector
from wattnet.consumer._health import Health
from wattnet.consumer._http import HttpServer
from wattnet.consumer._ingest import ClickHouseIngest
from wattnet.consumer._kafka_admin import admin_client, read_cluster_id, read_topic_id
from wattnet.consumer._kafka_options import kafka_log
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._ledger import ClickHouseLedger
from wattnet.consumer._loop import Loop
from wattnet.consumer._meters import Meters
from wattnet.consumer._range_size import RangeSize
from wattnet.consumer._source import KafkaSource
from wattnet.consumer._tables import opening_clickhouse
from wattnet.consumer._witness import Witness
from wattnet.consumer._writer import Writer
from wattnet.consumer._writer_schemas import ConfluentRegistry, WriterSchemas

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import TypeVar

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._settings import Settings

    T = TypeVar("T")

logger = logging.getLogger(__name__)

# How long a service may take to come up before the process says 69 and leaves the waiting to whoever started it.
START_TIMEOUT_S = 60.0
PING_TIMEOUT_S = 2.0
# For what is asked beside the inserts: the loop waits for some of it, and must serve its group.
QUESTION_TIMEOUT_S = 10.0
WRITER_THREADS = 2
WRITER = "writer"
# Messages are many and hold no cycles: looking through them for some costs a tenth of the time.
GC_THRESHOLD = 200_000


def consume(settings: Settings) -> int:
    """Run a consumer until SIGTERM or SIGINT; returns the process's exit code (see wattnet.consumer's errors).

    A second signal ends the process at once. Must be called from the main thread.
    """
    stop = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        logger.info("signal %s: draining", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    gc.set_threshold(GC_THRESHOLD)
    try:
        exit_code = _consume(settings, stop)
    except ConsumerError as exc:
        logger.error("stopped: %s", exc)  # noqa: TRY400  # the message says it all; the cause is at debug
        logger.debug("cause", exc_info=exc)
        exit_code = exc.exit_code
    if any(thread.name.startswith(WRITER) for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(exit_code)  # a writer may hang in an insert; its thread would hold the process
    return exit_code


def _consume(settings: Settings, stop: threading.Event) -> int:
    topic = settings.kafka.topic
    meters, health, close_breakers = Meters(topic), Health(kafka=kafka_log.outage), threading.Event()
    with HttpServer(settings.http, health=health, meters=meters, close_breakers=close_breakers) as http:
        inserts, questions = _clickhouse(settings, stop)
        http.watch(partial(questions.ping, PING_TIMEOUT_S))
        meters.registry.register(FreshnessCollector(lambda: questions))
        _when_up(stop, lambda: _refuse_unsound(settings, questions))
        _when_up(stop, lambda: refuse_beside_engine(questions, topic))
        _when_up(stop, lambda: require_access(settings.kafka))
        admin = admin_client(settings.kafka)
        cluster_id = _when_up(stop, lambda: read_cluster_id(admin))
        topic_id = _when_up(stop, lambda: read_topic_id(admin, topic))
        if topic_id is None:
            raise ConfigurationError(f"there is no topic {topic!r}: make it with `wattnet init`, or set KAFKA_TOPIC")
        group_id = settings.kafka.group_id
        feeders = Feeders(questions, partial(KafkaQuestions, settings.kafka), cluster_id=cluster_id, topic=topic)
        _when_up(stop, lambda: feeders.refuse_others([group_id]))
        _when_up(stop, lambda: feeders.remember(group_id, "consumer"))
        registry = settings.kafka.registry_options()
        schemas = WriterSchemas(ConfluentRegistry(registry) if registry else None)
        ledger = ClickHouseLedger(questions, topic)
        size = RangeSize(settings.batch.min_batch_rows, settings.batch.max_batch_rows)
        ingest = ClickHouseIngest(inserts)
        witness = Witness(ledger, meters)
        writer = Writer(
            ingest, schemas, ledger, witness, cluster_id=cluster_id, meters=meters, health=health, size=size
        )
        executor = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix=WRITER)

        def join(source: KafkaSource, topic_id: str) -> Loop:
            return Loop(
                source,
                writer,
                LedgerOfOneFeeder(ledger, feeders, group_id),
                executor,
                settings.batch,
                topic=topic,
                topic_id=topic_id,
                meters=meters,
                health=health,
                size=size,
                close_breakers=close_breakers,
            )

        drained = False
        try:
            drained = _follow_topic(settings, topic_id, join, stop)
        finally:
            if not drained:
                writer.abandon()  # or a retry without end would hold the process
            executor.shutdown(wait=drained, cancel_futures=True)
    if not drained:
        logger.error("not drained in time: what was claimed is repeated by whoever comes next, nothing is lost")
        return EXIT_UNAVAILABLE
    logger.info("drained")
    return EXIT_CLEAN


def _follow_topic(
    settings: Settings, topic_id: str, join: Callable[[KafkaSource, str], Loop], stop: threading.Event
) -> bool:
    """Be a member for one topic id after the other until asked to stop; returns whether all was stored."""
    drained = stop.is_set()  # asked to stop before there was anything to drain
    while not stop.is_set():
        source = KafkaSource(settings.kafka)
        logger.info("reading %s (id %s) as group %s", settings.kafka.topic, topic_id, settings.kafka.group_id)
        try:
            drained = join(source, topic_id).run(stop)
        except TopicChangedError as exc:
            # A new member for the new topic: librdkafka does not reliably notice that it is another one.
            logger.warning("%s: starting over with it", exc)
            drained = True  # what is still being stored of the old topic is waited for at the end
        finally:
            source.close()
        topic_id = _topic_id_again(settings, stop) or topic_id
    return drained


def _clickhouse(settings: Settings, stop: threading.Event) -> tuple[Client, Client]:
    """Clients for inserts and for questions, which have other timeouts."""

    def open_() -> tuple[Client, Client]:
        with opening_clickhouse():
            questions = connect(settings.clickhouse, timeout_s=QUESTION_TIMEOUT_S)
            require_migrated(settings.clickhouse, client=questions)
            inserts = connect(settings.clickhouse, timeout_s=settings.batch.insert_timeout_s, compress=False)
            return inserts, questions

    return _when_up(stop, open_)


def _refuse_unsound(settings: Settings, client: Client) -> None:
    """Raise for what makes consuming impossible, or not exact."""
    findings = examine(settings, only_fatal=True, client=client)
    if not findings:
        return
    message = "; ".join(map(str, findings))
    if all(one.exit_code == EXIT_UNAVAILABLE for one in findings):
        raise ServiceUnavailableError(message)
    raise ConfigurationError(message)


def _topic_id_again(settings: Settings, stop: threading.Event) -> str | None:
    """The topic's id, as soon as there is a topic; None when asked to stop first."""
    admin = admin_client(settings.kafka)
    while not stop.is_set():
        try:
            topic_id = read_topic_id(admin, settings.kafka.topic)
        except ServiceUnavailableError as exc:
            kafka_log.outage.failed(str(exc))
            topic_id = None
        if topic_id is not None:
            return topic_id
        stop.wait(0.5)
    return None


def _when_up(stop: threading.Event, act: Callable[[], T]) -> T:
    """Call until the service answers, and log what is waited for.

    Raises ServiceUnavailableError after START_TIMEOUT_S, or when asked to stop.
    """
    logged = ""
    for attempt in stamina.retry_context(
        on=lambda exc: isinstance(exc, ServiceUnavailableError) and not stop.is_set(),
        attempts=None,
        timeout=START_TIMEOUT_S,
        wait_initial=0.5,
        wait_max=5,
        wait_jitter=0.5,
    ):
        with attempt:
            try:
                return act()
            except ServiceUnavailableError as exc:
                if str(exc) != logged:
                    logged = str(exc)
                    logger.warning("not started yet, waiting for at most %g s: %s", START_TIMEOUT_S, exc)
                raise
    raise AssertionError("the last attempt raises")
