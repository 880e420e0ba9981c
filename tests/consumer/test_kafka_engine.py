"""ClickHouse's Kafka engine as the other feeder: switched on and off, nothing is lost and nothing is there twice."""

from __future__ import annotations

import io
import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from pydantic import SecretStr
from road import Road, load, until

from wattnet.clickhouse import ClickHouseSettings
from wattnet.consumer import (
    BatchSettings,
    ConfigurationError,
    KafkaSettings,
    Settings,
    examine,
    kafka_engine_off,
    kafka_engine_on,
    kafka_engine_status,
)
from wattnet.consumer import _kafka_engine as module
from wattnet.consumer._claim import Claim
from wattnet.consumer._engine_table import EngineTable, Handover
from wattnet.consumer._handover import Group, hand_back
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._recovery import Committed
from wattnet.producer import create_topic
from wattnet.schemas import METRIC_SCHEMA_JSON, confluent_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture
def road(registry_road: Road) -> Road:
    return registry_road


def quick(road: Road) -> Settings:
    """The road's settings, with blocks as short as the consumer's ranges in tests."""
    return road.settings.model_copy(update={"batch": BatchSettings(flush_interval_s=0.2)})


def on(road: Road, *, consumers: int = 1) -> None:
    status = kafka_engine_on(quick(road), consumers=consumers)
    assert (status.state, status.problems) == ("on", ())


def off(road: Road) -> None:
    status = kafka_engine_off(quick(road))
    assert (status.state, status.members, status.partitions) == ("off", 0, ())


def assert_each_once(road: Road, messages: int, *, by_engine: int | None = None) -> None:
    """Every message has one row, whoever stored it, and `verify` agrees."""
    rows = "SELECT count(), uniqExact(`partition`, `offset`) FROM metrics"
    until(lambda: road.one(rows) >= messages, "the rows are there too: the ledger is the first to know")
    assert road.sql(rows) == [(messages, messages)]
    assert road.one("SELECT sum(messages) FROM ledger") == messages
    verdict = road.verdict()
    assert verdict.ok, [str(problem) for problem in verdict.problems]
    assert (verdict.stored + verdict.by_engine, verdict.untraced, verdict.in_flight) == (messages, 0, 0)
    assert by_engine is None or verdict.by_engine == by_engine


@contextmanager
def flowing(road: Road) -> Iterator[list[int]]:
    """Messages flow meanwhile; the list's only item counts those that were sent."""
    sent, stop = [0], threading.Event()

    def send() -> None:
        with road.producer() as producer:
            while not stop.is_set():
                producer.send(load(f"Z{sent[0] % 30:02d}", sent[0] // 30, float(sent[0])))
                sent[0] += 1
                time.sleep(0.0005)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def grows(road: Road, rows: str) -> None:
    """Until more of these rows of the ledger are there than now."""
    count = f"SELECT sum(messages) FROM ledger WHERE {rows}"
    before = road.one(count)
    until(lambda: road.one(count) > before, f"more is stored where {rows}")


def test_switched_on_and_off_while_messages_flow_nothing_is_lost_or_doubled(road: Road) -> None:
    with flowing(road) as sent:
        on(road)  # a topic that nobody has read
        grows(road, "topic_id = ''")
        off(road)
        with road.consumer():
            grows(road, "topic_id != ''")
        on(road, consumers=2)
        grows(road, "topic_id = ''")
        off(road)
    with road.consumer():
        road.wait_stored(sent[0])
    assert_each_once(road, sent[0])
    assert road.one("SELECT count() FROM ledger WHERE claim_messages = 0 AND topic_id != ''") > 0
    assert "more came from the Kafka engine, which stores at least once" in str(road.verdict())


def test_while_it_is_on_verify_and_status_count_what_it_stored(road: Road) -> None:
    road.send(300)
    with road.consumer():
        until(lambda: road.released() == 300, "all of it is released")
    on(road)
    road.send(599, first=300)
    with road.producer() as producer:
        producer.send(load("ES", 0, 1.0))
        producer.wait_visible(60, group_id=road.group)
    assert road.one("SELECT sum(messages) FROM ledger") == 900, "the engine's commits count as a consumer's do"
    assert_each_once(road, 900, by_engine=600)
    until(lambda: kafka_engine_status(road.settings).lag == 0, "it has committed")
    status = kafka_engine_status(road.settings)
    assert status.problems == ()
    assert sum(one.stored for one in status.partitions) == 600
    assert sum(one.next - one.first for one in status.partitions) == 600
    assert kafka_engine_on(quick(road)).state == "on", "a second `on` is none"
    assert [one.severity for one in examine(road.settings) if one.name == "feeder"] == ["note"]


def test_bad_records_are_dead_letters_with_their_bytes_and_old_schemas_get_their_defaults(road: Road) -> None:
    today = json.loads(METRIC_SCHEMA_JSON)
    old = {**today, "fields": today["fields"][:5]}
    registry = SchemaRegistryClient({"url": road.stack.env["SCHEMA_REGISTRY_URL"]})
    schema_id = registry.register_schema(f"{road.topic}-old", Schema(json.dumps(old), "AVRO"))
    good = confluent_header(schema_id) + encoded(old)
    bad = {b"junk": "magic byte", good[:-3]: "EOF", confluent_header(999_999) + b"any": "schema id = 999999"}
    on(road)
    raw = road.raw_producer()
    for value in (good, *bad, b"", None):
        raw.produce(road.topic, value, key=b"\xffkey", headers={"sent-by": b"hand"}, partition=1)
    raw.flush()
    road.wait_stored(4)
    # The views are filled one after the other, and offsets are committed after the last.
    until(lambda: kafka_engine_status(road.settings).lag == 0, "it has committed")
    rows = road.sql("SELECT valid, zone_status, data_state, attributes, topic_id FROM metrics")
    assert rows == [(True, "complete", "", "", "")]
    letters = road.sql("SELECT hex(raw), reason, detail, hex(key), headers['sent-by'] FROM dead_letters")
    assert {bytes.fromhex(raw) for raw, *_ in letters} == set(bad)
    for value, reason, detail, key, header in letters:
        assert (reason, bytes.fromhex(key), header) == ("cannot be decoded", b"\xffkey", "hand")
        assert bad[bytes.fromhex(value)] in detail
    off(road)
    verdict = road.verdict()
    assert verdict.ok
    assert (verdict.by_engine, verdict.untraced, verdict.in_flight) == (4, 2, 0), "the empty ones left no trace"


def encoded(schema: dict[str, Any]) -> bytes:
    """A record of that schema."""
    metric = load("OLD", 0, 1.5)
    record = {**{name: getattr(metric, name) for name in ("name", "value", "timestamp")}, "labels": dict(metric.labels)}
    stream = io.BytesIO()
    fastavro.schemaless_writer(
        stream, fastavro.parse_schema(schema), {**record, "knowledge_time": time.time_ns() // 1000}
    )
    return stream.getvalue()


def test_it_is_not_switched_on_beside_consumers(road: Road) -> None:
    with road.consumer():
        until(lambda: kafka_engine_status(road.settings).consumers == 1, "the consumer has joined")
        with pytest.raises(ConfigurationError, match="1 consumers are in group"):
            kafka_engine_on(quick(road))
    assert kafka_engine_status(road.settings).state == "off"


def test_it_is_not_switched_on_over_a_claim_that_may_not_be_stored(road: Road) -> None:
    road.send(300)
    group = Group(KafkaQuestions(road.settings.kafka), road.settings.kafka, road.group)
    group.commit({2: Claim(road.topic_id(), 0, 10, 10, 0)})
    with pytest.raises(ConfigurationError, match=r"partition 2: \[0, 10\) .* start `wattnet consume`"):
        kafka_engine_on(quick(road))
    with road.consumer():
        until(lambda: road.released() == 300, "all of it is released")
    on(road)
    off(road)
    assert_each_once(road, 300, by_engine=0)


def test_without_a_registry_it_says_what_to_set(road: Road) -> None:
    settings = quick(road)
    kafka = settings.kafka.model_copy(update={"schema_registry_url": None})
    with pytest.raises(ConfigurationError, match="SCHEMA_REGISTRY_URL"):
        kafka_engine_on(settings.model_copy(update={"kafka": kafka}))


def test_on_a_cluster_it_is_refused_before_anything_is_asked() -> None:
    nobody = ClickHouseSettings(host="127.0.0.1", port=9, cluster="grid")
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:9", schema_registry_url="http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match=r"CLICKHOUSE_CLUSTER is 'grid'.* Run `wattnet consume` there"):
        kafka_engine_on(Settings(clickhouse=nobody, kafka=kafka))


class InterruptedHereError(Exception):
    """The command was killed here."""


def interrupted(*_: object, **__: object) -> None:
    raise InterruptedHereError


def test_an_off_that_is_interrupted_at_any_step_is_finished_by_another(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = 0
    for place, step in ((module, "record"), (module, "hand_back"), (EngineTable, "forget")):
        on(road)
        road.send(300, first=sent)
        sent += 300
        road.wait_stored(sent)
        with monkeypatch.context() as broken:
            broken.setattr(place, step, interrupted)
            with pytest.raises(InterruptedHereError):
                kafka_engine_off(quick(road))
        assert kafka_engine_status(road.settings).state == "half"
        with pytest.raises(ConfigurationError, match="interrupted"):
            kafka_engine_on(quick(road))
        off(road)
    road.send(300, first=sent)
    with road.consumer():
        until(lambda: road.released() == sent + 300, "all of it is released")
    assert_each_once(road, sent + 300, by_engine=sent)


def test_an_on_that_is_interrupted_is_finished_or_taken_back(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then the commits alone keep consumers away."""
    road.send(300)
    with monkeypatch.context() as broken:
        broken.setattr(EngineTable, "begin", interrupted)
        with pytest.raises(InterruptedHereError):
            kafka_engine_on(quick(road))
        consumer = road.start_consumer()
        assert consumer.process.wait(60) == 70
        assert "a consumer beside it would double everything" in consumer.logged()
        off(road)
        assert "feeder" not in str(road.committed()[0].metadata)
        with pytest.raises(InterruptedHereError):
            kafka_engine_on(quick(road))
    on(road)
    road.wait_stored(300)
    consumer = road.start_consumer()
    assert consumer.process.wait(60) == 78, "now there is the view too"
    assert "wattnet kafka-engine off" in consumer.logged()
    off(road)
    assert_each_once(road, 300, by_engine=300)


def test_a_topic_made_again_under_it_is_read_from_its_beginning(road: Road) -> None:
    road.send(300)
    on(road)
    road.wait_stored(300)
    road.admin.delete_topics([road.topic])[road.topic].result(30)
    off(road)
    create_topic(road.stack.bootstrap_servers, road.topic, partitions=road.partitions)
    road.send(200)
    with road.consumer():
        until(lambda: road.released() == 200, "all of it is released")
    verdict = road.verdict()
    assert verdict.stored == 200


def test_no_error_of_its_table_shows_a_secret(road: Road) -> None:
    kafka = KafkaSettings(
        topic=road.topic,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="u",
        sasl_password=SecretStr("s3cret-Pa'ss"),
        schema_registry_url="http://me:s3cret-Url@127.0.0.1:9",
    )
    settings = quick(road).model_copy(update={"kafka": kafka})
    with pytest.raises(ConfigurationError, match="number of consumers") as caught:
        EngineTable(road.client).create(settings, group_id="g", consumers=1_000)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    EngineTable(road.client).create(settings, group_id="g", consumers=1)
    shown = road.one("SHOW CREATE TABLE kafka_engine")
    assert "s3cret" not in shown
    assert "kafka_sasl_username = 'u'" in shown
    assert "http://me:[HIDDEN]@127.0.0.1:9" in shown


class GroupWithCommits:
    """The consumers' group, as Kafka would answer for it."""

    def __init__(self, commits: dict[int, Committed]) -> None:
        self._commits = commits
        self.written: dict[int, Claim] = {}

    def commits(self) -> dict[int, Committed]:
        return self._commits

    def commit(self, claims: Mapping[int, Claim]) -> None:
        self.written = dict(claims)


def test_what_consumers_committed_meanwhile_is_left_alone() -> None:
    """An `off` that is run again after they went on must not send them back."""
    ours = Claim("id", 10, 10, 0, 5, "kafka-engine")
    group = GroupWithCommits(
        {0: Committed(10, ours), 1: Committed(70, Claim.nothing("id", 70, 5)), 2: Committed(3, None)}
    )
    handover = Handover("topic", "id", dict.fromkeys(range(4), (10, 5)))
    hand_back(group, handover, dict.fromkeys(range(4), (10, 50)))
    assert group.written == {0: Claim.nothing("id", 50, 5), 3: Claim.nothing("id", 50, 5)}
