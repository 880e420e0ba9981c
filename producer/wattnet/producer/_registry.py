"""The schema registry: which id this version's schema has there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from wattnet.producer._errors import SchemaRegistryError, SchemaRegistryUnreachableError
from wattnet.producer._logging import logger
from wattnet.schemas import METRIC_SCHEMA_JSON

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

_NOT_LET_IN = (401, 403)
_NOT_FOUND = 404
_INCOMPATIBLE = 409
_ITS_OWN_TROUBLE = 500
_TIMEOUT_S = 10
# What a new subject gets where the registry's own level would let a schema in that cannot read what is there.
_BACKWARD_TOO = {"NONE": "BACKWARD", "FORWARD": "FULL", "FORWARD_TRANSITIVE": "FULL_TRANSITIVE"}


def place(url: str) -> str:
    """The registry's address without credentials."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def schema_id(url: str, subject: str) -> int:
    """The id of this version's schema under `subject`, where it is registered if it was not there.

    A user that may only read will do once it is there. A subject that is new gets compatibility BACKWARD, unless it or
    the registry has that or a stricter one. Raises SchemaRegistryError, SchemaRegistryUnreachableError.
    """
    # Imported here: it brings an HTTP client, and most producers need none.
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.schema_registry.error import SchemaRegistryError as RegistryAnswer

    schema = Schema(METRIC_SCHEMA_JSON, "AVRO")
    where = f"subject {subject!r} at {place(url)}"
    try:
        registry = SchemaRegistryClient.new_client(_options(url))
        try:
            found = registry.lookup_schema(subject, schema).schema_id
        except RegistryAnswer as answer:
            if answer.http_status_code != _NOT_FOUND:
                raise
            _prepare(registry, subject, where)
            found = registry.register_schema(subject, schema)
    except SchemaRegistryError:
        raise
    except RegistryAnswer as answer:
        raise _refused(answer.http_status_code, str(answer), where).caused_by(answer) from None
    except Exception as exc:  # noqa: BLE001  its HTTP library's errors are no part of the client's interface
        raise SchemaRegistryUnreachableError(
            f"the schema registry at {place(url)} did not answer ({type(exc).__name__}: {exc}): "
            "is it up, is the URL right?"
        ).caused_by(exc) from None
    if found is None:
        raise SchemaRegistryError(f"{where} has no id for the schema")
    return found


def obstacles(registered: str, own: str = METRIC_SCHEMA_JSON) -> list[str]:
    """What keeps `own` from reading what was written with `registered`, two Avro schemas; nothing when it can.

    The format evolves by new fields with defaults, so a type that is not the same is an obstacle.
    """
    theirs, ours = json.loads(registered), json.loads(own)
    name = f"{ours['namespace']}.{ours['name']}"
    if not isinstance(theirs, dict) or theirs.get("type") != "record":
        return [f"it is no record, and {name} is one"]
    namespace, short_name = theirs.get("namespace"), str(theirs.get("name"))
    their_name = f"{namespace}.{short_name}" if namespace and "." not in short_name else short_name
    if their_name != name:
        return [f"it is a record {their_name}, and not {name}"]
    there = {field["name"]: field["type"] for field in theirs["fields"]}
    found = []
    for field in ours["fields"]:
        type_there = there.get(field["name"])
        if type_there is None:
            if "default" not in field:
                found.append(f"it lacks field {field['name']!r}, which has no default")
        elif _shape(type_there) != _shape(field["type"]):
            found.append(f"its field {field['name']!r} is {json.dumps(type_there)}, not {json.dumps(field['type'])}")
    return found


def _prepare(registry: SchemaRegistryClient, subject: str, where: str) -> None:
    """Before the schema is registered: the subject takes no unfit ones, and what it holds fits."""
    from confluent_kafka.schema_registry.error import SchemaRegistryError as RegistryAnswer

    try:
        latest = registry.get_latest_version(subject)
    except RegistryAnswer as answer:
        if answer.http_status_code != _NOT_FOUND:
            raise
        _set_compatibility(registry, subject, where)
        return
    held = latest.schema
    if held.schema_type == "AVRO":
        found = obstacles(held.schema_str or "null")
    else:
        found = [f"it is no Avro schema but {held.schema_type}"]
    if found:
        raise SchemaRegistryError(
            f"{where} holds, as version {latest.version}, a schema that does not fit this version's: "
            f"{'; '.join(found)}. {_REMEDY}"
        )


def _set_compatibility(registry: SchemaRegistryClient, subject: str, where: str) -> None:
    from confluent_kafka.schema_registry.error import SchemaRegistryError as RegistryAnswer

    try:
        try:
            registry.get_compatibility(subject)
        except RegistryAnswer as answer:
            if answer.http_status_code != _NOT_FOUND:
                raise
            level = _BACKWARD_TOO.get(registry.get_compatibility().upper())
            if level is not None:
                registry.set_compatibility(subject, level)
        # Otherwise somebody has chosen for this very subject.
    except Exception as exc:  # noqa: BLE001  the schema can be registered all the same, and says so if not
        logger.warning("%s: its compatibility could not be set to BACKWARD: %s", where, exc)


_REMEDY = (
    "Another program may use the topic: publish to another one. If it was a newer version of this one, upgrade "
    "(consumers first). If nobody needs what is there, delete the subject"
)


def _refused(status: int, answer: str, where: str) -> SchemaRegistryError:
    if status == _INCOMPATIBLE:
        return SchemaRegistryError(f"{where} holds a schema that does not fit this version's ({answer}). {_REMEDY}")
    if status in _NOT_LET_IN:
        return SchemaRegistryError(
            f"{where} lets this user not in, or not register the schema ({answer}): correct the credentials, or start "
            "one producer with a user that may write there; after that, reading is enough"
        )
    if status >= _ITS_OWN_TROUBLE:
        return SchemaRegistryUnreachableError(f"{where}: the schema registry is in trouble ({answer}): try again later")
    return SchemaRegistryError(f"{where} was refused by the schema registry: {answer}")


def _shape(type_: Any) -> Any:
    """An Avro type without its documentation: what the bytes depend on."""
    if isinstance(type_, list):
        return [_shape(branch) for branch in type_]
    if not isinstance(type_, dict):
        return type_
    kept = {key: _shape(type_[key]) for key in ("type", "logicalType", "items", "values") if key in type_}
    return kept["type"] if list(kept) == ["type"] else kept


def _options(url: str) -> dict[str, Any]:
    """The client's options. Its HTTP library logs each URL, so credentials are taken out of it."""
    credentials = urlsplit(url).netloc.rpartition("@")[0]
    options = {"url": place(url), "timeout": _TIMEOUT_S, "max.retries": 2}
    if credentials:
        user, _, password = credentials.partition(":")
        options["basic.auth.user.info"] = f"{unquote(user)}:{unquote(password)}"
    return options
