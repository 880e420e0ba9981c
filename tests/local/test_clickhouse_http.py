"""The embedded ClickHouse over plain HTTP: headers, errors, settings, and that it survives."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from wattnet.local._ports import HOST

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
from local.clickhouse_alone import Running, count


def test_ping_and_headers(running: Running) -> None:
    for path in ("/ping", "/replicas_status"):
        connection = http.client.HTTPConnection(HOST, running.port)
        connection.request("GET", path)
        assert connection.getresponse().read() == b"Ok.\n"
    status, headers, body = running.http("POST", b"SELECT 1 AS one FORMAT JSONEachRow", query_id="my-id")
    assert (status, json.loads(body)) == (200, {"one": 1})
    assert headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert headers["X-ClickHouse-Query-Id"] == "my-id"
    assert headers["X-ClickHouse-Timezone"] == "UTC"
    assert running.http("GET", query="SELECT 'a\tb'")[2] == b"a\\tb\n", "TabSeparated is the default format"
    assert running.http("GET", query="SELECT 1", default_format="CSVWithNames")[2] == b'"1"\n1\n'


@pytest.mark.parametrize(
    ("sql", "settings", "code"),
    [
        ("SELECT * FROM nothing_here", {}, 60),
        ("SELEC 1", {}, 62),
        ("SELECT * FROM no_such_database.t", {}, 81),
        ("SELECT throwIf(1)", {}, 395),
        ("SELECT {x:String}", {}, 456),
    ],
)
def test_errors_carry_their_code(client: Client, sql: str, settings: dict[str, str], code: int) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query(sql, settings=settings)
    assert caught.value.code == code
    assert f"Code: {code}." in str(caught.value)
    assert client.command("SELECT 1") == 1, "the connection goes on"


def test_errors_of_the_request_itself(running: Running, client: Client, table: str) -> None:
    for parameters, code in (
        ({"no_such_setting": "1"}, "115"),
        ({"max_threads; DROP TABLE x": "1"}, "115"),
        ({"max_threads": "many"}, None),
        ({"database": "nowhere"}, "81"),
        ({"database": "a`b"}, "81"),
    ):
        status, headers, body = running.http("POST", b"SELECT 1", **parameters)
        assert status == 500, parameters
        assert code in (None, headers["X-ClickHouse-Exception-Code"]), body
    status, headers, body = running.http("POST", b"x" * 3_000_000, query=f"INSERT INTO {table} FORMAT Avro")
    assert (status, b"DB::Exception" in body) == (500, True)
    status, _, body = running.http("POST", b"x", encoding="snappy", query=f"INSERT INTO {table} FORMAT CSV")
    assert (status, b"use lz4" in body) == (500, True)
    assert count(client, table) == 0


def test_get_changes_nothing(running: Running, client: Client, table: str) -> None:
    assert running.http("GET", query=f"SELECT count() FROM {table}")[2] == b"0\n"
    status, headers, _ = running.http("GET", query=f"INSERT INTO {table} VALUES (1, 'x')")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert running.http("GET", query=f"DROP TABLE {table}")[0] == 500
    assert count(client, table) == 0


def test_a_dropped_table_is_gone_at_once_when_asked_for(running: Running, table: str) -> None:
    """In a folder that chDB has just made it waits forever, unless it is told that the folder is there to stay."""
    for rest in ("SELECT number, 'x' FROM numbers(1000)", "SELECT throwIf(number = 5), 'x' FROM numbers(9)"):
        running.http("POST", f"INSERT INTO {table} {rest}".encode())
    running.http("POST", f"SELECT * FROM {table} FORMAT Native".encode())
    assert running.http("POST", f"DROP TABLE {table} SYNC".encode())[0] == 200


def test_settings_and_database_end_with_their_query(running: Running, client: Client) -> None:
    client.command("CREATE DATABASE IF NOT EXISTS `other one`")
    client.command("CREATE TABLE IF NOT EXISTS `other one`.only_here (x UInt8) ENGINE = Memory")
    for sql in ("SELECT getSetting('max_block_size')", "SELECT throwIf(1)"):
        running.http("POST", sql.encode(), max_block_size="123", readonly="1", database="other one")
    assert running.http("POST", b"SELECT getSetting('max_block_size')", max_block_size="123")[2] == b"123\n"
    assert running.http("POST", b"SELECT getSetting('max_block_size')")[2] != b"123\n"
    assert running.http("POST", b"SELECT currentDatabase()")[2] == b"default\n"
    assert running.client(database="other one").query("SELECT * FROM only_here").row_count == 0
    client.command("SET max_block_size = 77")
    assert client.command("SELECT getSetting('max_block_size')") != 77
    odd = 'it\'s \\ "odd" `one`\n'
    assert (
        running.http("POST", b"SELECT getSetting('log_comment') FORMAT RowBinary", log_comment=odd)[2][1:]
        == odd.encode()
    )


def test_queries_run_side_by_side(running: Running) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: running.http("POST", f"SELECT sleep(1) + {n}".encode())[2], range(6)))
    assert answers == [b"%d\n" % n for n in range(6)]
    assert time.monotonic() - started < 3


def test_one_connection_serves_many_requests_quickly(running: Running) -> None:
    """Nagle's algorithm and a delayed acknowledgement would make each of them wait 40 ms."""
    connection = http.client.HTTPConnection(HOST, running.port, timeout=30)
    started = time.monotonic()
    for _ in range(50):
        connection.request("POST", "/", b"SELECT 1")
        assert connection.getresponse().read() == b"1\n"
    assert time.monotonic() - started < 1


def test_memory_is_bounded(client: Client) -> None:
    limit = client.query("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'")
    assert 0 < int(limit.result_rows[0][0]) <= 4 << 30


def test_what_was_stored_survives_sigkill(running: Running, client: Client, table: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        stored = 0
        for _ in range(3):
            client.insert(table, [[n, "x"] for n in range(1000)], column_names=["number", "text"])
            stored += 1000
            busy = pool.submit(running.http, "POST", b"SELECT count() FROM numbers(100000000000)")
            running.service.kill()
            with pytest.raises((http.client.HTTPException, OSError)):
                busy.result()
            running.service.start()
            assert count(client, table) == stored


def test_sigterm_is_prompt_while_a_query_runs(running: Running, client: Client) -> None:
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(running.http, "POST", b"SELECT count() FROM numbers(100000000000)")
        started = time.monotonic()
        running.service.stop()
        assert time.monotonic() - started < 3
        with pytest.raises((http.client.HTTPException, OSError)):
            busy.result()
    running.service.start()
    assert client.command("SELECT 1") == 1
