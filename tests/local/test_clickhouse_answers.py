"""What an unmodified clickhouse-connect asks the embedded ClickHouse, and what it gets."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
from local.clickhouse_alone import ROWS, Running, avro


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", 'it\'s a "quoted" \\ back`slash\\'),
        ("String", "line\nfeed\r\ttab \\n \\t \x01 \N{WHITE SMILING FACE} $ { } {x:String}"),
        ("String", ""),
        ("Nullable(String)", None),
        ("Int64", -(2**63)),
        ("UInt64", 2**64 - 1),
        ("Float64", 0.1 + 0.2),
        ("Bool", True),
        ("Array(String)", ["a", "it's", "b\\c", "d\ne\tf", ""]),
        ("Array(Array(UInt8))", [[1, 2], []]),
        ("DateTime64(6, 'UTC')", datetime(2025, 3, 30, 2, 30, 0, 123456, tzinfo=timezone.utc)),
        ("Tuple(String, UInt8)", ("x'y", 3)),
    ],
)
def test_parameters_come_through_as_they_are(client: Client, kind: str, value: object) -> None:
    rows = client.query(f"SELECT {{v:{kind}}} AS v", parameters={"v": value}).result_rows
    got = rows[0][0]
    if isinstance(value, datetime):
        got = got.replace(tzinfo=timezone.utc)
    assert got == value


def test_long_parameters_are_sent_as_a_form(running: Running) -> None:
    client = running.client(form_encode_query_params=True)
    text = "it's\n" * 10_000
    assert client.query("SELECT {v:String}", parameters={"v": text}).result_rows == [(text,)]


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SHOW CREATE TABLE {t}", "CREATE TABLE default.{t}"),
        ("SHOW TABLES LIKE '{t}'", "{t}"),
        ("SHOW COLUMNS FROM {t} LIKE 'text'", "text"),
        ("DESCRIBE TABLE {t}", "number"),
        ("DESC {t}", "number"),
        ("EXISTS TABLE {t}", "1"),
        ("EXPLAIN SELECT * FROM {t}", "Expression"),
        ("CHECK TABLE {t} SETTINGS check_query_single_value_result = 1", "1"),
        ("FROM {t} SELECT count()", "1"),
        ("(SELECT count() FROM {t})", "1"),
        ("WITH 1 AS one SELECT one", "1"),
    ],
)
def test_every_kind_of_statement_answers(client: Client, table: str, sql: str, answer: str) -> None:
    """Most kinds chDB refuses to give out block by block: these come as a whole."""
    client.command(f"WITH 7 AS n INSERT INTO {table} SELECT n, 'seven'")
    asked = sql.format(t=table)
    expected = answer.format(t=table)
    assert client.raw_query(asked).decode().startswith(expected)
    assert str(client.query(asked).result_rows[0][0]).startswith(expected)


def test_results_in_every_shape(client: Client) -> None:
    sql = f"SELECT number, toString(number) AS text FROM numbers({ROWS})"
    assert client.query(sql).row_count == ROWS
    assert client.query_df(sql)["text"].iloc[-1] == str(ROWS - 1)
    assert client.query_arrow(sql).num_rows == ROWS
    with client.query_row_block_stream(sql) as stream:
        blocks = [len(block) for block in stream]
    assert sum(blocks) == ROWS
    assert len(blocks) > 1
    with client.query_arrow_stream(sql) as arrow:
        assert sum(batch.num_rows for batch in arrow) == ROWS
    assert len(client.raw_query(sql, fmt="CSV").splitlines()) == ROWS
    assert client.command("SELECT 17") == 17


def test_an_empty_result_is_as_empty_as_a_servers(running: Running, client: Client, table: str) -> None:
    """ClickHouse sends nothing at all in format Native: code that works here must work there."""
    sql = f"SELECT number, text FROM {table} WHERE text = {{x:String}}"
    assert client.query(sql, parameters={"x": "'"}).row_count == 0
    assert client.query_df(sql, parameters={"x": "'"}).empty
    assert client.query_arrow(sql, parameters={"x": "'"}).column_names == ["number", "text"]
    assert client.query(f"SELECT * FROM {table} LIMIT 0").column_names == ("number", "text")
    with client.query_row_block_stream(sql, parameters={"x": "'"}) as stream:
        assert list(stream) == []


def test_query_limit(running: Running) -> None:
    assert running.client(query_limit=7).query("SELECT number FROM numbers(100)").row_count == 7


def test_an_error_in_the_middle_of_a_stream_is_raised(client: Client) -> None:
    blocks: list[int] = []
    sql = "SELECT throwIf(number = 5000000) FROM numbers(10000000)"

    def read() -> None:
        with client.query_row_block_stream(sql, settings={"max_threads": 1}) as stream:
            blocks.extend(len(block) for block in stream)

    with pytest.raises((StreamFailureError, DatabaseError), match="throwIf"):
        read()


def test_the_async_client(running: Running, table: str) -> None:
    async def use() -> None:
        client = await clickhouse_connect.get_async_client(dsn=running.url, autogenerate_session_id=False)
        try:
            await client.insert(table, [[n, f"row {n}"] for n in range(ROWS)], column_names=["number", "text"])
            await client.raw_insert(table, insert_block=avro(1000), fmt="Avro")
            rows = await client.query(f"SELECT count() FROM {table} WHERE text != {{x:String}}", parameters={"x": "'"})
            assert rows.result_rows == [(ROWS + 1000,)]
            many = await asyncio.gather(*(client.query(f"SELECT {n}") for n in range(20)))
            assert [result.result_rows[0][0] for result in many] == list(range(20))
            assert len(await client.query_df(f"SELECT * FROM {table}")) == ROWS + 1000
            assert (await client.query_arrow(f"SELECT * FROM {table} LIMIT 5")).num_rows == 5
            total = 0
            async with await client.query_row_block_stream(f"SELECT * FROM {table}") as stream:
                async for block in stream:
                    total += len(block)
            assert total == ROWS + 1000
            with pytest.raises(DatabaseError) as caught:
                await client.query("SELECT * FROM nothing_here")
            assert caught.value.code == 60
        finally:
            await client.close()

    asyncio.run(use())
