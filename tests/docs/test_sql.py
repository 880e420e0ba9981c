"""SQL in the documents is SQL, and what changes tables changes tables that are as the migrations make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import clickhouse_connect
from clickhouse_migrations.migrator import Migrator
from snippets import ROOT, Snippet, documents, snippets

from wattnet.clickhouse import ClickHouseSettings, migrate_up

if TYPE_CHECKING:
    from wattnet.local import LocalStack

BLOCKS = [one for document in documents() for one in snippets(document) if one.language == "sql"]


def statements(block: Snippet) -> list[str]:
    return list(Migrator.script_to_statements(block.text, True))


def test_the_engine_reads_it(wattnet_stack: LocalStack) -> None:
    texts = [one for block in BLOCKS for one in statements(block)]
    assert len(texts) > 5
    with clickhouse_connect.get_client(dsn=wattnet_stack.clickhouse_url) as client:
        sql = "SELECT formatQuerySingleLine(arrayJoin({texts:Array(String)}))"
        assert len(client.query(sql, parameters={"texts": texts}).result_rows) == len(texts)


def test_what_life_of_the_data_says_can_be_done(wattnet_stack: LocalStack) -> None:
    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database="life_of_the_data")
    migrate_up(settings)
    here = [block for block in BLOCKS if block.document == ROOT / "docs" / "life-of-the-data.md" and not block.not_run]
    texts = [one for block in here for one in statements(block) if one.startswith(("ALTER", "OPTIMIZE"))]
    assert len(texts) == 9
    with clickhouse_connect.get_client(dsn=wattnet_stack.clickhouse_url, database=settings.database) as client:
        for text in texts:
            client.command(text)
        client.command(f"DROP DATABASE {settings.database}")
