"""A stack's data folder: one user at a time, and the addresses that it had last time.

<folder>/stack.lock     held with flock while a stack or one of its services lives; the owner's pid stands inside
<folder>/stack.json     remembered ports
<folder>/kafka, clickhouse, schema-registry     the services' own data
<folder>/logs           what the services print
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from typing import TYPE_CHECKING

from wattnet.local._errors import DataFolderInUseError, LocalStackError
from wattnet.local._ports import free_port, is_free, require_free

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# A killed owner's services hold the lock until they are gone, which takes a few seconds.
ORPHANS_TIMEOUT_S = 8.0


class DataFolder:
    """`lock` before use, `unlock` at the end; the lock also ends with the processes that hold it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock_fd: int | None = None

    @property
    def lock_fd(self) -> int:
        """The descriptor that carries the lock: services inherit it, so that the folder stays taken while one lives."""
        if self._lock_fd is None:
            raise LocalStackError(f"the stack on {self.path} is not started: call start() first")
        return self._lock_fd

    def lock(self) -> None:
        """Take the folder, making it if needed; raise DataFolderInUseError when another stack has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock_fd = os.open(self.path / "stack.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as exc:
            raise LocalStackError(
                f"cannot use {self.path} as data folder: {exc}. Choose a folder you can write"
            ).caused_by(exc) from None
        deadline = time.monotonic() + ORPHANS_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                owner = os.pread(lock_fd, 20, 0).decode().strip()
                if _is_alive(owner) or time.monotonic() > deadline:
                    os.close(lock_fd)
                    raise DataFolderInUseError(
                        f"{self.path} is in use by another stack (process {owner or 'unknown'}): "
                        "stop that one, or use another folder"
                    ).caused_by(exc) from None
            time.sleep(0.05)
        os.ftruncate(lock_fd, 0)
        os.pwrite(lock_fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = lock_fd

    def unlock(self) -> None:
        """Give the folder free."""
        if self._lock_fd is not None:
            # Unlock, not only close: a forked child of this process may still hold the descriptor.
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
            os.close(self._lock_fd)
            self._lock_fd = None

    def choose_ports(self, wanted: Mapping[str, int | None], *, progress: Callable[[str], None]) -> dict[str, int]:
        """A port for every name: the wanted one, else last time's if it is free, else a free one. Remembers them.

        Raises PortInUseError when a wanted port is taken.
        """
        file = self.path / "stack.json"
        remembered: dict[str, int] = json.loads(file.read_text())["ports"] if file.exists() else {}
        ports: dict[str, int] = {}
        for name, port in wanted.items():
            if port:
                require_free(port, service=name, argument=f"{name}_port")
                ports[name] = port
        taken = set(ports.values())
        for name in wanted:
            if name not in ports:
                ports[name] = last = remembered.get(name, 0)
                if not last or last in taken or not is_free(last):
                    ports[name] = free_port(taken=taken | set(remembered.values()))
                    if last:
                        progress(f"port {last} of {name} is taken by another program: using {ports[name]} instead")
                taken.add(ports[name])
        # Written aside and renamed: a kill in between leaves the old file, not half of one.
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps({"ports": {**remembered, **ports}}, indent=2) + "\n")
        draft.replace(file)
        return ports


def stop_stack(data_dir: Path, *, timeout_s: float = 60.0) -> int | None:
    """Stop the stack that another process runs in `data_dir`, and wait until its services have ended.

    Args:
        data_dir: The stack's data folder.
        timeout_s: How long to wait, in seconds.

    Returns:
        The process that ran the stack, or None if no stack ran there.

    Raises:
        LocalStackError: The stack did not stop in time, or belongs to another user.
    """
    try:
        lock_fd = os.open(data_dir / "stack.lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    owner: int | None = None
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            try:
                fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return owner
            except BlockingIOError:
                pid = os.pread(lock_fd, 20, 0).decode().strip()
                if owner is None and _is_alive(pid):
                    owner = int(pid)
                    os.kill(owner, signal.SIGTERM)
                if time.monotonic() > deadline:
                    raise LocalStackError(
                        f"the stack in {data_dir} (process {pid or 'unknown'}) has not stopped within {timeout_s:g} s: "
                        f"see {data_dir / 'logs'}"
                    ) from None
            time.sleep(0.05)
    except PermissionError:
        raise LocalStackError(f"the stack in {data_dir} belongs to another user: stop it as that user") from None
    finally:
        os.close(lock_fd)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
