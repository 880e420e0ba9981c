"""The tables come, stay and go by numbered migrations."""

from __future__ import annotations

import logging
import re
import uuid
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from direct_writer import DirectWriter
from road import until

from wattnet.clickhouse import (
    ClickHouseSettings,
    ClickHouseUnavailableError,
    DatabaseMissingError,
    MigrationError,
    connect,
    migrate_down,
    migrate_up,
    migration_status,
    require_migrated,
)
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.local import LocalStack

THIS = "FROM system.{} WHERE database = currentDatabase() AND {} = 'metrics'"
T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
TABLES = {
    "metrics_ingest",
    "metrics",
    "series",
    "ledger",
    "dead_letters",
    "purged_letters",
    "newest",
    "label_values",
    "current_metrics",
    "metrics_as_of",
    "newest_metrics",
    "rollup",
    "rollup_pass",
    "daily_metrics",
    "hourly_metrics",
    "feeders",
}


@pytest.fixture
def settings(wattnet_stack: LocalStack) -> ClickHouseSettings:
    """A database that does not exist yet."""
    return ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=f"m{uuid.uuid4().hex[:10]}")


@pytest.fixture
def migrated(settings: ClickHouseSettings) -> Iterator[Client]:
    """A client to a database with all tables."""
    migrate_up(settings)
    client = connect(settings)
    yield client
    client.command(f"DROP DATABASE {settings.database}")
    client.close()


def tables(client: Client) -> set[str]:
    answer = client.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return {name for (name,) in answer.result_rows}


def test_up_creates_the_database_and_every_table_and_twice_is_once(
    migrated: Client, settings: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tables(migrated) >= TABLES
    assert {one.state for one in migration_status(settings)} == {"applied"}
    assert migrate_up(settings) == []
    monkeypatch.setattr("clickhouse_connect.get_client", None)  # a client that is open is enough to ask, and stays open
    require_migrated(settings, client=migrated)
    assert tables(migrated) >= TABLES


def test_up_says_what_it_applied(settings: ClickHouseSettings) -> None:
    applied = migrate_up(settings)
    assert [one.name for one in applied] == [
        "001_ingest", "002_metrics", "003_series", "004_ledger", "005_dead_letters", "006_purged_letters",
        "007_newest", "008_label_values", "009_series_by_value", "010_arrival", "011_rollup",
        "012_blocks", "013_quiet_years", "014_feeders",
    ]  # fmt: skip
    assert all(one.applied_at for one in applied)


def test_down_takes_the_newest_back_and_up_brings_them_again(migrated: Client, settings: ClickHouseSettings) -> None:
    assert migrate_down(settings, steps=11) == [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4]
    assert not tables(migrated) & {"ledger", "dead_letters", "ingest_to_ledger", "ingest_to_dead_letters"}
    with pytest.raises(MigrationError, match=r"004_ledger.*pending.*wattnet migrate up"):
        require_migrated(settings)
    assert [one.version for one in migrate_up(settings)] == [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert migrate_down(settings, steps=14) == [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert not tables(migrated) & TABLES


def test_new_tables_know_what_was_stored_before_them(migrated: Client, settings: ClickHouseSettings) -> None:
    """Applied to a database with rows, and again when half of it was done: as if the tables had always been there."""
    store = DirectWriter(migrated)
    hour = timedelta(hours=1)
    store.put(*(Metric("some_load", value, T0 + value * hour, {"zone": "ES"}) for value in (1.0, 3.0, 2.0)))
    store.put(Metric("some_load", 9.0, T0 + 3 * hour, {"zone": "ES", "zone_status": "preview"}))
    store.put(Metric("some_load", 5.0, T0, {"zone": "PT"}), Metric("some_load", None, T0 + hour, {"zone": "PT"}))
    store.put(Metric("plain", 7.0, T0, attributes={"run": "1"}))
    newest = "SELECT * EXCEPT stored_at FROM newest_metrics ORDER BY name, zone"
    values = "SELECT * FROM label_values FINAL ORDER BY ALL"
    before = store.rows(newest), store.rows(values)
    assert [row[4:6] for row in before[0]] == [(7.0, False), (3.0, False), (0.0, True)]
    assert before[1] == [
        ("plain", "", ""), ("some_load", "", ""), ("some_load", "zone", "ES"), ("some_load", "zone", "PT"),
    ]  # fmt: skip
    migrate_down(settings, steps=8)
    for script in ("007_newest.sql", "008_label_values.sql") * 2:
        text = (files("wattnet.clickhouse") / "migrations" / script).read_text(encoding="utf-8")
        for statement in re.sub("--.*", "", text).replace("sleepEachRow(1)", "1").split(";")[:-1]:
            migrated.command(statement)
    assert (store.rows(newest), store.rows(values)) == before


def test_a_year_that_is_quiet_becomes_one_part(migrated: Client) -> None:
    """Of a large part and a small one, which ClickHouse would leave side by side by itself."""
    store = DirectWriter(migrated)
    (definition,), *_ = store.rows(f"SELECT create_table_query {THIS.format('tables', 'name')}")
    assert "min_age_to_force_merge_seconds = 21600" in definition
    assert definition.count("Default) SETTINGS (min_compress_block_size = 16384, max_compress_block_size = 16384)") == 4
    migrated.command("ALTER TABLE metrics MODIFY SETTING min_age_to_force_merge_seconds = 2")

    for hours in (24, 2):
        store.put(*(Metric("some_load", 1.0, T0.replace(hour=hour), {"zone": "ES"}) for hour in range(hours)))
    parts = f"SELECT count() {THIS.format('parts', 'table')} AND active"
    until(lambda: store.rows(parts) == [(1,)], "the year is one part")


def test_a_migration_that_died_half_way_runs_again(migrated: Client, settings: ClickHouseSettings) -> None:
    migrated.command("ALTER TABLE schema_versions DELETE WHERE version = 2", settings={"mutations_sync": 2})
    migrated.command("DROP VIEW ingest_to_metrics")
    assert [one.version for one in migrate_up(settings)] == [2]
    assert "ingest_to_metrics" in tables(migrated)


def test_a_migration_that_was_changed_after_it_had_been_applied_is_refused(
    migrated: Client, settings: ClickHouseSettings
) -> None:
    migrated.command(
        "ALTER TABLE schema_versions UPDATE md5 = 'other' WHERE version = 3", settings={"mutations_sync": 2}
    )
    with pytest.raises(MigrationError, match="md5"):
        migrate_up(settings)
    with pytest.raises(MigrationError, match=r"003_series.*changed after it had been applied"):
        require_migrated(settings)


def test_a_newer_version_of_the_tables_is_refused(migrated: Client, settings: ClickHouseSettings) -> None:
    migrated.command("INSERT INTO schema_versions (version, md5, script) VALUES (99, 'x', 'y')")
    with pytest.raises(MigrationError, match="install a newer wattnet-storage"):
        require_migrated(settings)


def test_a_missing_database_and_a_missing_server_each_say_what_to_do(settings: ClickHouseSettings) -> None:
    with pytest.raises(DatabaseMissingError, match="wattnet migrate up"):
        connect(settings)
    nowhere = ClickHouseSettings.from_url("http://127.0.0.1:1")
    for act in (connect, migrate_up, migration_status):
        with pytest.raises(ClickHouseUnavailableError, match="CLICKHOUSE_HOST"):
            act(nowhere)


def test_migrating_leaves_the_programs_logging_alone(settings: ClickHouseSettings) -> None:
    """The tool logs through the root logger, which makes one for itself when there is none."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers = []
    try:
        migrate_up(settings)
        assert root.handlers == []
    finally:
        root.handlers = handlers
