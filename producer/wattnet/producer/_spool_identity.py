"""What the records in a spool are for, as its spool.json says: format, topic, framing, and the last ones' header."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wattnet.producer._errors import SchemaRegistryUnreachableError, SpoolError
from wattnet.producer._framing import framing, header
from wattnet.producer._logging import logger
from wattnet.schemas import METRIC_FINGERPRINT

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1


def require_format(folder: Path) -> None:
    """Raises SpoolError when a version wrote it whose files this one cannot read."""
    if (written := _read(folder).get("format", FORMAT)) != FORMAT:
        raise SpoolError(
            f"the spool at {folder} is in format {written!r}, and this version reads format {FORMAT}: "
            "send what is in it with the version that wrote it, or give another folder"
        )


def claim(folder: Path, *, topic: str, framing: str, header: bytes, waiting: int) -> None:
    """From now on it is for this topic and framing. Raises SpoolError when what waits in it is for another one."""
    found = _read(folder)
    wanted = {
        "format": FORMAT,
        "topic": topic,
        "framing": framing,
        "header": header.hex(),
        "schema": METRIC_FINGERPRINT.hex(),
    }
    if found == wanted:
        return
    # Each record has its own header, so another schema of the same framing may follow.
    if found and waiting and (found.get("topic"), found.get("framing")) != (topic, framing):
        raise SpoolError(
            f"{waiting} metrics in the spool at {folder} are for {_words(found)}, and this producer sends to "
            f"{_words(wanted)}: send them with the arguments of before first, or give another folder"
        )
    new = folder / "spool.new"
    new.write_text(json.dumps(wanted))
    new.replace(folder / "spool.json")


def header_or_last_one(folder: Path, topic: str, schema_registry_url: str | None) -> bytes:
    """`header`; while the registry is away, the one that the last producer on the spool got for the same schema.

    A spool is there for outages, and a process that is started again in one must come up.
    """
    try:
        return header(topic, schema_registry_url)
    except SchemaRegistryUnreachableError as exc:
        last = _read(folder)
        wanted = (topic, framing(schema_registry_url), METRIC_FINGERPRINT.hex())
        if (last.get("topic"), last.get("framing"), last.get("schema")) != wanted:
            raise
        logger.warning("%s. Until then the schema has the id of last time", exc)
        return bytes.fromhex(last["header"])


def _read(folder: Path) -> dict[str, Any]:
    """Nothing where there is none."""
    file = folder / "spool.json"
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as exc:
        raise SpoolError(
            f"{file} is damaged ({exc}): remove it if what waits is for this topic, or give another folder"
        ).caused_by(exc) from None
    except OSError as exc:
        raise SpoolError(f"{file} cannot be read: {exc}. Give a folder that this user can use").caused_by(exc) from None
    if not isinstance(found, dict):
        raise SpoolError(f"{file} is no spool's: give another folder")
    return found


def _words(identity: dict[str, Any]) -> str:
    return f"topic {identity.get('topic')!r} ({identity.get('framing')})"
