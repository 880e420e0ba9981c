"""The engine's connections are kept between requests, and no request sees in them what another did."""

from __future__ import annotations

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from wattnet.local._clickhouse_http._connection import Connection
from wattnet.local._clickhouse_http._idle import MOST, IdleConnections
from wattnet.local._ports import HOST

if TYPE_CHECKING:
    from local.clickhouse_alone import Running

STATEMENTS = b"SELECT value FROM system.events WHERE event = 'Query'"
STATE = b"SELECT getSetting('max_block_size'), currentDatabase()"


class StandIn(Connection):
    closed = False

    def __init__(self) -> None:
        super().__init__(None)

    def close(self) -> None:
        self.closed = True


def ask(running: Running, sql: bytes, **parameters: str) -> bytes:
    status, _, body = running.http("POST", sql, **parameters)
    assert status == 200, body
    return body


@pytest.mark.parametrize("options", [{}, {"wait_end_of_query": "1"}])
def test_a_question_like_the_one_before_needs_no_preparing(running: Running, options: dict[str, str]) -> None:
    """Otherwise USE and SET are two statements more for each."""
    asked = {"database": "default", "max_threads": "1"} | options
    ask(running, b"SELECT 1", **asked)
    first, second = (int(ask(running, STATEMENTS, **asked)) for _ in range(2))
    assert second - first == 1


@pytest.mark.parametrize("options", [{}, {"wait_end_of_query": "1"}])
@pytest.mark.parametrize(
    "sql",
    [
        b"SET max_block_size = 77",
        b"USE system",
        b"CREATE TEMPORARY TABLE left_behind (x UInt8)",
        b"SELECT 1; SET max_block_size = 77",
        b"SELECT 1 FORMAT JSON; SET max_block_size = 77",
        b"SHOW TABLES; USE system",
        b"SELECT $$'$$; SET max_block_size = 77; SELECT $$'$$",
        b"SELECT {left:String} SETTINGS max_block_size = 77",
        b"DESCRIBE TABLE system.one SETTINGS max_block_size = 77",
        b"EXPLAIN SELECT 1 SETTINGS max_block_size = 77",
        b"SELECT throwIf(1) SETTINGS max_block_size = 77",
        b"SELECT throwIf(number = 50000) FROM numbers(90000) SETTINGS max_block_size = 777, max_threads = 1",
        b"SELECT 1 INTO OUTFILE '/nowhere/at/all'",
        b"SELEC 1",
    ],
)
def test_nothing_is_left_of_a_request(running: Running, sql: bytes, options: dict[str, str]) -> None:
    asked = {"log_comment": "one kind"} | options
    before = ask(running, STATE, **asked)
    with suppress(http.client.IncompleteRead):  # an error in the middle of a stream
        running.http("POST", sql, param_left="x", query_id="the-same", **asked)
    assert [ask(running, STATE, **asked) for _ in range(2)] == [before, before]
    status, headers, _ = running.http("POST", b"SELECT {left:String}", **asked)
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "456")
    assert ask(running, b"EXISTS TEMPORARY TABLE left_behind", **asked) == b"0\n"


def test_a_client_that_goes_away_leaves_no_rows_to_the_next(running: Running) -> None:
    """Of a connection whose rows nobody fetched, chDB answers the next statement with nothing."""
    for _ in range(3):
        sql = quote("SELECT number FROM numbers(100000000)")
        with socket.create_connection((HOST, running.port)) as gone:
            gone.sendall(f"POST /?query={sql}&log_comment=gone HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode())
            assert gone.recv(1000).startswith(b"HTTP/1.1 200")
        assert ask(running, b"SELECT 'mine'", log_comment="gone") == b"mine\n"
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda n: ask(running, b"SELECT %d" % n, log_comment="gone"), range(40))
        assert list(answers) == [b"%d\n" % n for n in range(40)]


def test_what_may_only_read_is_not_given_to_a_writer(running: Running) -> None:
    for _ in range(2):
        assert running.http("GET", query="SELECT 1")[2] == b"1\n"
        ask(running, b"CREATE OR REPLACE TABLE written (x UInt8) ENGINE = Memory")
        assert running.http("GET", query="DROP TABLE written")[0] == 500


def test_a_database_that_was_dropped_is_unknown(running: Running) -> None:
    for _ in range(2):
        ask(running, b"CREATE DATABASE dropped")
        ask(running, b"CREATE TABLE dropped.t ENGINE = MergeTree ORDER BY x AS SELECT 1 AS x")
        assert ask(running, b"SELECT x FROM t", database="dropped") == b"1\n"
        ask(running, b"DROP DATABASE dropped SYNC")
        status, headers, _ = running.http("POST", b"SELECT 1", database="dropped")
        assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "81")


def test_many_kinds_at_the_same_time_are_never_mixed_up(running: Running) -> None:
    def read(worker: int) -> None:
        connection = http.client.HTTPConnection(HOST, running.port, timeout=30)
        for step in range(30):
            size = 1000 + (worker + step) % (MOST + 4)
            url = f"/?max_block_size={size}&param_v={worker}.{step}"
            connection.request("POST", url, b"SELECT getSetting('max_block_size'), {v:String}, count() FROM numbers(9)")
            assert connection.getresponse().read() == f"{size}\t{worker}.{step}\t9\n".encode()
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(read, range(6)))


def test_those_that_nobody_asks_for_are_closed_first() -> None:
    idle = IdleConnections()
    connections = [StandIn() for _ in range(MOST + 2)]
    for number, connection in enumerate(connections):
        idle.put(number, connection, generation=idle.generation)
    assert [connection.closed for connection in connections] == [True] * 2 + [False] * MOST
    assert idle.take(1) is None
    assert idle.take(2) is connections[2]
    assert idle.take(2) is None, "each is given once"


def test_closing_reaches_those_in_use() -> None:
    idle = IdleConnections()
    waiting, in_use, new = StandIn(), StandIn(), StandIn()
    idle.put("a", waiting, generation=idle.generation)
    before = idle.generation
    idle.close()
    assert waiting.closed
    idle.put("a", in_use, generation=before)
    assert in_use.closed
    idle.put("a", new, generation=idle.generation)
    assert not new.closed
    assert idle.take("a") is new


def test_two_threads_never_get_the_same() -> None:
    idle = IdleConnections()
    in_hand: set[int] = set()
    lock = threading.Lock()

    def use() -> None:
        for _ in range(300):
            connection = idle.take("a") or StandIn()
            with lock:
                assert id(connection) not in in_hand
                in_hand.add(id(connection))
            with lock:
                in_hand.remove(id(connection))
            idle.put("a", connection, generation=0)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(use) for _ in range(4)]:
            done.result()
