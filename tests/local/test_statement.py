"""Where a statement ends and its data begins, and what it will answer."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wattnet.local._clickhouse_http._statement import find_insert, parse_query

DATA = b"\n\x00data"


@pytest.mark.parametrize(
    ("head", "before", "after"),
    [
        (b"INSERT INTO t FORMAT Avro", b"INSERT INTO t ", b"FORMAT Avro"),
        (b"insert into t(a, `b)\\``) format CSV", b"insert into t(a, `b)\\``) ", b"format CSV"),
        (b"INSERT INTO d.t SETTINGS a = 1 FORMAT CSV", b"INSERT INTO d.t ", b"SETTINGS a = 1 FORMAT CSV"),
        (b"INSERT INTO TABLE format FORMAT CSV", b"INSERT INTO TABLE format ", b"FORMAT CSV"),
        (b"INSERT INTO settings.values FORMAT CSV", b"INSERT INTO settings.values ", b"FORMAT CSV"),
        (b"INSERT INTO t (format, settings) FORMAT CSV", b"INSERT INTO t (format, settings) ", b"FORMAT CSV"),
        (b"/* FORMAT */ -- SELECT\n INSERT t FORMAT CSV", b"/* FORMAT */ -- SELECT\n INSERT t ", b"FORMAT CSV"),
        (b"INSERT INTO {t:Identifier} FORMAT CSV", b"INSERT INTO {t:Identifier} ", b"FORMAT CSV"),
        (b"INSERT INTO FUNCTION null('x String') FORMAT CSV", b"INSERT INTO FUNCTION null('x String') ", b"FORMAT CSV"),
    ],
)
@pytest.mark.parametrize("gap", [b"\n", b" \t\r\n", b";\n"])
def test_the_data_begins_behind_one_line_end(head: bytes, before: bytes, after: bytes, gap: bytes) -> None:
    insert = find_insert(head + gap + DATA)
    assert insert is not None
    assert (insert.before, insert.after) == (before, after)
    assert (head + gap + DATA)[insert.data_start :] == DATA


@given(st.binary())
@example(b"\n\n")
@example(b"'FORMAT")
@example(b"/*")
def test_data_is_never_touched(data: bytes) -> None:
    text = b"INSERT INTO t (a) FORMAT Native\n" + data
    insert = find_insert(text)
    assert insert is not None
    assert text[insert.data_start :] == data


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t VALUES (1)",
        b"INSERT INTO t FORMAT Values (1)",
        b"INSERT INTO t SELECT 1 AS format, format FORMAT",
        b"INSERT INTO t WITH 1 AS x SELECT x",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"INSERT INTO t (a, b",
        b"INSERT INTO t FORMAT",
        b"INSERT INTO t FORMAT Nat",
    ],
)
def test_other_statements_and_unfinished_ones_have_no_data(text: bytes) -> None:
    assert find_insert(text) is None


@pytest.mark.parametrize(
    ("text", "format_", "answers"),
    [
        (b"WITH 1 AS x INSERT INTO t SELECT x", None, False),
        (b"WITH 1 AS x INSERT INTO settings SELECT x", None, False),
        (b"SELECT 1 FORMAT /* of */ JSON -- FORMAT CSV", "JSON", True),
        (b"SELECT 1 FORMAT JSON; # FORMAT CSV\n;", "JSON", True),
        (b"SELECT 1 AS format x " + b"/* ** */ -- it's -- \n" * 50 + b", 2", None, True),
        (b"SELECT 1 -- it's\n FORMAT JSON -- it's", "JSON", True),
        (b"SELECT [1 AS x, {a:UInt8}] AS format FORMAT JSON", "JSON", True),
        (b"SELECT format(x, 'FORMAT CSV'), reformat FORMAT JSON", "JSON", True),
        (b"WITH 1 AS insert SELECT insert, into FROM t", None, True),
        (b"EXPLAIN INSERT INTO t SELECT 1 FORMAT JSON", "JSON", True),
        (b"SELECT 1", None, True),
        (b"SELECT 1 FORMAT Native", "Native", True),
        (b"(SELECT 1) format JSON ;", "JSON", True),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON", True),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT JSON -- really", "JSON", True),
        (b"SELECT format FROM t", None, True),
        (b"SELECT a AS format", None, True),
        (b"SELECT 'x FORMAT CSV'", None, True),
        (b"SELECT (SELECT 1 FORMAT CSV)", None, True),
        (b"SELECT 'FORMAT CSV', 'it''s', 'a\\', FORMAT CSV', 1.5 , `x``, FORMAT CSV` FORMAT JSON", "JSON", True),
        (b"SELECT x IN (" + b"'FORMAT CSV',\n" * 2500 + b"1) FORMAT JSON", "JSON", True),
        (b"/* why */ WITH 1 AS x SELECT x", None, True),
        (b"SHOW TABLES", None, True),
        (b"CREATE TABLE t (x UInt8) ENGINE = Memory", None, False),
        (b"ALTER TABLE t DELETE WHERE 1", None, False),
        (b"", None, False),
    ],
)
def test_what_a_statement_answers(text: bytes, format_: str | None, answers: bool) -> None:
    query = parse_query(text)
    assert (query.format, query.answers) == (format_, answers)


def test_only_selecting_statements_come_block_by_block() -> None:
    for selecting in (b"SELECT 1", b"WITH 1 AS x SELECT x", b"((SELECT 1))", b"FROM t SELECT x"):
        assert parse_query(selecting).selects
    for other in (b"SHOW TABLES", b"DESC t", b"EXPLAIN SELECT 1", b"WITH 1 AS x INSERT INTO t SELECT x", b"SET a = 1"):
        assert not parse_query(other).selects


def test_a_long_string_takes_no_memory() -> None:
    text = b"SELECT '%b'" % (b"x" * 200_000)
    tracemalloc.start()
    try:
        parse_query(text)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(text)
    finally:
        tracemalloc.stop()
