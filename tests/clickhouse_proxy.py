"""A proxy of the tests' own before ClickHouse: it passes everything on, but what it is told to stop, answer or drop."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

Place = Literal["request", "half", "response"]
INSERT = "INSERT INTO metrics_ingest"


@dataclass
class Gate:
    """Where one insert is stopped: before it is passed on, when half of it is, or after ClickHouse acknowledged it.

    `reached` is set when an insert stands there; `open` lets it go on, `drop` closes its connection.
    """

    place: Place
    token: str = ""  # stops only an insert whose token has this in it
    reached: threading.Event = field(default_factory=threading.Event)
    decided: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False

    def open(self) -> None:
        self.decided.set()

    def drop(self) -> None:
        self.dropped = True
        self.decided.set()

    def stand(self) -> bool:
        """Wait for the test's decision; returns whether to go on."""
        self.reached.set()
        return self.decided.wait(60) and not self.dropped


@dataclass
class Refusal:
    """An error of ClickHouse's, by code and name, that inserts are answered with; `count` is how many were."""

    code: int
    name: str
    token: str = ""
    count: int = 0


class ClickHouseProxy:
    """Listens on a free port of 127.0.0.1; `env` sends a consumer there.

    `inserts` counts those that came, `turned_away` the requests that found it away.
    """

    def __init__(self, clickhouse_url: str) -> None:
        upstream = urlsplit(clickhouse_url)
        self._gates: list[Gate] = []
        self._refusals: list[Refusal] = []
        self._away = False
        self._rule: Callable[[str], str | Refusal] = str
        self.inserts = 0
        self.turned_away = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                self._pass_on(b"")

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length")
                self._pass_on(self.rfile.read(int(length)) if length else self._chunks())

            def _chunks(self) -> bytes:
                body = bytearray()
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return bytes(body)

            def _pass_on(self, body: bytes) -> None:
                if proxy._away:
                    proxy.turned_away += 1
                    self.close_connection = True
                    return
                # The driver puts the statement into the body's first line, or into the URL.
                url = unquote_plus(self.path)
                insert = b"INSERT INTO metrics_ingest" in url.encode() + body[:100]
                ruled = proxy._rule(INSERT if insert else body.decode())
                if isinstance(ruled, Refusal):
                    ruled.count += 1
                    self._answer_error(ruled)
                    return
                if not insert:
                    body = ruled.encode()
                # One without a token is no range: the examination tries its rights with an insert of no rows.
                insert = insert and "insert_deduplication_token=" in url
                refusal = proxy._refusal(url) if insert else None
                if refusal is not None:
                    self._answer_error(refusal)
                    return
                gate = proxy._next_gate(url) if insert else None
                try:
                    self._through(body, gate)
                except (OSError, http.client.HTTPException):  # nobody there, or gone in the midst: so sees the client
                    self.close_connection = True

            def _answer_error(self, refusal: Refusal) -> None:
                text = f"Code: {refusal.code}. DB::Exception: the tests say so. ({refusal.name})\n".encode()
                self.send_response_only(500)
                self.send_header("X-ClickHouse-Exception-Code", str(refusal.code))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _through(self, body: bytes, gate: Gate | None) -> None:
                if gate and gate.place == "request" and not gate.stand():
                    self.close_connection = True
                    return
                connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=120)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in {"content-length", "transfer-encoding"}:
                        connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders()
                if gate and gate.place == "half":
                    connection.send(body[: len(body) // 2])
                    if not gate.stand():
                        connection.close()
                        self.close_connection = True
                        return
                    connection.send(body[len(body) // 2 :])
                else:
                    connection.send(body)
                response = connection.getresponse()
                answer = response.read()
                if gate and gate.place == "response" and not gate.stand():
                    self.close_connection = True
                    return
                self.send_response_only(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                connection.close()

            def log_message(self, *_: object) -> None:
                """Keep tests quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._lock = threading.Lock()

    @property
    def env(self) -> dict[str, str]:
        """Environment that makes a consumer come this way."""
        return {"CLICKHOUSE_HOST": "127.0.0.1", "CLICKHOUSE_PORT": str(self._server.server_address[1])}

    def hold_next_insert(self, place: Place, token: str = "") -> Gate:
        """Stop the next insert that comes, or the next one whose token has `token` in it."""
        gate = Gate(place, token)
        with self._lock:
            self._gates.append(gate)
        return gate

    @contextmanager
    def refusing(self, code: int, name: str, token: str = "") -> Iterator[Refusal]:
        """Answer inserts with this error, and pass none on; with `token` only those whose token has it."""
        refusal = Refusal(code, name, token)
        self._refusals.append(refusal)
        try:
            yield refusal
        finally:
            self._refusals.remove(refusal)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Close every connection without an answer, as long as this lasts."""
        self._away = True
        try:
            yield
        finally:
            self._away = False

    @contextmanager
    def ruled(self, rule: Callable[[str], str | Refusal]) -> Iterator[None]:
        """Pass on what the rule makes of each statement (of an insert only INSERT), or answer with its refusal."""
        self._rule = rule
        try:
            yield
        finally:
            self._rule = str

    def _refusal(self, url: str) -> Refusal | None:
        with self._lock:
            for refusal in self._refusals:
                if refusal.token in url:
                    self.inserts += 1
                    refusal.count += 1
                    return refusal
        return None

    def _next_gate(self, url: str) -> Gate | None:
        with self._lock:
            self.inserts += 1
            for gate in self._gates:
                if gate.token in url:
                    self._gates.remove(gate)
                    return gate
        return None

    def __enter__(self) -> ClickHouseProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            for gate in self._gates:
                gate.open()
        self._server.shutdown()
        self._server.server_close()
