"""What `examine` says of a schema registry: one of the tests' own, that answers as it is told."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from wattnet.consumer import Finding, KafkaSettings
from wattnet.consumer._doctor_registry import examine_registry
from wattnet.schemas import METRIC_SCHEMA_JSON

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = tuple[int, Any]
NOT_FOUND: Answer = (404, {"error_code": 40401, "message": "not found"})
GOOD: dict[str, Answer] = {
    "/subjects": (200, ["power-value"]),
    "/subjects/power-value/versions/latest": (
        200,
        {"subject": "power-value", "version": 3, "id": 7, "schema": METRIC_SCHEMA_JSON},
    ),
    "/config": (200, {"compatibilityLevel": "BACKWARD"}),
}


@contextmanager
def registry(answers: dict[str, Answer]) -> Iterator[tuple[str, list[str]]]:
    """The address without the scheme, and the credentials that came."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            status, answer = answers.get(self.path.partition("?")[0], NOT_FOUND)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep tests quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def examined(answers: dict[str, Answer]) -> dict[str, Finding]:
    with registry(answers) as (address, _):
        return look(f"http://{address}")


def look(url: str) -> dict[str, Finding]:
    settings = KafkaSettings(topic="power", schema_registry_url=url)
    return {one.name: one for one in examine_registry(settings)}


def test_one_that_answers_checks_and_has_a_metrics_schema_is_well() -> None:
    found = examined(GOOD)
    assert [(one.name, one.severity) for one in found.values()] == [
        ("schema registry", "ok"),
        ("schema", "ok"),
        ("compatibility", "ok"),
    ]
    assert "version 3 of subject 'power-value' (id 7)" in found["schema"].seen


def test_none_that_is_set_is_none_that_is_missed() -> None:
    assert list(examine_registry(KafkaSettings(schema_registry_url=None))) == []


def test_the_first_producer_brings_the_schema() -> None:
    found = examined({**GOOD, "/subjects/power-value/versions/latest": NOT_FOUND})
    assert found["schema"].severity == "note"


def test_a_schema_that_is_no_metrics_is_warned_of() -> None:
    stranger = {"type": "record", "name": "Weather", "fields": [{"name": "rain", "type": "double"}]}
    latest = {"subject": "power-value", "version": 4, "id": 8, "schema": json.dumps(stranger)}
    schema = examined({**GOOD, "/subjects/power-value/versions/latest": (200, latest)})["schema"]
    assert schema.severity == "warning"
    assert "version 4" in schema.seen
    assert "field 'name' is missing" in schema.seen


def test_one_that_takes_any_schema_is_warned_of() -> None:
    found = examined({**GOOD, "/config": (200, {"compatibilityLevel": "NONE"})})["compatibility"]
    assert (found.severity, "BACKWARD" in found.remedy) == ("warning", True)


def test_one_that_is_away_or_refuses_is_warned_of() -> None:
    """Nothing is lost by it, so it is not fatal; its credentials are used and never shown."""
    (away,) = look("http://user:s3cr3t@127.0.0.1:1/apis").values()
    assert (away.severity, away.exit_code) == ("warning", 0)
    assert away.seen.startswith("http://127.0.0.1:1/apis does not answer")
    with registry({"/subjects": (401, {"error_code": 40101, "message": "who?"})}) as (address, seen):
        (refuses,) = look(f"http://user:s3cr3t@{address}").values()
    assert seen == ["Basic " + base64.b64encode(b"user:s3cr3t").decode()]
    assert "refuses this user (401)" in refuses.seen
    assert "SCHEMA_REGISTRY_PASSWORD" in refuses.remedy
    assert "s3cr3t" not in f"{away}{refuses}"
