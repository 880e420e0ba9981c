"""A cluster's tables are made out of those of one server: replicated, sharded by series, under the same names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from clickhouse_cluster import clickhouse_of_cluster
from road import Road, load, until

from wattnet.clickhouse import ClickHouseSettings, MigrationError, require_migrated
from wattnet.clickhouse._cluster import for_cluster
from wattnet.consumer import ConfigurationError, DeadLetters, LetterFilter
from wattnet.consumer._doctor_tables import FED_TABLES
from wattnet.query import Client, QuestionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wattnet.local import LocalStack

SCRIPTS = {
    one.name.removesuffix(".sql"): one.read_text(encoding="utf-8")
    for one in (files("wattnet.clickhouse") / "migrations").iterdir()
    if one.name.endswith(".sql")
}
RENDERED = {name: for_cluster(script, "grid") for name, script in SCRIPTS.items()}
STATEMENTS = [one.strip() for script in RENDERED.values() for one in script.split(";\n\n") if one.strip()]
# What has been applied somewhere: neither the scripts nor what is made of them may ever be another.
SHIPPED = {
    "001_ingest.down": "51abc5aee1177eb053a1bc81be5df11f fab8d4d2b997da20aeb6cf60676e579b",
    "001_ingest": "e43f241b5fb0877375db6576d265461f 1699e6bc8ea29cd8a4c3bb4279009500",
    "002_metrics.down": "231d8fea5a8d1b3735c7299ac7ec934e fbdc327bac3c6db1366d4fdb1ae742f7",
    "002_metrics": "7386a1672e9dab4ad5e54aafd8b7934c 74a28436f4de1dd111bbc9d4aaff4884",
    "003_series.down": "417bc5ec7d28e5e53a1d6ad57cd99b41 a1d0ccc487b88f6203d2d390a8c2853f",
    "003_series": "5e2bd733ed904ab8f398379eaf821ec4 50821538e169ce4b705a084d33fe1d03",
    "004_ledger.down": "cf73632aca642c6c8ee96241304111f9 8442681a2dab95f3fafffd1a16c5dc13",
    "004_ledger": "0727bebe199abf5500142360d4564df0 725d7d81d4825bbf78462cf2d9db6b2f",
    "005_dead_letters.down": "58d62814bcb3bd8f24cab55a76dd3736 9a216004fbcf2416659e894d367582c4",
    "005_dead_letters": "81c3f9b0fb91d05f6543be43100fd749 b089a8e1285fa712e5323a77311afa74",
    "006_purged_letters.down": "c43cc5329b7ac9a45aad03df8f3bbf1a 02a06026a258d1266d03bf4cdde674e3",
    "006_purged_letters": "c7afcad9945d2657b6a16332e9917887 bb0ba7b218caa67738416ed75162ccdb",
    "007_newest.down": "07ae8f70f164dcab67c3dda2618eedaf 0e7db0562c21024fa88ec38f9dab840d",
    "007_newest": "6033fc22641a37838e368d2484a4e8b5 26b0f934426a9048e1622b40a6939135",
    "008_label_values.down": "466549467c6d01ca41e34fb886ce76e0 60b1393a27e2d452f94be6a6c4b58cc6",
    "008_label_values": "a5c181958967b1611bfa3f0ff77036ab 3f1ba937d189ec672cdd097ad1aef785",
    "009_series_by_value.down": "0d19e7d17c87d6e3ecabb5220f34ddc8 7441a36b65f0de0598e2a8e1ddb35d88",
    "009_series_by_value": "b7036f90c135814430c48f040b80fc9e ce9bcdb64e17c5bab2b89dbd99cfdbcb",
    "010_arrival.down": "d702b9de1af3977395903cdcf56d25b0 d54a72c9f90fd1c27d1fab6c5671f0f4",
    "010_arrival": "2143d217ad0497a813552e6efd245aa3 f9b1816dbfe9bb6df46d894791a4ab9d",
    "011_rollup.down": "df2ffcd4a828bc2039a2837ffff6f9d7 6d0a6e06270ba9e979c62a71fecb2a87",
    "011_rollup": "0820f54d8ccfa13d390c59a51e8b85ec 1aed52c86da1f81b00eebe4e9ab260e6",
    "012_blocks.down": "9b22928ca191cb696ec71846f57e73e2 718acd30157c9cb7af6b4d93c86d3063",
    "012_blocks": "f367bfa4ba47370056c243b83be9d77c 6325fe6bab3102d16dc06fc2a4b6ea1d",
    "013_quiet_years.down": "99221a44c32f6e804a2a7ac9ad1a67b8 517d4b2959aacd26819a7a537f1df101",
    "013_quiet_years": "8f6b57f80ae1053e83046d666f2a7e7d d3ef37f8b74e4a6f0fb3dbd9ef376802",
    "014_feeders.down": "ede42304efbe77454c2aab514521b1ad f911bef61b67b11cecf0aadcd5e72a8a",
    "014_feeders": "9c4c95828c811fdf58f3edbe03012088 b348d9737f389362c4767de18b30a1e3",
}
REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
SERIES_ID = "cityHash64(name, arraySort(CAST(labels, 'Array(Tuple(String, String))')))"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def made(kind: str, pattern: str) -> dict[str, str]:
    """What is made by statements that begin with `CREATE <kind>`, and the last group of `pattern` in each."""
    heads = [(re.match(rf"CREATE {kind} IF NOT EXISTS (\w+) ON CLUSTER `grid`", one), one) for one in STATEMENTS]
    found = {head.group(1): re.search(pattern, one) for head, one in heads if head}
    return {name: match.group(1) for name, match in found.items() if match}


def test_what_was_shipped_stays_as_it_is() -> None:
    assert {name: f"{md5(script)} {md5(RENDERED[name])}" for name, script in SCRIPTS.items()} == SHIPPED


def test_engines_and_shards() -> None:
    engines = made("TABLE", r"ENGINE = ([^\n;]+)")
    replicated = {
        "dead_letters_local": f"ReplicatedReplacingMergeTree({REPLICA}, replayed_at)",
        "label_values_local": f"ReplicatedReplacingMergeTree({REPLICA})",
        "feeders_local": f"ReplicatedReplacingMergeTree({REPLICA}, started_at)",
        "ledger_local": f"ReplicatedReplacingMergeTree({REPLICA})",
        "metrics_local": f"ReplicatedReplacingMergeTree({REPLICA})",
        "newest_local": f"ReplicatedReplacingMergeTree({REPLICA}, place)",
        "purged_letters_local": f"ReplicatedReplacingMergeTree({REPLICA}, purged_at)",
        "rollup_local": f"ReplicatedReplacingMergeTree({REPLICA}, pass)",
        "series_local": f"ReplicatedAggregatingMergeTree({REPLICA})",
    }
    by = {
        "dead_letters": "cityHash64(topic_id, `partition`, `offset`)",
        "feeders": "cityHash64(topic, group_id)",
        "label_values": "cityHash64(name, label, value)",
        "ledger": "cityHash64(topic_id, `partition`)",
        "metrics": "series_id",
        "metrics_ingest": SERIES_ID,  # what its materialized column series_id is made of
        "newest": "series_id",
        "purged_letters": "cityHash64(topic_id, `partition`, `offset`)",
        "rollup": "series_id",
        "series": "series_id",
    }
    fronts = {name: f"Distributed(`grid`, currentDatabase(), {name}_local, {key})" for name, key in by.items()}
    assert engines == {"metrics_ingest_local": "Null", **replicated, **fronts}
    assert f"series_id      UInt64 MATERIALIZED {SERIES_ID},\n" in SCRIPTS["001_ingest"]


def test_views_write_what_arrived_on_a_server_to_that_server() -> None:
    """Through a front, the shards' parts of a range would go to one more under one token, and all but one be lost."""
    assert made("MATERIALIZED VIEW", r" TO (\w+) AS") == {f"ingest_to_{one}": f"{one}_local" for one in FED_TABLES}
    views = [one for one in STATEMENTS if one.startswith("CREATE MATERIALIZED VIEW")]
    sources = {name for view in views for name in re.findall(r"(?:FROM|JOIN) (\w+)", view)}
    assert sources == {"metrics_ingest_local"}


def test_tokens_are_kept_for_a_week_in_every_table_that_a_view_fills() -> None:
    window = "replicated_deduplication_window = (10000, replicated_deduplication_window_seconds = 604800)"
    assert set(made("TABLE", rf"\b{window}")) == {f"{table}_local" for table in FED_TABLES}


def test_a_statement_without_a_rule_is_an_error() -> None:
    for script in ("OPTIMIZE TABLE metrics;", "ALTER TABLE metrics ADD COLUMN a UInt8;", "CREATE TABLE a AS metrics;"):
        with pytest.raises(MigrationError, match=r"has no rule for a cluster"):
            for_cluster(script, "grid")
    with pytest.raises(MigrationError, match=r"table t has no series_id"):
        for_cluster("CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = MergeTree ORDER BY a;", "grid")


def test_the_engine_reads_every_statement(wattnet_stack: LocalStack) -> None:
    import clickhouse_connect

    with clickhouse_connect.get_client(dsn=wattnet_stack.clickhouse_url) as client:
        sql = "SELECT formatQuerySingleLine(arrayJoin({statements:Array(String)}))"
        read = [row[0] for row in client.query(sql, parameters={"statements": STATEMENTS}).result_rows]
    assert len(read) == len(STATEMENTS)
    changing = [one for one in read if not one.startswith(("SELECT", "INSERT"))]
    assert all("ON CLUSTER grid" in one for one in changing)


def test_a_cluster_is_named_by_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKHOUSE_CLUSTER", "grid")
    assert ClickHouseSettings().cluster == "grid"
    monkeypatch.setenv("CLICKHOUSE_CLUSTER", "")
    assert ClickHouseSettings().cluster is None
    with pytest.raises(ValueError, match="letters, digits"):
        ClickHouseSettings(cluster="`; DROP")


@dataclass
class Stack:
    """As much of a stack as a road needs."""

    bootstrap_servers: str
    clickhouse_url: str

    @property
    def env(self) -> dict[str, str]:
        host, _, port = self.clickhouse_url.removeprefix("http://").partition(":")
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "CLICKHOUSE_HOST": host,
            "CLICKHOUSE_PORT": port,
            "CLICKHOUSE_CLUSTER": "grid",
        }


class ClusterRoad(Road):
    @property
    def clickhouse(self) -> ClickHouseSettings:
        return super().clickhouse.model_copy(update={"cluster": "grid"})


@pytest.fixture(scope="module")
def cluster_road(wattnet_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRoad]:
    """A road into the tables of a cluster of one shard."""
    folder: Path = tmp_path_factory.mktemp("cluster")
    with clickhouse_of_cluster(folder) as url:
        stack: LocalStack = Stack(wattnet_stack.bootstrap_servers, url)  # type: ignore[assignment]
        road = ClusterRoad(stack, folder)
        yield road
        road.close()


def test_the_road_into_a_cluster(cluster_road: ClusterRoad) -> None:
    road = cluster_road
    engines = dict(road.sql("SELECT name, engine FROM system.tables WHERE database = currentDatabase()"))
    assert {name for name, engine in engines.items() if engine == "Distributed"} == {
        "metrics_ingest", "metrics", "newest", "series", "label_values", "ledger", "dead_letters", "purged_letters",
        "rollup", "feeders",
    }  # fmt: skip
    require_migrated(road.clickhouse)
    with pytest.raises(MigrationError, match="another CLICKHOUSE_CLUSTER"):
        require_migrated(road.clickhouse.model_copy(update={"cluster": None}))

    road.send(600)
    with road.producer() as producer:
        producer.send(load("Z00", 0, 1.5))
    rubbish = road.raw_producer()
    rubbish.produce(road.topic, b"rubbish", partition=0)
    rubbish.flush()
    with road.consumer():
        until(lambda: road.released() == 602, "all of it is released")
    road.assert_exact(602, refused=1)

    # The whole range again, as after a crash: its token is known behind the front.
    road.reset_offsets(0)
    with road.consumer() as consumer:
        until(lambda: road.released() == 602, "all of it is released")
        assert consumer.metric("wattnet_consumer_repeated_ranges_total") > 0
    road.assert_exact(602, refused=1)

    with DeadLetters.open(road.clickhouse) as letters:
        heads = letters.find(LetterFilter())
        letters.mark_replayed(heads)
        (head,) = letters.find(LetterFilter())
        assert head.replayed_at is not None
        with pytest.raises(ConfigurationError, match="sharded"):
            letters.purge(LetterFilter())


DAYS = """
    SELECT zone, timestamp, count, sum
    FROM daily_metrics(name = 'zone_load', zones = ['Z01', 'Z02'], start = '2025-01-01 00:00:00',
                       end = '2026-01-01 00:00:00')
    ORDER BY zone, timestamp
"""


def answers(client: Client) -> tuple[object, ...]:
    """To each kind of question that has a table in a subquery, and to plain ones."""
    return (
        client.metrics("zone_load", start="2025-01-01").to_list(),
        client.metrics("zone_load", start="2025-01-01").resample("1y", "sum").to_list(),
        client.latest("zone_load", zone="Z01").to_list(),
        client.series("zone_load", zone="Z01"),
        client.changed_since("-1d", "zone_load", zone="Z01").to_list(),
        client._database.rows(DAYS, {}),
        client._database.rows(DAYS.replace("daily", "hourly"), {}),
    )


def test_questions_to_two_shards(cluster_road: ClusterRoad) -> None:
    """Tables in subqueries are those of all shards: ClickHouse would refuse them without our setting."""
    road = cluster_road
    pair = f"{road.name}_pair"
    road.client.command(f"CREATE DATABASE {pair}")
    statements = [one.strip() for script in SCRIPTS.values() for one in for_cluster(script, "pair").split(";\n\n")]
    url = road.stack.clickhouse_url
    with Client(url, database=road.name) as one, Client(url, database=pair) as both:
        for statement in sorted(statements):  # tables before views
            if "Distributed(" in statement or statement.startswith("CREATE VIEW"):
                sql = statement.replace("currentDatabase()", f"'{road.name}'")
                sql = re.sub(r" AS (\w+_local)", rf" AS {road.name}.\1", sql)
                both._database._connected().command(sql)
        assert answers(both) == answers(one)
        assert sum(row[2] for row in one._database.rows(DAYS, {})) == 40
        with pytest.raises(QuestionError, match="sharded"):
            next(iter(both.follow("zone_load", start="-1d")))
