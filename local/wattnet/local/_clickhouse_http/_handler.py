"""One HTTP request: its parameters, its statement, and the answer as ClickHouse gives it."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from wattnet.local._clickhouse_http._body import UnsupportedEncodingError, read_pieces, spooled
from wattnet.local._clickhouse_http._connection import EngineError
from wattnet.local._clickhouse_http._form import read_form
from wattnet.local._clickhouse_http._statement import find_insert, parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.local._clickhouse_http._connection import Connection
    from wattnet.local._clickhouse_http._engine import Engine
    from wattnet.local._clickhouse_http._statement import Insert

# Parameters of the interface itself; what is neither one of these nor param_* is a setting.
OWN = {
    "client_protocol_version", "compress", "database", "decompress", "default_format", "password", "query", "query_id",
    "quota_key", "role", "session_check", "session_id", "session_timeout", "stacktrace", "user", "wait_end_of_query",
}  # fmt: skip
# In these formats a result is its blocks' texts one after the other, so that it can be sent block by block.
STREAMABLE = {"csv", "jsoneachrow", "native", "rowbinary", "tabseparated", "tsv"}
DEFAULT_FORMAT = "TabSeparated"


@dataclass(frozen=True, slots=True)
class Request:
    """A request's parameters, sorted out."""

    options: dict[str, str]
    settings: dict[str, str]
    parameters: dict[str, str]

    @classmethod
    def from_pairs(cls, pairs: list[tuple[str, str]]) -> Request:
        request = cls({}, {}, {})
        for name, value in pairs:
            if name.startswith("param_"):
                request.parameters[name.removeprefix("param_")] = value
            elif name in OWN:
                request.options[name] = value
            else:
                request.settings[name] = value
        return request


class Handler(BaseHTTPRequestHandler):
    """`engine` is set by the subclass that the server makes."""

    engine: Engine
    protocol_version = "HTTP/1.1"
    # Without these two every answer waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server_version = "wattnet-clickhouse"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path in ("/ping", "/replicas_status"):
            self._send(200, {}, b"Ok.\n")
        else:
            # As the server does: what changes something needs POST.
            self._answer(read_only=True)

    def do_POST(self) -> None:
        self._answer(read_only=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass  # no access log: the log file is for failures

    def _answer(self, *, read_only: bool) -> None:
        url = urlsplit(self.path)
        if url.path not in ("", "/"):
            self.close_connection = True  # with its body unread
            self._send(404, {}, f"There is no handle {url.path}\n".encode())
            return
        self._started = time.monotonic_ns()
        self._streaming = False
        self._query_id = str(uuid.uuid4())
        pieces: Iterator[bytes] = iter(())
        try:
            pairs = parse_qsl(url.query, keep_blank_values=True)
            pieces = read_pieces(self.rfile, self.headers)
            if self.headers.get_content_type() == "multipart/form-data":
                pairs += read_form(b"".join(pieces), self.headers.get_boundary())
            request = Request.from_pairs(pairs)
            self._query_id = request.options.get("query_id") or self._query_id
            if read_only:
                request.settings.setdefault("readonly", "2")
            self._run(request, pieces)
        except ConnectionError:
            self.close_connection = True  # the client is gone
        except (EngineError, UnsupportedEncodingError, ValueError) as exc:
            if self._streaming:
                self._break_off(exc)
                return
            with suppress(ValueError, ConnectionError):
                for _ in pieces:
                    pass  # a client reads the answer only after it has sent everything
            self._fail(exc)

    def _run(self, request: Request, pieces: Iterator[bytes]) -> None:
        statement = request.options.get("query", "").encode()
        if statement:
            pieces = chain((statement + b"\n",), pieces)
        database = request.options.get("database") or self.headers.get("X-ClickHouse-Database") or ""
        with self.engine.connect(database=database, settings=request.settings) as connection:
            text = bytearray()
            wanted = 1 << 16
            for piece in pieces:
                text += piece
                if len(text) >= wanted:
                    if insert := find_insert(text):
                        self._insert(connection, insert, chain((bytes(text[insert.data_start :]),), pieces), request)
                        return
                    wanted = 2 * len(text)
            if insert := find_insert(text):
                self._insert(connection, insert, iter((bytes(text[insert.data_start :]),)), request)
            else:
                self._query(connection, bytes(text), request)

    def _insert(self, connection: Connection, insert: Insert, data: Iterator[bytes], request: Request) -> None:
        with spooled(data) as path:
            sql = b"%b FROM INFILE '%b' %b" % (insert.before, path.encode(), insert.after)
            # The connection is not kept: the token of a block is a setting, so the next insert is of another kind.
            result = connection.query(sql, "Null", request.parameters)
        self._send(200, self._result_headers(written=(result.rows_read(), result.bytes_read())), b"")

    def _query(self, connection: Connection, text: bytes, request: Request) -> None:
        query = parse_query(text)
        default = request.options.get("default_format") or self.headers.get("X-ClickHouse-Format") or DEFAULT_FORMAT
        format_ = query.format or default
        headers = {"X-ClickHouse-Format": format_} if query.answers else {}
        if query.selects and format_.lower() in STREAMABLE and request.options.get("wait_end_of_query") != "1":
            self._stream(connection.stream(text, default, request.parameters), headers)
        else:
            result = connection.query(text, default, request.parameters)
            if query.defines:
                self.engine.renew_connections()
            headers |= self._result_headers(
                read=(result.storage_rows_read(), result.storage_bytes_read()), rows=result.rows_read()
            )
            self._send(200, headers, memoryview(result.get_memview().view()) if result.size() else b"")
        connection.untouched = query.leaves_nothing

    def _stream(self, blocks: Iterator[memoryview], headers: dict[str, str]) -> None:
        first = next(blocks, None)
        if first is None:
            self._send(200, headers, b"")
            return
        self._streaming = True
        self._tag = uuid.uuid4().hex[:16]
        self._send_head(200, headers | {"Transfer-Encoding": "chunked", "X-ClickHouse-Exception-Tag": self._tag})
        for block in chain((first,), blocks):
            self._send_chunk(block)
        self.wfile.write(b"0\r\n\r\n")

    def _send_chunk(self, data: bytes | memoryview) -> None:
        self.wfile.write(b"%x\r\n" % len(data))
        self.wfile.write(data)
        self.wfile.write(b"\r\n")

    def _break_off(self, error: Exception) -> None:
        """An error in the middle of a stream: said inside the body as ClickHouse does, and the body left unfinished."""
        text = f"{error}\n".encode()
        tag = self._tag.encode()
        note = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag, text, len(text), tag)
        self._send_chunk(note)
        self.wfile.flush()
        self.close_connection = True

    def _result_headers(
        self, *, read: tuple[int, int] = (0, 0), written: tuple[int, int] = (0, 0), rows: int = 0
    ) -> dict[str, str]:
        counts = {
            "read_rows": read[0],
            "read_bytes": read[1],
            "written_rows": written[0],
            "written_bytes": written[1],
            "result_rows": rows or written[0],
            "elapsed_ns": time.monotonic_ns() - self._started,
        }
        return {"X-ClickHouse-Summary": json.dumps({name: str(count) for name, count in counts.items()})}

    def _fail(self, error: Exception) -> None:
        code = error.code if isinstance(error, EngineError) else 0
        self._send(500, {"X-ClickHouse-Exception-Code": str(code)}, f"{error}\n".encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes | memoryview) -> None:
        self._send_head(status, headers | {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        fixed = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Server-Display-Name": "wattnet",
            "X-ClickHouse-Query-Id": getattr(self, "_query_id", ""),
            "X-ClickHouse-Timezone": "UTC",
        }
        for name, value in (fixed | headers).items():
            self.send_header(name, value)
        self.end_headers()
