"""One embedded service: a process under a guard, its log file, and when it is ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wattnet.local._errors import ServiceFailedError
from wattnet.local._ports import require_free

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wattnet.local._folder import DataFolder

GUARD = Path(__file__).with_name("_guard.py")
STOP_TIMEOUT_S = 2.5
LOG_TAIL_BYTES = 3_000
LOG_KEEP_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Command:
    """What to run."""

    argv: list[str]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)


class Program(Protocol):
    """A service's own knowledge: what to run on which ports, and how to see that it serves."""

    @property
    def name(self) -> str: ...
    @property
    def ports(self) -> tuple[int, ...]: ...
    def command(self) -> Command:
        """Prepare the service's folder and say what to run there. May block for seconds."""
        ...

    def ready(self) -> bool:
        """Whether it serves now; never raises, never blocks longer than a second or so."""
        ...


class Service:
    """Starts, stops, kills and pauses one program; every start is on the same folder and ports.

    `start` returns when it serves. All raise ServiceFailedError, `start` also PortInUseError.
    """

    def __init__(
        self, program: Program, folder: DataFolder, *, timeout_s: float, stop_timeout_s: float = STOP_TIMEOUT_S
    ) -> None:
        self._program = program
        self._folder = folder
        self._timeout_s = timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._log_start = 0

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._program.name

    @property
    def log_file(self) -> Path:
        """Where its output goes, over all starts."""
        return self._folder.path / "logs" / f"{self.name.lower().replace(' ', '-')}.log"

    @property
    def running(self) -> bool:
        """Whether its process lives (paused counts)."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the service itself."""
        if self._pid is None or not self.running:
            raise ServiceFailedError(f"{self.name} is not running: start it first")
        return self._pid

    def start(self) -> None:
        """Run it and wait until it serves. Nothing happens when it runs already."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Run it; `wait_ready` tells when it serves."""
        if self.running:
            return
        self._close_guard()
        for port in self._program.ports:
            require_free(port, service=self.name)
        command = self._program.command()
        self.log_file.parent.mkdir(exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_KEEP_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.old"))
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._guard = subprocess.Popen(
                # Isolated and without site: the guard needs the standard library only.
                [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), *command.argv],
                cwd=command.folder,
                env={**os.environ, **command.env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Out of the terminal's process group: Ctrl-C is for the stack, which stops its services in order.
                start_new_session=True,
                pass_fds=(self._folder.lock_fd,),
            )
        assert self._guard.stdout is not None  # noqa: S101 - a pipe was asked for
        line = self._guard.stdout.readline()
        if not line:
            raise self._failure("could not be run")
        self._pid = int(line)

    def wait_ready(self) -> None:
        """Return when it serves; raise ServiceFailedError when it dies first or takes too long."""
        deadline = time.monotonic() + self._timeout_s
        while not self._program.ready():
            if not self.running:
                raise self._failure(f"ended with exit code {self._guard and self._guard.returncode} instead of serving")
            if time.monotonic() > deadline:
                self.kill()
                raise self._failure(f"was not ready after {self._timeout_s:g} s and was killed")
            time.sleep(0.02)

    def require_running(self) -> None:
        """Raise ServiceFailedError when it died by itself."""
        if not self.running:
            raise self._failure(f"ended with exit code {self._guard and self._guard.returncode}")

    def stop(self) -> None:
        """End it cleanly, by force after a few seconds. Nothing happens when it does not run."""
        self.ask_to_stop()
        self.wait_stopped()

    def ask_to_stop(self) -> None:
        """SIGTERM, and SIGCONT in case it is paused."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def wait_stopped(self) -> None:
        """Wait until it is gone; after a few seconds kill it."""
        if self._guard is not None:
            try:
                self._guard.wait(self._stop_timeout_s)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._guard.wait()
            self._close_guard()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        if self._guard is not None:
            self._guard.wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.running and self._pid is not None:
            # It may have ended by itself; its guard is about to.
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def _close_guard(self) -> None:
        if self._guard is not None:
            for pipe in (self._guard.stdin, self._guard.stdout):
                if pipe is not None:
                    pipe.close()
        self._guard = self._pid = None

    def _failure(self, what: str) -> ServiceFailedError:
        with self.log_file.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            tail = log.read().decode(errors="replace").strip()
        return ServiceFailedError(f"{self.name} {what}. The end of its log ({self.log_file}):\n{tail or '(empty)'}")
