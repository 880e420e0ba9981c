"""An error of ours is one exception in a traceback; what led to it is its `cause`, and in the log at debug."""

from __future__ import annotations

import ast
import logging
import pickle
import socket
import sys
import traceback
from contextlib import closing
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import pytest
import urllib3
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from wattnet.cli._close_breakers import close_breakers
from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up, migration_status
from wattnet.consumer import KafkaSettings
from wattnet.consumer._ingest import ClickHouseIngest
from wattnet.consumer._kafka_admin import admin_client
from wattnet.consumer._ledger import ClickHouseLedger
from wattnet.consumer._tables import asking_clickhouse, open_tables
from wattnet.legacy import import_legacy
from wattnet.local import MissingExtraError
from wattnet.local._downloads import fetch_once
from wattnet.producer import Producer, create_topic
from wattnet.query import Client
from wattnet.schemas import LabelError, Metric, WattnetError, canonical_labels
from wattnet.storage import MetricsRepository, StorageConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PARTS = sorted(ROOT.glob("*/wattnet/*/__init__.py"))
WRONG_PASSWORD, UNKNOWN_TABLE, SYNTAX, TOO_SLOW = 516, 60, 62, 159


@pytest.fixture
def away() -> str:
    """An address at which nothing listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def refusing() -> Iterator[str]:
    """A server that answers as ClickHouse does to a wrong password."""

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)"
            self.send_response(403)
            self.send_header("X-ClickHouse-Exception-Code", str(WRONG_PASSWORD))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  the name is http.server's

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def settings(address: str) -> ClickHouseSettings:
    host, port = address.split(":")
    return ClickHouseSettings(host=host, port=int(port))


class BrokenDriver:
    """A clickhouse_connect client whose every call fails as the real one does, over urllib3's error."""

    server_settings: ClassVar[dict[str, object]] = {}

    def __init__(self, error: Exception) -> None:
        self._error = error

    def query(self, *_: object, **__: object) -> Any:
        try:
            raise urllib3.exceptions.ProtocolError("Connection aborted.")
        except urllib3.exceptions.HTTPError as exc:
            raise self._error from exc

    command = raw_insert = query_column_block_stream = query


def asked(error: Exception) -> None:
    client = Client("http://localhost:8123")
    client._database._driver = BrokenDriver(error)  # type: ignore[assignment]
    client._database._pause = lambda _: None
    client.names()


def refused(code: int) -> DatabaseError:
    error = DatabaseError(f"Code: {code}. DB::Exception: no")
    error.code = code
    return error


def asked_by_consumer() -> None:
    with asking_clickhouse():
        BrokenDriver(refused(SYNTAX)).query()


def without_jgo() -> None:
    with patch.dict(sys.modules, {"jgo.maven": None}):
        fetch_once("a program", "0", lambda *_: None, progress=print)


FAILURES: dict[str, Callable[[str], object]] = {
    "connect, away": lambda away: connect(settings(away)),
    "migrate up, away": lambda away: migrate_up(settings(away)),
    "migrate status, away": lambda away: migration_status(settings(away)),
    "query, away": lambda away: Client(f"http://{away}").names(),
    "query, went away": lambda _: asked(OperationalError("Max retries exceeded with url: /")),
    "query, unknown table": lambda _: asked(refused(UNKNOWN_TABLE)),
    "query, refused": lambda _: asked(refused(SYNTAX)),
    "query, too slow": lambda _: asked(refused(TOO_SLOW)),
    "query, wrong zone": lambda _: Client("http://localhost", tz="Atlantis"),
    "producer, wrong option": lambda away: Producer(away, options={"no.such.option": 1}),
    "create_topic, away": lambda away: create_topic(away, "t", partitions=1, timeout_s=1),
    "registry, away": lambda away: Producer(away, schema_registry_url=f"http://{away}"),
    "spool, no folder": lambda away: Producer(away, spool=spool_in_a_file()),
    "consumer, away": lambda away: open_tables(settings(away)),
    "consumer, asking": lambda _: asked_by_consumer(),
    "consumer, insert": lambda _: ClickHouseIngest(BrokenDriver(refused(SYNTAX))).insert(b"", ""),  # type: ignore[arg-type]
    "consumer, ledger": lambda _: ClickHouseLedger(BrokenDriver(refused(SYNTAX)), "t").tail("", 0, None),  # type: ignore[arg-type]
    "consumer, wrong option": lambda away: admin_client(
        KafkaSettings(bootstrap_servers=away, options={"socket.timeout.ms": "soon"})
    ),
    "import-legacy, away": lambda away: list(import_legacy(settings(away), settings(away))),
    "repository, away": lambda away: MetricsRepository(config=stored_at(away)),
    "repository, wrong setting": lambda _: MetricsRepository(config=stored_at("localhost:port")),
    "local, no downloader": lambda _: without_jgo(),
    "cli, no consumer": lambda away: close_breakers(url=f"http://{away}"),
    "metric, lone surrogate": lambda _: canonical_labels({"zone": "\ud800"}),
    "metric, too large": lambda _: Metric("my_metric", 10**400, datetime.now(timezone.utc), {"zone": "ES"}),
}


def spool_in_a_file() -> Any:
    from wattnet.producer import Spool

    return Spool(Path(__file__) / "folder")


def stored_at(address: str) -> StorageConfig:
    host, port = address.split(":")
    given = {"host": host, "port": port, "connect_retries": 1}
    return StorageConfig(storage_clients=["clickhouse"], plugin_configs={"clickhouse": given})


def assert_alone(error: WattnetError) -> None:
    shown = "".join(traceback.format_exception(error))
    assert shown.count("Traceback (most recent call last)") == 1, shown
    assert error.__cause__ is None
    assert error.cause is not None, "what led to it is kept"


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_exception_in_a_traceback(failure: str, away: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "wattnet")
    with pytest.raises(WattnetError) as caught:
        FAILURES[failure](away)
    error = caught.value
    assert_alone(error)
    causes = [record.exc_info[1] for record in caplog.records if record.exc_info and record.levelname == "DEBUG"]
    assert error.cause in causes


@pytest.mark.parametrize("act", [connect, migrate_up, open_tables], ids=lambda act: act.__name__)
def test_a_wrong_password_is_one_exception_in_a_traceback(refusing: str, act: Callable[[Any], object]) -> None:
    with pytest.raises(WattnetError, match="Authentication failed") as caught:
        act(settings(refusing))
    assert_alone(caught.value)


def test_an_error_that_is_raised_while_another_is_handled_is_alone() -> None:
    """Also without `from None`: in a function that an except clause calls, nobody thinks of it."""
    with pytest.raises(LabelError) as caught:
        label_of_nothing({})
    assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1


def label_of_nothing(labels: dict[str, str]) -> str:
    try:
        return labels["zone"]
    except KeyError:
        return refuse()


def refuse() -> str:
    raise LabelError("no")


def test_an_error_survives_a_pickle() -> None:
    """It crosses processes, as in multiprocessing."""
    again = pickle.loads(pickle.dumps(MissingExtraError("no")))  # noqa: S301  our own bytes
    assert (type(again), str(again), again.cause) == (MissingExtraError, "no", None)


def test_no_error_names_its_cause_by_from() -> None:
    """`raise … from exc` prints the chain, whatever the class."""
    chained = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for part in PARTS
        for file in part.parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and node.cause is not None and not isinstance(node.cause, ast.Constant)
    ]
    assert chained == []


def test_every_base_class_says_where_the_cause_is() -> None:
    bases = [kind for kind in WattnetError.__subclasses__() if kind.__name__ not in {"CommandError", "MetricError"}]
    assert {kind.__name__ for kind in bases} >= {
        "ConsumerError",
        "LocalStackError",
        "ProducerError",
        "RepositoryError",
        "StorageError",
    }
    assert [kind.__name__ for kind in bases if "`cause`" not in (kind.__doc__ or "")] == []
