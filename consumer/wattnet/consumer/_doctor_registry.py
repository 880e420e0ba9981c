"""The schema registry, where one is set: whether it answers, and whether its schema is a metric's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from wattnet.consumer._finding import Finding, note, ok, warning
from wattnet.consumer._writer_schemas import misfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.consumer._settings import KafkaSettings

TIMEOUT_S = 5
NOT_FOUND = 404
REFUSED = frozenset({401, 403})
# Not fatal: nothing is lost, and it may heal.
WAITS = "messages of schemas that a consumer has not seen wait, and it has seen none when it starts"


def examine_registry(settings: KafkaSettings) -> Iterator[Finding]:
    """The registry's part of the examination; nothing when none is set."""
    options = settings.registry_options()
    if options is None:
        return
    # The settings took the credentials out of it.
    url = settings.schema_registry_url
    try:
        client = SchemaRegistryClient({**options, "timeout": TIMEOUT_S, "max.retries": 0})
        yield ok("schema registry", f"answers at {url}: {len(client.get_subjects())} subjects")
        yield _schema(client, f"{settings.topic}-value")
        yield _compatibility(client)
    except SchemaRegistryError as exc:
        if exc.http_status_code in REFUSED:
            remedy = "look at SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD"
            yield warning("schema registry", f"{url} refuses this user ({exc.http_status_code}): {WAITS}", remedy)
        else:
            yield warning("schema registry", f"{url} answers {exc.http_status_code}: {WAITS}", "look at its log")
    except Exception as exc:  # noqa: BLE001  # whatever its HTTP client raises: it has no common base
        remedy = "start it, or set SCHEMA_REGISTRY_URL"
        yield warning("schema registry", f"{url} does not answer ({type(exc).__name__}): {WAITS}", remedy)


def _schema(client: SchemaRegistryClient, subject: str) -> Finding:
    try:
        registered = client.get_latest_version(subject)
    except SchemaRegistryError as exc:
        if exc.http_status_code != NOT_FOUND:
            raise
        return note("schema", f"subject {subject!r} has no schema yet: the first producer registers it")
    problem = misfit(str(registered.schema.schema_str))
    if problem:
        return warning(
            "schema",
            f"version {registered.version} of subject {subject!r} is no metric's: {problem}; its messages become dead "
            "letters",
            "find who registered it, and delete that version",
        )
    return ok(
        "schema", f"version {registered.version} of subject {subject!r} (id {registered.schema_id}) is a metric's"
    )


def _compatibility(client: SchemaRegistryClient) -> Finding:
    level = client.get_compatibility()
    if level == "NONE":
        return warning(
            "compatibility",
            "the registry takes any schema (NONE): one that does not fit is noticed by its dead letters only",
            "set its compatibility to BACKWARD",
        )
    return ok("compatibility", f"the registry checks new schemas ({level})")
