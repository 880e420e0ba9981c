"""The embedded ClickHouse through an unmodified clickhouse-connect, and through plain HTTP where details matter."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import io
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import clickhouse_connect
import fastavro
import lz4.frame  # type: ignore[import-untyped]  # it ships no types
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from wattnet.clickhouse import ClickHouseSettings, migrate_up
from wattnet.local._clickhouse import ClickHouse
from wattnet.local._folder import DataFolder
from wattnet.local._ports import HOST, free_port
from wattnet.local._service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clickhouse_connect.driver.client import Client

ROWS = 200_000


class Running:
    """An embedded ClickHouse alone, without Kafka."""

    def __init__(self, folder: DataFolder) -> None:
        folder.lock()
        self.port = free_port(taken=set())
        self.url = f"http://{HOST}:{self.port}"
        self.service = Service(ClickHouse(folder.path / "clickhouse", port=self.port), folder, timeout_s=30)
        self.service.start()

    def client(self, **options: object) -> Client:
        return clickhouse_connect.get_client(dsn=self.url, autogenerate_session_id=False, **options)  # type: ignore[arg-type]

    def http(
        self, method: str, body: bytes | Iterable[bytes] = b"", *, encoding: str = "", **parameters: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        headers = {"Content-Encoding": encoding} if encoding else {}
        try:
            connection.request(method, f"/?{urlencode(parameters)}", body or None, headers)
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = DataFolder(tmp_path_factory.mktemp("clickhouse it's a \\ folder"))
    running = Running(folder)
    yield running
    running.service.stop()
    folder.unlock()


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    client = running.client()
    yield client
    client.close()


@pytest.fixture
def table(client: Client) -> str:
    name = f"t_{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {name} (number UInt64, text String) ENGINE = MergeTree ORDER BY number")
    return name


def count(client: Client, table: str) -> int:
    return int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])


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


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
def test_an_insert_of_many_blocks_and_frames_is_whole(running: Running, table: str, compression: str | bool) -> None:
    """Each block is a compressed frame of its own; a decoder that stops after the first keeps 65,536 rows."""
    client = running.client(compress=compression)
    summary = client.insert(table, [[n, f"row {n}"] for n in range(ROWS)], column_names=["number", "text"])
    assert summary.written_rows == ROWS
    assert client.query(f"SELECT count(), uniqExact(text), sum(number) FROM {table}").result_rows == [
        (ROWS, ROWS, ROWS * (ROWS - 1) // 2)
    ]


def test_data_may_begin_with_a_line_feed(client: Client) -> None:
    """Ten columns: the first byte of a Native block is 0A."""
    columns = [f"c{n}" for n in range(10)]
    client.command(f"CREATE TABLE ten ({', '.join(f'{c} UInt8' for c in columns)}) ENGINE = Memory")
    client.insert("ten", [list(range(10)), [10] * 10], column_names=columns)
    assert client.query("SELECT * FROM ten").result_rows == [tuple(range(10)), (10,) * 10]


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        ("JSONEachRow", b'{"number":1,"text":"a\\n\\nb"}\n{"number":2,"text":"c"}'),
        ("CSV", b'1,"a\n\nb"\n2,c\n'),
        ("TabSeparated", b"1\ta\\n\\nb\n2\tc\n"),
        ("Values", b"(1,'a\n\nb'), (2,'c')"),
        ("RowBinary", b"\x01" + bytes(7) + b"\x04a\n\nb" + b"\x02" + bytes(7) + b"\x01c"),
    ],
)
@pytest.mark.parametrize("in_url", [False, True])
def test_text_and_binary_formats(
    running: Running, client: Client, table: str, format_: str, data: bytes, in_url: bool
) -> None:
    statement = f"INSERT INTO {table} (number, text) FORMAT {format_}"
    if in_url:
        answer = running.http("POST", data, query=statement)
    else:
        answer = running.http("POST", statement.encode() + b"\n" + data)
    assert answer[0] == 200, answer
    assert client.query(f"SELECT * FROM {table} ORDER BY number").result_rows == [(1, "a\n\nb"), (2, "c")]


def test_inserts_without_a_format(running: Running, client: Client, table: str) -> None:
    client.command(f"INSERT INTO {table} VALUES (1, 'it''s'), (2, upper('b'))")
    client.command(f"INSERT INTO {table} SELECT number + 10, 'x' FROM numbers(3)")
    assert running.http("POST", b"", query=f"INSERT INTO {table} FORMAT CSV")[0] == 200, "no rows are fine"
    assert count(client, table) == 5


def avro(rows: int, *, codec: str = "null") -> bytes:
    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "r",
            "fields": [{"name": "number", "type": "long"}, {"name": "text", "type": "string"}],
        }
    )
    file = io.BytesIO()
    fastavro.writer(file, schema, ({"number": n, "text": f"row\n\n{n}"} for n in range(rows)), codec=codec)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["identity", "gzip", "gzip, many members", "lz4", "chunked"])
def test_avro_files(running: Running, client: Client, table: str, encoding: str) -> None:
    data = avro(100_000)
    pieces = [data[start : start + 70_000] for start in range(0, len(data), 70_000)]
    body: bytes | Iterable[bytes] = data
    if encoding == "gzip":
        body = gzip.compress(data, 1)
    elif encoding == "gzip, many members":
        body = b"".join(gzip.compress(piece, 1) for piece in pieces)
    elif encoding == "lz4":
        body = b"".join(lz4.frame.compress(piece) for piece in pieces)
    elif encoding == "chunked":
        body = iter(pieces)
    header = "" if encoding in ("identity", "chunked") else encoding.split(",")[0]
    answer = running.http("POST", body, encoding=header, query=f"INSERT INTO {table} FORMAT Avro")
    assert answer[0] == 200, answer
    assert json.loads(answer[1]["X-ClickHouse-Summary"])["written_rows"] == "100000"
    assert client.query(f"SELECT count(), uniqExact(text), max(number) FROM {table}").result_rows == [
        (100_000, 100_000, 99_999)
    ]


def test_a_body_that_ends_in_the_middle_of_a_frame_stores_nothing(running: Running, client: Client, table: str) -> None:
    body = gzip.compress(b"1,a\n" * 100_000)[:-20]
    status, _, text = running.http("POST", body, encoding="gzip", query=f"INSERT INTO {table} FORMAT CSV")
    assert status == 500
    assert b"middle of a frame" in text
    assert count(client, table) == 0


def test_an_insert_token_stores_one_copy_in_all_tables(running: Running) -> None:
    """The migrations' tables: the same Avro file twice under one token is one copy in every target of the views."""
    settings = ClickHouseSettings.from_url(running.url)
    migrate_up(settings)
    client = running.client(database="wattnet")
    strings = {"type": "map", "values": "string"}
    micros = {"type": "long", "logicalType": "timestamp-micros"}
    fields = {
        "topic": "string",
        "topic_id": "string",
        "partition": "int",
        "offset": "long",
        "kafka_time": {"type": "long", "logicalType": "timestamp-millis"},
        "claim_first": "long",
        "claim_next": "long",
        "claim_messages": "long",
        "name": "string",
        "value": ["null", "double"],
        "timestamp": micros,
        "labels": strings,
        "knowledge_time": micros,
        "zone_status": "string",
    }
    schema = {"type": "record", "name": "m", "fields": [{"name": n, "type": t} for n, t in fields.items()]}
    rows = 70_000
    file = io.BytesIO()
    fastavro.writer(
        file,
        fastavro.parse_schema(schema),
        (
            {
                "topic": "t",
                "topic_id": "id",
                "partition": 0,
                "offset": n,
                "kafka_time": 1_700_000_000_000,
                "claim_first": 0,
                "claim_next": rows,
                "claim_messages": rows,
                "name": "zone_load",
                "value": n / 7,
                "timestamp": 1_700_000_000_000_000 + n,
                "labels": {"zone": "ES"},
                "knowledge_time": 1_700_000_000_000_000,
                "zone_status": "complete" if n % 7 else "broken",
            }
            for n in range(rows)
        ),
    )
    options = {
        "insert_deduplication_token": "it's \\ a token",
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "input_format_avro_allow_missing_fields": 1,
        "input_format_parallel_parsing": 0,
        "min_insert_block_size_rows": 1_048_449,
        "min_insert_block_size_bytes": 0,
    }
    for _ in range(2):
        client.raw_insert("metrics_ingest", insert_block=file.getvalue(), fmt="Avro", settings=options)
    refused = rows // 7
    assert count(client, "metrics") == rows - refused
    assert count(client, "dead_letters") == refused
    assert client.query("SELECT messages, refused FROM ledger").result_rows == [(rows, refused)]
    assert count(client, "series") == 1
    client.raw_insert(
        "metrics_ingest",
        insert_block=file.getvalue(),
        fmt="Avro",
        settings={**options, "insert_deduplication_token": "other"},
    )
    assert count(client, "metrics") == 2 * (rows - refused), "another token is another insert"


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


def test_an_error_in_the_middle_of_a_stream_is_raised(client: Client) -> None:
    blocks: list[int] = []
    sql = "SELECT throwIf(number = 5000000) FROM numbers(10000000)"

    def read() -> None:
        with client.query_row_block_stream(sql, settings={"max_threads": 1}) as stream:
            blocks.extend(len(block) for block in stream)

    with pytest.raises((StreamFailureError, DatabaseError), match="throwIf"):
        read()


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
