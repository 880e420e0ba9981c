"""A road of its own for each test: a topic, a database and a group on the shared stack."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clickhouse_connect
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka import Producer as RawProducer
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families
from tables import make_tables
from warm_process import WarmProcess

from wattnet.clickhouse import ClickHouseSettings
from wattnet.consumer import KafkaSettings, Settings, Verdict, verify
from wattnet.consumer._kafka_codes import COORDINATOR_MOVES
from wattnet.producer import Producer, create_topic
from wattnet.schemas import Metric, MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattnet.local import LocalStack

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
# A killed member would hold its partitions for 45 s otherwise.
QUICK_GROUP = '{"session.timeout.ms": 1000, "heartbeat.interval.ms": 200}'


def load(zone: str, hour: int, value: float | None, **metadata: Any) -> Metric:
    """A value of zone_load, by the hour."""
    labels = {"zone": zone, "unit": "MW", "datasource": "test", "data_state": "final", **metadata}
    return Metric(MetricType.ZONE_LOAD, value, T0 + hour * HOUR, labels)


def until(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    """Poll until the condition holds; fails with `what` after the deadline.

    Asking keeps a processor busy, so what takes long is asked for less often.
    """
    began_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began_s
        assert waited_s < timeout_s, f"not in {timeout_s} s: {what}"
        time.sleep(min(0.03 + waited_s / 10, 0.3))


@dataclass
class ConsumerProcess:
    """A `wattnet consume` of its own."""

    process: subprocess.Popen[bytes] | WarmProcess
    log: Path

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout_s: float = 45) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    @property
    def url(self) -> str:
        """Where it serves HTTP."""
        until(lambda: "serving http://" in self.logged(), "it serves HTTP")
        return "http://" + self.logged().partition("serving http://")[2].partition('"')[0]

    def http(self, path: str, method: str = "GET") -> tuple[int, str]:
        """What it answers over HTTP: status and body."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 when there are none."""
        samples = (
            sample
            for family in text_string_to_metric_families(self.http("/metrics")[1])
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
        return sum(sample.value for sample in samples)

    @property
    def ready(self) -> bool:
        """What /readyz says."""
        return self.http("/readyz")[0] == 200

    def logged(self) -> str:
        """What it wrote to stderr so far."""
        return self.log.read_text(errors="replace")

    def warnings(self) -> list[str]:
        """What its log says at level warning and above."""
        lines = [json.loads(line) for line in self.logged().splitlines() if line.startswith("{") and line.endswith("}")]
        return [line["event"] for line in lines if line["level"] in {"warning", "error", "critical"}]

    def resident_bytes(self) -> int:
        """The memory that it takes now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Road:
    """Topic, database and group of one test."""

    stack: LocalStack
    folder: Path
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    partitions: int = 3

    def __post_init__(self) -> None:
        self.topic = self.name
        self.group = f"{self.name}-group"
        create_topic(self.stack.bootstrap_servers, self.topic, partitions=self.partitions)
        make_tables(self.clickhouse)
        self.client = clickhouse_connect.get_client(
            dsn=self.stack.clickhouse_url, database=self.name, autogenerate_session_id=False
        )
        self.admin = AdminClient({"bootstrap.servers": self.stack.bootstrap_servers})
        # Asks for the group's commits, again and again while a test waits; it joins nothing.
        self.probe = Consumer({"bootstrap.servers": self.stack.bootstrap_servers, "group.id": self.group})

    def close(self) -> None:
        """Remove the topic and the database."""
        # Or its files stay for eight minutes, and a copy of ClickHouse's folder is one of them all.
        self.client.command(f"DROP DATABASE {self.name} SYNC")
        self.client.close()
        self.probe.close()
        self.admin.delete_topics([self.topic])[self.topic].result(30)

    @property
    def clickhouse(self) -> ClickHouseSettings:
        """This road's database."""
        return ClickHouseSettings.from_url(self.stack.clickhouse_url, database=self.name)

    @property
    def settings(self) -> Settings:
        """What the consumer of this road is told."""
        kafka = KafkaSettings(
            bootstrap_servers=self.stack.bootstrap_servers,
            topic=self.topic,
            group_id=self.group,
            schema_registry_url=self.stack.env.get("SCHEMA_REGISTRY_URL"),
        )
        return Settings(kafka=kafka, clickhouse=self.clickhouse)

    def producer(self, **options: Any) -> Producer:
        """A producer to this road's topic, through the registry where the stack has one."""
        registry = {"schema_registry_url": self.stack.env.get("SCHEMA_REGISTRY_URL")}
        return Producer(self.stack.bootstrap_servers, topic=self.topic, **{**registry, **options})

    def raw_producer(self) -> RawProducer:
        """A producer of whatever bytes."""
        return RawProducer({"bootstrap.servers": self.stack.bootstrap_servers})

    def send(self, count: int, *, first: int = 0, zones: int = 30, **options: Any) -> None:
        """Publish `count` distinct values, by a producer with these options."""
        with self.producer(**options) as producer:
            for number in range(first, first + count):
                producer.send(load(f"Z{number % zones:02d}", number // zones, float(number)))

    @contextmanager
    def consumer(self, **environment: str) -> Iterator[ConsumerProcess]:
        """A running consumer; at the end it drains and must exit 0, unless the test ended it itself."""
        consumer = self.start_consumer(**environment)
        try:
            yield consumer
            # Before that it is still an interpreter that imports, and a signal just ends it.
            until(lambda: consumer.process.poll() is not None or "reading" in consumer.logged(), "it has come up")
            assert consumer.process.poll() is not None or consumer.terminate() == 0, consumer.logged()
        finally:
            if consumer.process.poll() is None:
                consumer.kill()

    def start_consumer(self, **environment: str) -> ConsumerProcess:
        """A running consumer that the caller ends."""
        log = self.folder / f"consumer-{uuid.uuid4().hex[:6]}.log"
        env = {
            **os.environ,
            **self.stack.env,
            "KAFKA_TOPIC": self.topic,
            "KAFKA_GROUP_ID": self.group,
            "KAFKA_OPTIONS": QUICK_GROUP,
            "CLICKHOUSE_DATABASE": self.name,
            "WATTNET_FLUSH_INTERVAL_S": "0.2",
            "WATTNET_LOG_LEVEL": "debug",
            **environment,
        }
        if "PYTHONPATH" in environment:  # Python itself has to begin in it
            with log.open("wb") as stderr:
                command = [sys.executable, "-m", "wattnet.cli", "consume"]
                return ConsumerProcess(subprocess.Popen(command, env=env, stderr=stderr), log)
        log.touch()
        return ConsumerProcess(WarmProcess(["consume"], env=env, stderr=log), log)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query in this road's database."""
        return [tuple(row) for row in self.client.query(query).result_rows]

    def one(self, query: str) -> Any:
        """The first value of the first row."""
        return self.sql(query)[0][0]

    def topic_id(self) -> str:
        """Today's id of the topic."""
        from confluent_kafka import TopicCollection

        return str(self.admin.describe_topics(TopicCollection([self.topic]))[self.topic].result(10).topic_id)

    def committed(self) -> list[TopicPartition]:
        """The group's commits, with their metadata. A broker that has just started does not know its groups yet."""
        places = [TopicPartition(self.topic, partition) for partition in range(self.partitions)]
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.probe.committed(places, timeout=10)
            except KafkaException as exc:
                if exc.args[0].code() not in COORDINATOR_MOVES or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def reset_offsets(self, offset: int) -> None:
        """Set every partition's commit, as an operator does with Kafka's own tools; nobody may be in the group."""
        self.reset_offsets_of(dict.fromkeys(range(self.partitions), offset))

    def reset_offsets_of(self, offsets: dict[int, int]) -> None:
        """The same for some partitions, to an offset each."""
        until(self._group_is_empty, "the group is empty")
        places = [TopicPartition(self.topic, partition, offset) for partition, offset in offsets.items()]
        request = ConsumerGroupTopicPartitions(self.group, places)
        self.admin.alter_consumer_group_offsets([request])[self.group].result(10)

    def commit(self, partition: int, offset: int, metadata: str = "") -> None:
        """A commit as a consumer that is gone left it; nobody may be in the group."""
        consumer = Consumer({"bootstrap.servers": self.stack.bootstrap_servers, "group.id": self.group})
        place = TopicPartition(self.topic, partition, offset, metadata=metadata)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    @contextmanager
    def member(self, **options: Any) -> Iterator[Consumer]:
        """A member of the group that is no `wattnet consume`: it commits nothing. Options as group_protocol=…."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.stack.bootstrap_servers,
                "group.id": self.group,
                "enable.auto.commit": False,
                **{name.replace("_", "."): value for name, value in options.items()},
            }
        )
        consumer.subscribe([self.topic])
        try:
            yield consumer
        finally:
            consumer.close()

    def delete_offsets(self) -> None:
        """Forget every commit, as Kafka does when a group was empty for offsets.retention.minutes."""
        until(self._group_is_empty, "the group is empty")
        self.admin.delete_consumer_groups([self.group])[self.group].result(10)

    def members(self) -> list[str]:
        """Who is in the group."""
        group = self.admin.describe_consumer_groups([self.group])[self.group].result(10)
        return [one.member_id for one in group.members]

    def _group_is_empty(self) -> bool:
        return not self.members()

    def released(self) -> int:
        """How many offsets are committed as stored, with nothing claimed behind them."""
        empty = (one for one in self.committed() if one.offset > 0 and '"messages":0' in (one.metadata or ""))
        return sum(one.offset for one in empty)

    def verdict(self) -> Verdict:
        """What `wattnet verify` says."""
        return verify(self.settings)

    def wait_stored(self, messages: int, timeout_s: float = 60) -> None:
        """Until the ledger counts so many messages, and the inserts that said so have written the other tables, too."""
        until(
            lambda: self.one("SELECT sum(messages) FROM ledger") >= messages, f"{messages} messages stored", timeout_s
        )
        saying_so = self._inserts()
        until(lambda: not saying_so & self._inserts(), "the inserts are done", timeout_s)

    def _inserts(self) -> set[str]:
        """Those that run: ClickHouse writes the ledger before some of the tables."""
        ours = "query_kind = 'Insert' AND current_database = currentDatabase()"
        return {str(id_) for (id_,) in self.sql(f"SELECT query_id FROM system.processes WHERE {ours}")}

    def assert_exact(self, messages: int, refused: int = 0) -> None:
        """Each message is stored once or a dead letter once; no physical double in any table, without FINAL."""
        good = messages - refused
        assert self.sql("SELECT count(), uniqExact(`partition`, `offset`) FROM metrics") == [(good, good)]
        assert self.sql("SELECT count(), uniqExact(`partition`, `offset`) FROM dead_letters") == [(refused, refused)]
        assert self.sql("SELECT sum(messages), sum(refused) FROM ledger") == [(messages, refused)]
        assert (
            self.one("SELECT count() - uniqExact(`partition`, claim_first, first_offset, last_offset) FROM ledger") == 0
        )
        assert self.one("SELECT uniqExact(series_id) FROM metrics") == self.one("SELECT count() FROM series FINAL")
        newest = "SELECT series_id, timestamp, rank, value, retracted FROM"
        by_search = "metrics ORDER BY series_id, timestamp DESC, rank DESC LIMIT 1 BY series_id"
        assert self.sql(f"{newest} newest FINAL ORDER BY series_id") == self.sql(f"{newest} {by_search}")
        verdict = self.verdict()
        assert verdict.ok, [str(problem) for problem in verdict.problems]
        assert (verdict.stored, verdict.refused, verdict.in_flight) == (messages, refused, 0)
