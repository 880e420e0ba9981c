"""A spool's folder: one producer at a time, and what its records are for.

lock         held with flock while a producer has it; that one's process stands inside
spool.json   the format, the topic and the framing of what waits
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

from wattnet.producer._errors import SpoolError, SpoolInUseError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1


class SpoolFolder:
    """Taken when it is made, until `leave`. Raises SpoolInUseError, SpoolError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            foreign = not (path / "lock").exists() and any(path.iterdir())
            if foreign:
                raise SpoolError(f"{path} is no spool and not empty: give the spool a folder of its own")
            self._lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise SpoolError(f"{path} cannot be the spool's folder: {exc}. Give one that this user can write") from exc
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            owner = os.pread(self._lock_fd, 20, 0).decode(errors="replace").strip()
            os.close(self._lock_fd)
            if not isinstance(exc, BlockingIOError):
                raise SpoolError(f"{path} cannot be locked: {exc}. Give a folder on a local disk") from exc
            raise SpoolInUseError(
                f"the spool at {path} is in use by process {owner or 'unknown'}: "
                "give each producer a folder of its own, or end that one first"
            ) from exc
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)
        try:
            self._require_format()
        except SpoolError:
            self.leave()
            raise

    def claim(self, *, topic: str, framing: str, waiting: int) -> None:
        """From now on it is for this topic and framing. Raises SpoolError when what waits in it is for another one."""
        file = self.path / "spool.json"
        wanted = {"format": FORMAT, "topic": topic, "framing": framing}
        found = _read(file)
        if found == wanted:
            return
        if found and waiting:
            raise SpoolError(
                f"{waiting} metrics in the spool at {self.path} are for {_words(found)}, and this producer sends to "
                f"{_words(wanted)}: send them with the arguments of before first, or give another folder"
            )
        new = file.with_suffix(".new")
        new.write_text(json.dumps(wanted))
        new.replace(file)

    def leave(self) -> None:
        """Give the folder free."""
        # Unlock, not only close: a forked child of this process may still hold the descriptor.
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
        os.close(self._lock_fd)

    def leave_to_parent(self) -> None:
        """In a forked child: the parent keeps it, and the child does not hold it when the parent is gone."""
        os.close(self._lock_fd)

    def _require_format(self) -> None:
        """Raises SpoolError when a version wrote it whose files this one cannot read."""
        if (written := _read(self.path / "spool.json").get("format", FORMAT)) != FORMAT:
            raise SpoolError(
                f"the spool at {self.path} is in format {written!r}, and this version reads format {FORMAT}: "
                "send what is in it with the version that wrote it, or give another folder"
            )


def _read(file: Path) -> dict[str, Any]:
    """Nothing where there is none."""
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as exc:
        raise SpoolError(
            f"{file} is damaged ({exc}): remove it if what waits is for this topic, or give another folder"
        ) from exc
    if not isinstance(found, dict):
        raise SpoolError(f"{file} is no spool's: give another folder")
    return found


def _words(identity: dict[str, Any]) -> str:
    return f"topic {identity.get('topic')!r} ({identity.get('framing')})"
