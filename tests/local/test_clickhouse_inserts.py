"""What is inserted into the embedded ClickHouse is stored whole, in every format and encoding, or not at all."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import fastavro
import lz4.frame  # type: ignore[import-untyped]  # it ships no types
import pytest

from wattnet.clickhouse import ClickHouseSettings, migrate_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clickhouse_connect.driver.client import Client
from local.clickhouse_alone import ROWS, Running, avro, count


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
