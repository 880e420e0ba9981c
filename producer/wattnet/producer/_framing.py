"""Which header stands in front of every record: the registry's id, or the schema's own fingerprint."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from wattnet.producer._errors import SchemaRegistryError
from wattnet.schemas import METRIC_FINGERPRINT, METRIC_SCHEMA_JSON, confluent_header, single_object_header

_NOT_FOUND = 404
_INCOMPATIBLE = 409
_TIMEOUT_S = 10


def header(topic: str, schema_registry_url: str | None) -> bytes:
    """Avro single-object framing without a registry; Confluent's framing with one, where the schema is then known.

    The schema is looked up under the subject `<topic>-value` and registered when it is not there, so a registry that
    only reads will do once somebody has registered it. Raises SchemaRegistryError.
    """
    if schema_registry_url is None:
        return single_object_header(METRIC_FINGERPRINT)
    # Imported here: it brings an HTTP client, and most producers need none.
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.schema_registry.error import SchemaRegistryError as RegistryAnswer

    options = _options(schema_registry_url)
    subject, place = f"{topic}-value", options["url"]
    schema = Schema(METRIC_SCHEMA_JSON, "AVRO")
    try:
        registry = SchemaRegistryClient.new_client(options)
        try:
            schema_id = registry.lookup_schema(subject, schema).schema_id
        except RegistryAnswer as answer:
            if answer.http_status_code != _NOT_FOUND:
                raise
            schema_id = registry.register_schema(subject, schema)
    except RegistryAnswer as answer:
        if answer.http_status_code == _INCOMPATIBLE:
            raise SchemaRegistryError(
                f"subject {subject!r} at {place} holds a schema that does not fit this version's "
                f"({answer.error_message}): another program may use the topic, or a newer version registered it"
            ) from answer
        raise SchemaRegistryError(f"the schema registry at {place} refused subject {subject!r}: {answer}") from answer
    except Exception as exc:
        # The client raises its HTTP library's errors, which are no part of its interface.
        raise SchemaRegistryError(
            f"the schema registry at {place} did not answer ({type(exc).__name__}: {exc}): is it up, is the URL right?"
        ) from exc
    if schema_id is None:
        raise SchemaRegistryError(f"the schema registry gave no id for subject {subject!r}")
    return confluent_header(schema_id)


def framing(schema_registry_url: str | None) -> str:
    """Which framing that is, in words and without credentials: records of another one are for other readers."""
    if schema_registry_url is None:
        return "schema fingerprint"
    return f"schema registry {_options(schema_registry_url)['url']}"


def _options(url: str) -> dict[str, Any]:
    """The client's options. Its HTTP library logs each URL, so credentials are taken out of it."""
    parts = urlsplit(url)
    credentials, _, place = parts.netloc.rpartition("@")
    options = {"url": parts._replace(netloc=place).geturl(), "timeout": _TIMEOUT_S, "max.retries": 2}
    if credentials:
        user, _, password = credentials.partition(":")
        options["basic.auth.user.info"] = f"{unquote(user)}:{unquote(password)}"
    return options
