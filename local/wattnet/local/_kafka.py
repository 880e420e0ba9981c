"""Apache Kafka as one KRaft node (broker and controller), tuned to be small and to come back fast after a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.local._downloads import java
from wattnet.local._kafka_format import format_folder
from wattnet.local._ports import HOST, is_open
from wattnet.local._service import Command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Small heap, the quick compiler only: this broker starts often and lives beside everything else on a laptop.
JVM = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    # Java 25 warns at every start of what Kafka's libraries do.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
]

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
# Relative to the working folder, so that no character of the data folder's path needs quoting here.
log.dirs=data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=200
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
# The default makes a restart after SIGKILL take 12 s instead of 3 s.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# Without records that only say that nothing happened: idle, a broker takes two thirds of the processor time.
metadata.max.idle.interval.ms=0
# The default takes 128 MB of heap.
log.cleaner.dedupe.buffer.size=4194304
log.index.size.max.bytes=1048576
"""


class Kafka:
    """The broker on `port`, its controller on `controller_port`, its data in `folder`."""

    name = "Apache Kafka"

    def __init__(
        self, folder: Path, *, programs: Path, port: int, controller_port: int, jvm: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        self._port = port
        self._controller_port = controller_port
        class_path = ":".join(str(jar) for jar in sorted(programs.glob("*.jar")))
        self._java = [java(), *JVM, *jvm, "-cp", class_path]
        self._formatted = programs / "formatted"

    @property
    def ports(self) -> tuple[int, ...]:
        return self._port, self._controller_port

    @property
    def bootstrap_servers(self) -> str:
        """Its address, as clients take it."""
        return f"{HOST}:{self._port}"

    def command(self) -> Command:
        self._folder.mkdir(exist_ok=True)
        (self._folder / "server.properties").write_text(
            PROPERTIES.format(host=HOST, port=self._port, controller_port=self._controller_port)
        )
        if not (self._folder / "data" / "meta.properties").exists():
            format_folder(self._java, self._folder, like=self._formatted)
        return Command([*self._java, "kafka.Kafka", "server.properties"], folder=self._folder)

    def ready(self) -> bool:
        # The cheap question first: librdkafka takes a while to see that a refused port has opened.
        return is_open(self._port) and _serves(self.bootstrap_servers)


def _serves(bootstrap_servers: str) -> bool:
    """Whether every partition answers. For a moment after a restart a broker refuses partitions that it leads."""
    from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one only since Python 3.11

    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it exports without saying

    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        cluster = admin.list_topics(timeout=1)
        newest = {
            TopicPartition(name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it has no types
            for name, topic in cluster.topics.items()
            for number in topic.partitions
        }
        for offsets in (admin.list_offsets(newest, request_timeout=1) if newest else {}).values():
            offsets.result(2)
        return bool(cluster.brokers)
    except (KafkaException, FutureTimeoutError):
        return False
