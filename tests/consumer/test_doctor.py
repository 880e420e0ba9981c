"""`examine` names what is wrong and what to do, on a stack in which it really is wrong; at its start a consumer too."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_proxy import INSERT, Refusal
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does not list what it exports
    AclOperation,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from pydantic import SecretStr
from road import until

from wattnet.clickhouse import migrate_down
from wattnet.consumer import (
    ConfigurationError,
    Finding,
    Settings,
    _doctor_clickhouse,
    _doctor_host,
    _kafka_questions,
    examine,
)
from wattnet.consumer._access import require_access
from wattnet.consumer._claim import Claim
from wattnet.consumer._kafka_questions import KafkaQuestions

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_proxy import ClickHouseProxy
    from road import Road

DENIED = (497, "ACCESS_DENIED")
# What a user sees that may insert into metrics_ingest and read the ledger, and nothing else.
OWN_TABLES = ("metrics_ingest", "ledger")
FEW_RIGHTS = ("SELECT version()", "FROM system.settings", "FROM ledger", "system.columns", "system.merge_tree_settings")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not answer is given up after a second."""
    monkeypatch.setattr(_kafka_questions, "require_access", partial(require_access, timeout_s=1))


def changed(road: Road, **groups: dict[str, Any]) -> Settings:
    """The road's settings, with some of a group's fields replaced."""
    settings = road.settings
    return settings.model_copy(
        update={name: getattr(settings, name).model_copy(update=fields) for name, fields in groups.items()}
    )


def through(road: Road, proxy: ClickHouseProxy) -> Settings:
    """The road's settings, with ClickHouse behind the proxy."""
    return changed(road, clickhouse={"port": int(proxy.env["CLICKHOUSE_PORT"]), "host": "127.0.0.1"})


def few_rights(statement: str, visible: tuple[str, ...] = OWN_TABLES) -> str | Refusal:
    """What ClickHouse does for a user with the rights of a consumer only."""
    if "FROM system.tables" in statement:
        return statement.replace("FROM system.tables", f"FROM (SELECT * FROM system.tables WHERE name IN {visible})")
    if statement == INSERT or any(known in statement for known in FEW_RIGHTS):
        return statement
    return Refusal(*DENIED)


def only(findings: tuple[Finding, ...], name: str) -> Finding:
    (found,) = [one for one in findings if one.name == name]
    return found


def set_topic(road: Road, **options: str) -> None:
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in options.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, road.topic, incremental_configs=entries)
    futures = road.admin.incremental_alter_configs([resource])
    futures[resource].result(10)


def test_on_a_healthy_stack_nothing_is_fatal_and_each_thing_is_looked_at(road: Road) -> None:
    findings = examine(road.settings)
    assert [str(one) for one in findings if one.severity in ("fatal", "warning")] == []
    assert {one.name for one in findings} == {
        "versions", "memory", "kafka", "topic", "cleanup", "copies", "retention", "timestamps", "newest message",
        "group", "clickhouse", "clocks", "migrations", "deduplication", "rights", "ledger", "feeder", "disk",
        "ClickHouse's memory", "parts", "KAFKA_OPTIONS", "brokers' clocks", "lag", "lag against retention",
        "dead letters", "breakers", "other groups",
    }  # fmt: skip
    assert all(one.exit_code == 0 for one in findings)
    assert "3 partitions" in only(findings, "topic").seen


def test_what_a_consumer_asks_at_its_start_is_quick_and_stores_nothing(road: Road) -> None:
    fastest_s = 9.0
    for _ in range(5):
        started_s = time.perf_counter()
        assert examine(road.settings, only_fatal=True) == ()
        fastest_s = min(fastest_s, time.perf_counter() - started_s)
    assert fastest_s < 1, "0.07 s at best, 0.08 s in the median where it was measured, connecting included"
    assert (
        road.sql("SELECT table FROM system.parts WHERE database = currentDatabase() AND table != 'schema_versions'")
        == []
    )


def break_compaction(road: Road) -> Settings:
    set_topic(road, cleanup_policy="compact,delete")
    return road.settings


def break_migrations(road: Road) -> Settings:
    migrate_down(road.clickhouse)
    return road.settings


def break_view(road: Road) -> Settings:
    road.client.command("DROP VIEW ingest_to_series")
    return road.settings


def break_target(road: Road) -> Settings:
    road.client.command("DROP TABLE metrics SYNC")
    return road.settings


def break_window(road: Road) -> Settings:
    road.client.command("ALTER TABLE metrics MODIFY SETTING non_replicated_deduplication_window = 0")
    return road.settings


def forget_window(road: Road) -> Settings:
    """ClickHouse's default is none."""
    road.client.command("ALTER TABLE ledger RESET SETTING non_replicated_deduplication_window")
    return road.settings


@pytest.mark.parametrize(
    ("wrong", "name", "seen", "remedy"),
    [
        (partial(changed, kafka={"topic": "nothing-here"}), "topic", "no topic 'nothing-here'", "wattnet init"),
        (partial(changed, kafka={"topic": "no topic"}), "kafka", "Invalid topic", "KAFKA_"),
        (partial(changed, kafka={"options": {"ssl.no.such": 1}}), "KAFKA_OPTIONS", "ssl.no.such", "KAFKA_"),
        (partial(changed, kafka={"options": {"enable.auto.commit": True}}), "KAFKA_OPTIONS", "auto.commit", "KAFKA_"),
        (break_compaction, "cleanup", "compact", "cleanup.policy=delete"),
        (partial(changed, clickhouse={"database": "nothing"}), "database", "no database", "wattnet migrate up"),
        (
            partial(changed, clickhouse={"database": "system"}),
            "tables",
            "no table metrics_ingest",
            "wattnet migrate up",
        ),
        (break_migrations, "migrations", "pending", "wattnet migrate up"),
        (break_view, "tables", "ingest_to_series of database", "migration"),
        (break_target, "tables", "metrics of database", "migration"),
        (break_window, "deduplication", "metrics has no", "ALTER TABLE metrics"),
        (forget_window, "deduplication", "ledger has no", "ALTER TABLE ledger"),
    ],
)
def test_what_is_wrong_for_good_is_fatal(
    road: Road, wrong: Callable[[Road], Settings], name: str, seen: str, remedy: str
) -> None:
    """Exit code 78, what is seen and what to do; the same at a consumer's start."""
    assert examine(road.settings, only_fatal=True) == (), "all was well before"
    settings = wrong(road)
    for only_fatal in (True, False):
        found = next(one for one in examine(settings, only_fatal=only_fatal) if one.severity == "fatal")
        assert (found.name, found.exit_code) == (name, 78)
        assert seen in found.seen
        assert remedy in found.remedy + found.seen


def test_services_that_are_away_are_fatal_with_69(road: Road) -> None:
    settings = changed(road, kafka={"bootstrap_servers": "127.0.0.1:1"}, clickhouse={"port": 1})
    for only_fatal in (True, False):
        findings = [one for one in examine(settings, only_fatal=only_fatal) if one.severity == "fatal"]
        assert [(one.name, one.exit_code) for one in findings] == [("kafka", 69), ("clickhouse", 69)]
        assert "KAFKA_BOOTSTRAP_SERVERS" in findings[0].remedy
        assert "CLICKHOUSE_HOST" in findings[1].remedy


def test_a_clickhouse_that_goes_away_in_the_midst_is_said_once(road: Road, proxy: ClickHouseProxy) -> None:
    away = ExitStack()

    def gone(statement: str) -> str:
        if "system.tables" in statement and not proxy.turned_away:
            away.enter_context(proxy.away())
        return statement

    with away, proxy.ruled(gone):
        findings = examine(through(road, proxy))
    assert proxy.turned_away > 0, "the fault took place"
    assert [one.exit_code for one in findings if one.severity == "fatal"] == [69]


@pytest.mark.parametrize("visible", [OWN_TABLES, (*OWN_TABLES, "schema_versions")])
def test_a_user_with_few_rights_consumes_and_is_not_judged_for_the_rest(
    road: Road, proxy: ClickHouseProxy, visible: tuple[str, ...]
) -> None:
    with proxy.ruled(partial(few_rights, visible=visible)):
        assert examine(through(road, proxy), only_fatal=True) == ()
        findings = examine(through(road, proxy))
    assert [str(one) for one in findings if one.severity in ("fatal", "warning")] == []
    for name in ("migrations", "disk", "parts"):
        assert (only(findings, name).severity, only(findings, name).exit_code) == ("unseen", 1)
        assert "not looked at" in only(findings, name).seen
    assert only(findings, "deduplication").seen.endswith("in ledger")


def test_a_user_with_few_rights_sees_what_is_wrong_with_its_own_tables(road: Road, proxy: ClickHouseProxy) -> None:
    forget_window(road)
    with proxy.ruled(few_rights):
        (found,) = examine(through(road, proxy), only_fatal=True)
        assert found.seen.startswith("ledger has no deduplication window")
        road.client.command("DROP TABLE ingest_to_ledger, ingest_to_dead_letters, ingest_to_series, ingest_to_metrics")
        road.client.command("DROP TABLE metrics_ingest")
        road.client.command("CREATE TABLE metrics_ingest (topic String, frame_end FixedString(4)) ENGINE = Null")
        lacks = next(one for one in examine(through(road, proxy), only_fatal=True) if one.name == "tables")
    assert (lacks.exit_code, "topic_id" in lacks.seen, " topic," in lacks.seen) == (78, True, False)


@pytest.mark.parametrize(
    ("denied", "name", "grant"),
    [
        (INSERT, "rights", "GRANT INSERT, SELECT ON {}.metrics_ingest TO default"),
        ("FROM ledger", "ledger", "GRANT SELECT ON {}.ledger TO default"),
    ],
)
def test_a_missing_right_is_fatal_and_the_grant_is_said(
    road: Road, proxy: ClickHouseProxy, denied: str, name: str, grant: str
) -> None:
    with proxy.ruled(lambda statement: Refusal(*DENIED) if denied in statement else few_rights(statement)):
        (found,) = examine(through(road, proxy), only_fatal=True)
    assert (found.name, found.exit_code, found.remedy) == (name, 78, grant.format(road.name))


def test_a_user_that_may_only_read_is_fatal_and_a_refusal_that_passes_is_not(
    road: Road, proxy: ClickHouseProxy
) -> None:
    def refusing(*error: Any) -> Callable[[str], str | Refusal]:
        return lambda statement: Refusal(*error) if statement == INSERT else statement

    with proxy.ruled(refusing(164, "READONLY")):
        (found,) = examine(through(road, proxy), only_fatal=True)
        assert (found.name, found.exit_code) == ("inserts", 78)
    with proxy.ruled(refusing(241, "MEMORY_LIMIT_EXCEEDED")):
        assert examine(through(road, proxy), only_fatal=True) == ()
        assert only(examine(through(road, proxy)), "inserts").severity == "warning"


def test_rights_in_kafka_are_judged_where_kafka_says_them(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in: the brokers of the tests give everything to everybody."""
    asked = KafkaQuestions.topic

    def unreadable(self: KafkaQuestions, name: str) -> Any:
        topic = asked(self, name)
        assert topic is not None
        assert AclOperation.READ in topic.authorized_operations, "brokers say it"
        topic.authorized_operations = [AclOperation.DESCRIBE]
        return topic

    def secret(self: KafkaQuestions, name: str) -> dict[str, str]:
        raise ConfigurationError("Kafka does not describe options: Topic authorization failed")

    monkeypatch.setattr(KafkaQuestions, "topic_options", secret)
    assert examine(road.settings, only_fatal=True) == (), "no right is needed to see the options"
    assert "not looked at" in only(examine(road.settings), "topic's options").seen
    monkeypatch.setattr(KafkaQuestions, "topic", unreadable)
    (found,) = examine(road.settings, only_fatal=True)
    assert (found.exit_code, "may not read" in found.seen) == (78, True)


def test_a_topic_that_will_hurt_some_day_is_warned_of(road: Road) -> None:
    set_topic(road, retention_ms="3600000", message_timestamp_type="LogAppendTime", min_insync_replicas="1")
    findings = examine(road.settings)
    assert only(findings, "retention").severity == "warning"
    assert "60 minutes" in only(findings, "retention").seen
    assert only(findings, "timestamps").severity == "note"
    set_topic(road, retention_ms="-1", retention_bytes="1000000")
    assert "kept for ever, or until a partition has 1,000,000 bytes" in only(examine(road.settings), "retention").seen


def test_a_clock_that_is_ahead_is_warned_of(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = road.raw_producer()
    raw.produce(road.topic, b"x", timestamp=int(time.time() * 1000) + 30 * 60_000)
    raw.flush()
    newest = only(examine(road.settings), "newest message")
    assert (newest.severity, "30 minutes in the future" in newest.seen) == ("warning", True)

    class LateClock:
        time = staticmethod(lambda: time.time() + 7200)

    monkeypatch.setattr(_doctor_clickhouse, "time", LateClock)
    clocks = only(examine(road.settings), "clocks")
    assert clocks.severity == "warning"
    assert "ClickHouse's clock is 7,200" in clocks.seen.replace("7,199", "7,200")
    assert "behind this machine's" in clocks.seen


def test_the_group_is_looked_at(road: Road) -> None:
    """Commits of another topic, commits that Kafka's messages do not reach back to, more members than partitions."""
    raw = road.raw_producer()
    for partition in (0, 1):
        for number in range(9):
            raw.produce(road.topic, b"%d" % number, partition=partition)
    raw.flush()
    road.commit(0, 2)
    road.commit(1, 4, Claim("another", 4, 6, 2, 0).metadata())
    place = TopicPartition(road.topic, 0, 6)
    road.admin.delete_records([place])[place].result(10)
    commits = {one.severity: one.seen for one in examine(road.settings) if one.name == "commits"}
    assert "4 offsets behind the commits of partitions [0]" in commits["warning"]
    assert "partitions [1] are of a topic that was deleted" in commits["note"]
    with ExitStack() as stack:
        members = [stack.enter_context(road.member(group_protocol="consumer")) for _ in range(4)]
        until(
            lambda: sorted(len(one.assignment()) for one in members if one.poll(0.02) is None) == [0, 1, 1, 1], "joined"
        )
        group = only(examine(road.settings), "group")
    assert (group.severity, group.remedy) == ("warning", "run at most 3")
    assert "4 members share 3 partitions: 1 have nothing to do" in group.seen


def test_disks_memory_and_parts_are_looked_at(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """With limits under which any disk is full, any memory used up and any table in pieces."""
    monkeypatch.setattr(_doctor_clickhouse, "LOW_DISK_SHARE", 1.0)
    monkeypatch.setattr(_doctor_clickhouse, "HIGH_MEMORY_SHARE", 0.0)
    monkeypatch.setattr(_doctor_clickhouse, "MANY_PARTS", 1)
    monkeypatch.setattr(_doctor_host, "memory_limit_bytes", lambda: 1 << 28)
    findings = examine(road.settings)
    for name in ("disk", "ClickHouse's memory", "parts", "memory"):
        assert only(findings, name).severity == "warning"
        assert only(findings, name).remedy
    assert "of this machine's 256" in only(findings, "memory").seen


def test_no_secret_is_in_what_is_found(road: Road, proxy: ClickHouseProxy) -> None:
    """Neither where all is well nor where a service is away or refuses."""
    secrets = ("hunter2", "s3cr3t", "pa55word")
    kafka = road.settings.kafka.model_validate(
        {
            "bootstrap_servers": "127.0.0.1:1",
            "options": {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "u",
                        "sasl.password": secrets[0]},
            "schema_registry_url": f"http://u:{secrets[1]}@127.0.0.1:1/apis",
        }
    )  # fmt: skip
    clickhouse = through(road, proxy).clickhouse.model_copy(update={"password": SecretStr(secrets[2])})
    settings = Settings(kafka=kafka, clickhouse=clickhouse)
    with proxy.ruled(few_rights):
        text = str(examine(settings))
    with proxy.ruled(lambda _: Refusal(516, "AUTHENTICATION_FAILED")):
        text += str(examine(settings))
    assert "AUTHENTICATION_FAILED" in text
    assert "127.0.0.1:1/apis does not answer" in text
    assert [secret for secret in secrets if secret in text] == []
