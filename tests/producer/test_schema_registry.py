"""The producer's schema in a registry: registered, found, kept readable, and said clearly when it does not fit.

The registry is real: a producer asks it when it is made, before any broker.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError as RegistryAnswer

from wattnet.producer import FlushResult, Producer, SchemaRegistryError, SchemaRegistryUnreachableError, Spool
from wattnet.producer._framing import header
from wattnet.producer._registry import obstacles
from wattnet.producer._spool_record import unpack
from wattnet.schemas import METRIC_SCHEMA_JSON, Metric, confluent_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wattnet.local import LocalStack

OTHER = '{"type": "record", "namespace": "eu.other", "name": "Other", "fields": [{"name": "x", "type": "int"}]}'
JSON = "application/vnd.schemaregistry.v1+json"


@pytest.fixture
def url(registry_stack: LocalStack) -> str:
    assert registry_stack.schema_registry_url is not None
    return registry_stack.schema_registry_url


@pytest.fixture
def registry(url: str) -> Iterator[SchemaRegistryClient]:
    """Whose level a test may change."""
    client = SchemaRegistryClient({"url": url})
    yield client
    client.set_compatibility(level="BACKWARD")


@pytest.fixture
def topic() -> str:
    return f"test-{uuid.uuid4().hex}"


def register(url: str, topic: str) -> bytes:
    """What a producer asks of the registry when it is made, and then puts in front of its records."""
    return header(topic, url)


def with_fields(*added: dict[str, Any], without: str = "", **changed: Any) -> str:
    schema = json.loads(METRIC_SCHEMA_JSON)
    kept = [{**field, **changed.get(field["name"], {})} for field in schema["fields"] if field["name"] != without]
    return json.dumps({**schema, "fields": [*kept, *added]})


@pytest.mark.parametrize(
    ("general", "own"),
    [("NONE", "BACKWARD"), ("FORWARD", "FULL"), ("BACKWARD", "NONE"), ("FULL_TRANSITIVE", "NONE")],
)
def test_a_new_subject_takes_only_what_can_read_what_is_there(
    registry: SchemaRegistryClient, url: str, topic: str, general: str, own: str
) -> None:
    """By a level of its own (this registry says NONE where it has none) where the general one would not do."""
    registry.set_compatibility(level=general)
    found = register(url, topic)
    latest = registry.get_latest_version(f"{topic}-value")
    assert (latest.version, found) == (1, confluent_header(latest.schema_id or 0))
    assert json.loads(latest.schema.schema_str or "") == json.loads(METRIC_SCHEMA_JSON)
    assert registry.get_compatibility(f"{topic}-value") == own
    with pytest.raises(RegistryAnswer, match="409"):
        registry.register_schema(f"{topic}-value", Schema(with_fields({"name": "mood", "type": "string"}), "AVRO"))
    assert register(url, topic) == found, "the next producer finds it"


@pytest.mark.parametrize("chosen", ["FULL_TRANSITIVE", "NONE"])
def test_a_level_that_somebody_chose_for_the_subject_stays(
    registry: SchemaRegistryClient, url: str, topic: str, chosen: str
) -> None:
    registry.set_compatibility(level="FORWARD")
    registry.set_compatibility(f"{topic}-value", chosen)
    register(url, topic)
    assert registry.get_compatibility(f"{topic}-value") == chosen


def test_a_subject_with_an_older_schema_gets_this_ones_as_its_next_version(
    registry: SchemaRegistryClient, url: str, topic: str
) -> None:
    older = with_fields(without="attributes")
    registry.register_schema(f"{topic}-value", Schema(older, "AVRO"))
    found = register(url, topic)
    fresh = SchemaRegistryClient({"url": url})
    latest = fresh.get_latest_version(f"{topic}-value")
    assert (latest.version, found) == (2, confluent_header(latest.schema_id or 0))


def test_a_subject_with_a_newer_schema_keeps_both(registry: SchemaRegistryClient, url: str, topic: str) -> None:
    registry.register_schema(f"{topic}-value", Schema(with_fields({"name": "mood", "type": "string", "default": ""})))
    found = register(url, topic)
    assert register(url, topic) == found
    assert registry.get_versions(f"{topic}-value") == [1, 2]


@pytest.mark.parametrize("general", ["NONE", "BACKWARD"])
@pytest.mark.parametrize(
    ("held", "said"),
    [
        (OTHER, "it is a record eu.other.Other, and not eu.wattnet.Metric"),
        (with_fields(without="labels"), "it lacks field 'labels', which has no default"),
        (with_fields(zone_status={"type": "int", "default": 0}), 'its field \'zone_status\' is "int", not "string"'),
    ],
)
def test_what_does_not_fit_is_named(
    registry: SchemaRegistryClient, url: str, topic: str, general: str, held: str, said: str
) -> None:
    """Also where the registry itself would take anything."""
    registry.set_compatibility(level=general)
    registry.register_schema(f"{topic}-value", Schema(held, "AVRO"))
    with pytest.raises(SchemaRegistryError) as caught:
        register(url, topic)
    message = str(caught.value)
    assert f"subject '{topic}-value' at {url} holds, as version 1, a schema that does not fit" in message
    assert said in message
    assert "publish to another one" in message
    assert "delete the subject" in message
    assert registry.get_versions(f"{topic}-value") == [1]


def test_what_the_registry_alone_finds_unfit_is_its_words(registry: SchemaRegistryClient, url: str, topic: str) -> None:
    """Every older version counts for it, not the latest one only."""
    registry.set_compatibility(f"{topic}-value", "NONE")
    registry.register_schema(f"{topic}-value", Schema(OTHER, "AVRO"))
    registry.register_schema(f"{topic}-value", Schema(with_fields(without="attributes"), "AVRO"))
    registry.set_compatibility(f"{topic}-value", "BACKWARD_TRANSITIVE")
    with pytest.raises(SchemaRegistryError, match=rf"'{topic}-value' at .* does not fit this version's \(.*409"):
        register(url, topic)


def test_obstacles_are_what_keeps_bytes_from_being_read() -> None:
    assert obstacles(METRIC_SCHEMA_JSON) == []
    assert obstacles(with_fields(name={"doc": "said otherwise"})) == []
    assert obstacles(with_fields(name={"type": {"type": "string", "avro.java.string": "String"}})) == []
    assert obstacles('"string"') == ["it is no record, and eu.wattnet.Metric is one"]
    millis = {"type": {"type": "long", "logicalType": "timestamp-millis"}}
    assert "'timestamp' is" in obstacles(with_fields(timestamp=millis))[0]
    assert "'labels' is" in obstacles(with_fields(labels={"type": {"type": "map", "values": "long"}}))[0]


class Forwarder:
    """Stands before a registry and answers with `status` where `refuses` says so."""

    def __init__(self, url: str, *, status: int, refuses: list[tuple[str, str]]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refuses = refuses

        class Handler(BaseHTTPRequestHandler):
            def answer(handler) -> None:  # noqa: N805  two classes, one body
                method, path = handler.command, handler.path.split("?")[0]
                self.asked.append((method, path))
                body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
                code, text = status, b'{"error_code": 1, "message": "not you"}'
                if not any(method == verb and path.endswith(end) for verb, end in refuses):
                    request = urllib.request.Request(  # noqa: S310  our own address
                        url + handler.path, data=body or None, method=method, headers={"Content-Type": JSON}
                    )
                    try:
                        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
                            code, text = response.status, response.read()
                    except urllib.error.HTTPError as error:
                        code, text = error.code, error.read()
                handler.send_response(code)
                handler.send_header("Content-Type", JSON)
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text)

            do_GET = do_POST = do_PUT = answer  # noqa: N815

            def log_message(handler, *_: object) -> None:  # noqa: N805
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_reading_is_enough_once_the_schema_is_there(url: str, topic: str) -> None:
    reader = Forwarder(url, status=403, refuses=[("POST", "/versions"), ("PUT", "-value"), ("PUT", "/config")])
    with pytest.raises(SchemaRegistryError, match=r"lets this user not in, or not register .*not you.* one producer"):
        register(reader.url, topic)
    found = register(url, topic)
    reader.asked.clear()
    assert register(reader.url, topic) == found
    assert reader.asked == [("POST", f"/subjects/{topic}-value")], "one question, which is the lookup"
    reader.close()


def test_a_user_that_may_not_set_levels_registers_all_the_same(
    registry: SchemaRegistryClient, url: str, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry.set_compatibility(level="NONE")
    writer = Forwarder(url, status=403, refuses=[("PUT", "-value")])
    register(writer.url, topic)
    assert registry.get_versions(f"{topic}-value") == [1]
    assert "its compatibility could not be set to BACKWARD: not you" in caplog.text
    writer.close()


def test_a_registry_in_trouble_is_worth_another_try(url: str, topic: str) -> None:
    broken = Forwarder(url, status=503, refuses=[("POST", "-value")])
    with pytest.raises(SchemaRegistryUnreachableError, match=r"is in trouble .*503.* try again later"):
        register(broken.url, topic)
    broken.close()
    with pytest.raises(SchemaRegistryUnreachableError, match="did not answer"):
        register("http://127.0.0.1:1", topic)


def test_a_spool_remembers_the_id_while_the_registry_is_away(
    url: str, topic: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a producer with a spool is there for: to come up in an outage."""
    between = Forwarder(url, status=503, refuses=[])

    def closed(folder: Path) -> FlushResult:
        producer = Producer("127.0.0.1:1", topic=topic, schema_registry_url=between.url, spool=Spool(folder))
        producer.send(Metric("x", 1.0, datetime(2025, 3, 1, tzinfo=timezone.utc)))
        return producer.close(0)

    assert closed(tmp_path / "used").spooled == 1
    between.refuses.append(("POST", "-value"))
    assert closed(tmp_path / "used").spooled == 2
    assert "Until then the schema has the id of last time" in caplog.text
    first, second = unpack(next((tmp_path / "used").glob("*.segment")).read_bytes())
    assert first[1][:5] == second[1][:5] == register(url, topic)
    with pytest.raises(SchemaRegistryUnreachableError):
        closed(tmp_path / "new")
    between.close()
