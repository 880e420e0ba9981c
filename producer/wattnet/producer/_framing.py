"""Which header stands in front of every record: the registry's id, or the schema's own fingerprint."""

from __future__ import annotations

from wattnet.producer._registry import place, schema_id
from wattnet.schemas import METRIC_FINGERPRINT, confluent_header, single_object_header


def header(topic: str, schema_registry_url: str | None) -> bytes:
    """Avro single-object framing without a registry; Confluent's framing with one, where the schema is then known.

    The schema is looked up under the subject `<topic>-value` and registered when it is not there, so a registry that
    only reads will do once somebody has registered it. Raises SchemaRegistryError.
    """
    if schema_registry_url is None:
        return single_object_header(METRIC_FINGERPRINT)
    return confluent_header(schema_id(schema_registry_url, f"{topic}-value"))


def framing(schema_registry_url: str | None) -> str:
    """Which framing that is, in words and without credentials: records of another one are for other readers."""
    return "schema fingerprint" if schema_registry_url is None else f"schema registry {place(schema_registry_url)}"
