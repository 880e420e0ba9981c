"""Least rights: what the roles of grants.sql may do is enough, and what they may not the engine itself refuses."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_with_users import clickhouse_with_users
from grafana.expansion import expanded, queries
from road import until

from wattnet.clickhouse import (
    ClickHouseSettings,
    MigrationError,
    migrate_down,
    migrate_up,
    migration_status,
    require_migrated,
)
from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client as Driver
    from command import Command
    from road import Road

pytestmark = pytest.mark.services

GRANTS = Path(str(files("wattnet.clickhouse") / "grants.sql"))
ACCESS_DENIED = 497


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clickhouse_with_users(tmp_path_factory.mktemp("users"), GRANTS) as url:
        migrate_up(ClickHouseSettings.from_url(url))
        yield url


def settings(url: str, user: str) -> ClickHouseSettings:
    return ClickHouseSettings.from_url(url.replace("://", f"://{user}@"))


@pytest.fixture
def ask(url: str) -> Iterator[dict[str, Driver]]:
    """A connection for each role."""
    roles = re.findall(r"CREATE ROLE IF NOT EXISTS (\w+)", GRANTS.read_text())
    clients = {
        role: clickhouse_connect.get_client(dsn=f"{url}/wattnet", username=role, autogenerate_session_id=False)
        for role in (*roles, "default")
    }
    yield clients
    for client in clients.values():
        client.close()


def test_the_script_is_sql(ask: dict[str, Driver]) -> None:
    """Each of its statements is parsed by the engine (which here has no place to store roles)."""
    script = re.sub(r"^--.*$", "", GRANTS.read_text(), flags=re.MULTILINE)
    statements = [one.strip() for one in script.split(";") if one.strip()]
    assert len(statements) > 10
    for statement in statements:
        ask["default"].query(f"EXPLAIN AST {statement}")


def test_a_consumer_needs_no_more_than_its_role(road: Road, wattnet: Command, url: str, ask: dict[str, Driver]) -> None:
    """Good and bad messages, a restart on the ledger, and the operator's proof: each as a user of its own role."""
    road.send(300)
    raw = road.raw_producer()
    raw.produce(road.topic, b"hello, world", partition=0)
    raw.flush()
    env = {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_PORT": str(urlsplit(url).port),
        "WATTNET_FLUSH_INTERVAL_S": "0.2",
    }
    admin = ask["default"]

    def stored() -> int:
        return int(admin.command(f"SELECT sum(messages) FROM ledger WHERE topic = '{road.topic}'"))  # type: ignore[arg-type]  # one number

    for expected in (301, 401):
        consumer = wattnet.consumer({**env, "CLICKHOUSE_USER": "wattnet_consumer"})
        until(lambda wanted=expected: stored() == wanted, f"{expected} stored")  # type: ignore[misc]  # its default
        assert consumer.terminate() == 0, consumer.logged()
        assert "ACCESS_DENIED" not in consumer.logged()
        road.send(100, first=300)
    assert admin.query("SELECT count() FROM dead_letters").result_rows == [(1,)]
    done = wattnet("verify", env={**env, "CLICKHOUSE_USER": "wattnet_auditor"})
    assert "exactly once (401 messages, 1 of them as dead letters" in done.stdout, done.stderr
    done = wattnet(
        "dead-letters", "purge", "--pending-too", "--yes", env={**env, "CLICKHOUSE_USER": "wattnet_operator"}
    )
    assert done.returncode == 0, done.stderr
    assert admin.query("SELECT count() FROM dead_letters").result_rows == [(0,)]
    with Client(url, user="wattnet_reader") as client:
        assert len(client.metrics("zone_load", zone="Z00", start="2025-03-01T00:00Z").to_list()) > 3
        assert len(client.latest("zone_load", zone="Z00").to_list()) == 1


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("wattnet_consumer", "SELECT value FROM metrics"),
        ("wattnet_consumer", "SELECT labels FROM series"),
        ("wattnet_consumer", "SELECT raw FROM dead_letters"),
        ("wattnet_consumer", "INSERT INTO ledger SELECT * FROM ledger"),
        ("wattnet_consumer", "INSERT INTO metrics (value) SELECT 1"),
        ("wattnet_consumer", "DROP TABLE metrics"),
        ("wattnet_consumer", "CREATE TABLE mine (a Int8) ENGINE = Memory"),
        ("wattnet_consumer", "SELECT * FROM schema_versions"),
        ("wattnet_consumer_metrics", "SELECT raw FROM dead_letters"),
        ("wattnet_reader", "SELECT raw FROM dead_letters"),
        ("wattnet_reader", "INSERT INTO metrics_ingest (name) SELECT 'x'"),
        ("wattnet_auditor", "INSERT INTO metrics_ingest (name) SELECT 'x'"),
        ("wattnet_auditor", "ALTER TABLE ledger DELETE WHERE true"),
        ("wattnet_operator", "ALTER TABLE metrics DELETE WHERE true"),
        ("wattnet_operator", "INSERT INTO metrics_ingest (name) SELECT 'x'"),
        ("wattnet_migrator", "CREATE DATABASE another"),
    ],
)
def test_what_a_role_is_not_for_is_refused(ask: dict[str, Driver], role: str, statement: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        ask[role].command(statement)
    assert refused.value.code == ACCESS_DENIED


def test_optional_rights_show_reasons_and_no_bytes(ask: dict[str, Driver]) -> None:
    ask["wattnet_consumer_metrics"].query("SELECT topic, topic_id, `partition`, `offset`, reason FROM dead_letters")
    ask["wattnet_consumer_metrics"].query("SELECT max(last_knowledge_time) FROM series")


def test_tables_that_are_not_all_there_are_seen_by_a_consumer_too(url: str) -> None:
    """It may not read which migrations were applied; it sees what hangs on the table that it inserts into."""
    everything, consumer = settings(url, "default"), settings(url, "wattnet_consumer")
    require_migrated(consumer)
    later_than_ledger = [one for one in migration_status(everything) if one.version > 4]
    migrate_down(everything, steps=len(later_than_ledger))
    try:
        with pytest.raises(MigrationError, match="run `wattnet migrate up`"):
            require_migrated(consumer)
    finally:
        migrate_up(everything)
    require_migrated(consumer)


def test_the_migrator_can_make_and_take_back_everything(url: str) -> None:
    migrator = settings(url, "wattnet_migrator")
    assert migrate_down(migrator, steps=100)
    assert migrate_up(migrator)
    require_migrated(migrator)


def test_a_reader_may_ask_all_that_grafana_asks(ask: dict[str, Driver]) -> None:
    """Each query of the boards and alert rules; what they find here does not matter."""
    end = datetime.now(timezone.utc)
    variables = {name: ["2022-01-03 00:00:00"] for name in ("zone", "datasource", "scope", "name", "as_of")}
    asked = [expanded(one.sql, end - timedelta(days=7), end, variables=variables) for one in queries()]
    assert len(asked) > 40
    for sql in asked:
        ask["wattnet_reader"].query(sql)
