"""A spool's folder belongs to one producer at a time."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from wattnet.producer._errors import SpoolError, SpoolInUseError

if TYPE_CHECKING:
    from pathlib import Path


class SpoolLock:
    """Holds the folder from when it is made until `leave`: by flock on its file `lock`, where the process stands.

    Makes the folder if need be. Raises SpoolInUseError, SpoolError.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()) and not any((folder / name).exists() for name in ("lock", "spool.json")):
                raise SpoolError(f"{folder} is no spool and not empty: give the spool a folder of its own")
            self._fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise SpoolError(
                f"{folder} cannot be the spool's folder: {exc}. Give one that this user can write"
            ).caused_by(exc) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            owner = os.pread(self._fd, 20, 0).decode(errors="replace").strip()
            os.close(self._fd)
            if not isinstance(exc, BlockingIOError):
                raise SpoolError(f"{folder} cannot be locked: {exc}. Give a folder on a local disk").caused_by(
                    exc
                ) from None
            raise SpoolInUseError(
                f"the spool at {folder} is in use by process {owner or 'unknown'}: "
                "give each producer a folder of its own, or end that one first"
            ).caused_by(exc) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def leave(self) -> None:
        """Give the folder free."""
        # Unlock, not only close: a forked child of this process may still hold the descriptor.
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def leave_to_parent(self) -> None:
        """In a forked child: the parent keeps it, and the child does not hold it when the parent is gone."""
        os.close(self._fd)
