"""What a consumer answers over HTTP: /livez, /readyz, /metrics, and POST /breaker/close."""

from __future__ import annotations

import json
import logging
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder

from wattnet.consumer._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event
    from types import TracebackType

    from wattnet.consumer._health import Health
    from wattnet.consumer._meters import Meters
    from wattnet.consumer._settings import HttpSettings

logger = logging.getLogger(__name__)

# How long closing may take.
CLOSING_S = 0.05
# Probes and people may ask often; ClickHouse is asked once in so long.
PING_INTERVAL_S = 1.0
JSON = "application/json"


class HttpServer:
    """Serves in threads of its own while it is open; says on the log where.

    POST /breaker/close sets `close_breakers`.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        health: Health,
        meters: Meters,
        close_breakers: Event,
    ) -> None:
        self._health = health
        self._meters = meters
        self._ping: Callable[[], bool] = lambda: True
        self._close_breakers = close_breakers
        self._pinged_at = float("-inf")
        self._pong = True
        try:
            self._server = ThreadingHTTPServer((settings.host, settings.port), _handler(self))
        except (OSError, OverflowError) as exc:
            raise ConfigurationError(
                f"cannot listen on WATTNET_HTTP_HOST={settings.host!r}, WATTNET_HTTP_PORT={settings.port}: {exc}. "
                "Port 0 takes any free one"
            ).caused_by(exc) from None
        self._server.daemon_threads = True

    def __enter__(self) -> HttpServer:
        Thread(target=self._server.serve_forever, args=(CLOSING_S,), name="http", daemon=True).start()
        host, port = self._server.server_address[:2]
        logger.info("serving http://%s:%s", host if isinstance(host, str) else host.decode(), port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def watch(self, ping: Callable[[], bool]) -> None:
        """From now on be ready only while `ping` says that ClickHouse answers; it must not raise."""
        self._ping = ping

    def answer(self, method: str, path: str, accept: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if (method, path) == ("GET", "/livez"):
            alive = self._health.alive
            return 200 if alive else 503, JSON, _json({"alive": alive})
        if (method, path) == ("GET", "/readyz"):
            reasons = [*self._health.reasons, *([] if self._clickhouse_answers() else ["ClickHouse does not answer"])]
            return 503 if reasons else 200, JSON, _json({"ready": not reasons, "reasons": reasons})
        if (method, path) == ("GET", "/metrics"):
            encode, content_type = choose_encoder(accept)
            return 200, content_type, encode(self._meters.registry)
        if (method, path) == ("POST", "/breaker/close"):
            self._close_breakers.set()
            return 202, JSON, _json({"breakers": "closing"})
        return 404, JSON, _json({"there is": ["/livez", "/readyz", "/metrics", "POST /breaker/close"]})

    def _clickhouse_answers(self) -> bool:
        now = time.monotonic()
        if now - self._pinged_at >= PING_INTERVAL_S:
            self._pinged_at = now
            self._pong = self._ping()
        return self._pong


def _json(answer: object) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _handler(server: HttpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = server.answer(
                self.command, self.path.partition("?")[0], self.headers.get("Accept", "")
            )
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  the name is http.server's

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the name is http.server's
            logger.debug(format, *arguments)

    return Handler
