"""The stack of docker-compose.yml without Docker: its commands, users and settings, on the embedded services."""

from __future__ import annotations

import runpy
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_with_users import clickhouse_with_users
from compose_file import ROOT, services
from dotenv import dotenv_values
from shell import Shell

from wattnet.cli._demo import _road
from wattnet.clickhouse import ClickHouseSettings, migrate_up
from wattnet.examples import us_grid_2022
from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command import Command
    from road import Road

pytestmark = pytest.mark.services

USERS = ROOT / "deploy/clickhouse/users.d/wattnet.xml"
METRICS = 1_000
ACCESS_DENIED = 497
CONSTRAINT_VIOLATED = 452
# Where a service's settings name another container, or this machine's ports.
ADDRESSES = ("KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_HOST", "CLICKHOUSE_PORT", "SCHEMA_REGISTRY_URL")


def told(service: str, profile: str = "small") -> dict[str, str]:
    """What a service finds in its environment, but for addresses."""
    given = services(profile)[service]["environment"]
    return {name: value for name, value in given.items() if name not in ADDRESSES}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ClickHouse with the stack's users, and the tables as one of them makes them."""
    passwords = told("clickhouse")
    with clickhouse_with_users(tmp_path_factory.mktemp("stack"), USERS, **passwords) as url:
        migrate_up(ClickHouseSettings.from_url(url.replace("://", "://migrator@")))
        yield url


def test_the_users_are_made_of_the_script_of_grants() -> None:
    made = runpy.run_path(str(ROOT / "deploy/clickhouse/users.py"))
    expected = made["users_xml"](made["GRANTS"].read_text(encoding="utf-8"))
    assert USERS.read_text(encoding="utf-8") == expected, "run: python deploy/clickhouse/users.py"


def test_the_demo_against_the_stack(
    road: Road, wattnet: Command, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`init`, a consumer and the demo, each as the user that the stack gives it; and the demo without a consumer."""
    monkeypatch.setattr(_road, "us_grid_2022", lambda: islice(us_grid_2022(), METRICS))
    monkeypatch.setattr(_road, "US_GRID_2022_METRICS", METRICS)
    here = {
        "KAFKA_BOOTSTRAP_SERVERS": road.stack.bootstrap_servers,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_PORT": str(urlsplit(url).port),
    }
    assert services("small")["init"]["command"] == ["init"]
    initialized = wattnet("init", env={**told("init"), **here})
    assert initialized.returncode == 0, initialized.stderr

    monkeypatch.chdir(wattnet.folder)
    example = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()}
    person = {name: value for name, value in example.items() if name not in ADDRESSES}
    shell = Shell(monkeypatch, capsys, {**person, **here})
    monkeypatch.setattr(_road, "STALLED_AFTER_S", 0.3)
    stalled = shell("demo", "--against", "compose")
    assert stalled.exit_code == 69, stalled.stderr
    assert f"only 0 of {METRICS:,} messages are stored" in stalled.stderr
    assert "`docker compose logs consumer`" in stalled.stderr

    monkeypatch.setattr(_road, "STALLED_AFTER_S", 60)
    consumer = wattnet.consumer({**told("consumer-small"), **here, "WATTNET_FLUSH_INTERVAL_S": "0.2"})
    done = shell("demo", "--against", "compose")
    assert done.exit_code == 0, done.stderr
    assert f"every offset is stored exactly once ({2 * METRICS:,} messages)" in done.stdout
    assert f"metrics FINAL has {METRICS:,} rows, " in done.stdout
    assert "The newest values of each zone" in done.stdout
    assert consumer.terminate() == 0, consumer.logged()
    assert "ACCESS_DENIED" not in consumer.logged()

    with Client(url, user="reader") as client:
        assert len(client.latest("zone_generation", zone="PJM").to_list()) == 8


@pytest.mark.parametrize(
    ("user", "statement", "code"),
    [
        ("consumer", "SELECT value FROM metrics", ACCESS_DENIED),
        ("reader", "SELECT raw FROM dead_letters", ACCESS_DENIED),
        ("reader", "INSERT INTO metrics_ingest (name) SELECT 'x'", ACCESS_DENIED),
        ("reader", "SET max_execution_time = 301", CONSTRAINT_VIOLATED),
        ("operator", "INSERT INTO metrics_ingest (name) SELECT 'x'", ACCESS_DENIED),
        ("migrator", "CREATE DATABASE another", ACCESS_DENIED),
        ("migrator", "CREATE USER another", ACCESS_DENIED),
    ],
)
def test_the_stacks_users_may_not_more_than_their_roles(url: str, user: str, statement: str, code: int) -> None:
    client = clickhouse_connect.get_client(dsn=f"{url}/wattnet", username=user, autogenerate_session_id=False)
    with pytest.raises(DatabaseError) as refused:
        client.command(statement)
    client.close()
    assert refused.value.code == code
