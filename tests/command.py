"""The command as a process, as people and deployments run it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

from road import ConsumerProcess
from warm_process import WarmProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = ("KAFKA_", "CLICKHOUSE_", "WATTNET_", "SCHEMA_REGISTRY_URL")


@dataclass
class Command:
    """Runs `wattnet` in an empty folder, with nothing of its settings in the environment but what the test gives."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: list[subprocess.Popen[str] | WarmProcess] = field(default_factory=list)

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The process's environment; the mark is inherited by whatever it starts."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        keep = {name: os.environ[name] for name in ("WATTNET_CACHE_DIR",) if name in os.environ}
        return {**clean, **keep, "STARTED_BY_TEST": self.mark, **given}

    def start(self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """A running command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "wattnet.cli", *arguments],
            env=self.environment(env or {}),
            cwd=self.folder,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options},
        )
        self.started.append(process)
        return process

    def consumer(self, env: Mapping[str, str]) -> ConsumerProcess:
        """A running `wattnet consume`, forked as below, with its log in the folder."""
        log = self.folder / f"consumer-{uuid.uuid4().hex[:6]}.log"
        log.touch()
        process = WarmProcess(["consume"], env=self.environment(env), stderr=log, folder=self.folder)
        self.started.append(process)
        return ConsumerProcess(process, log)

    def __call__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
        program: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """A command (or a Python program) that has ended; forked from an interpreter with everything imported.

        What it leaves running is not among `descendants`, unless a program that it started itself.
        """
        with TemporaryDirectory() as folder:
            stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
            process = WarmProcess(
                list(arguments),
                env=self.environment(env or {}),
                stdout=stdout,
                stderr=stderr,
                folder=self.folder,
                program=program,
            )
            try:
                code = process.wait(timeout_s)
            finally:
                process.kill()
            return subprocess.CompletedProcess(arguments, code, stdout.read_text(), stderr.read_text())

    def together(self, *lines: str, env: Mapping[str, str]) -> list[subprocess.CompletedProcess[str]]:
        """Commands that have ended, forked as above, all at the same time."""
        with ThreadPoolExecutor(len(lines)) as threads:
            return [*threads.map(lambda line: self(*line.split(), env=env), lines)]

    def on_a_terminal(self, *arguments: str, env: Mapping[str, str] | None = None, timeout_s: float = 120) -> str:
        """What a terminal is sent, standard output and error together; forked as above."""
        ours, theirs = pty.openpty()
        terminal = Path(os.ttyname(theirs))
        sent: list[bytes] = []

        def read() -> None:
            with suppress(OSError):  # on Linux this is how a terminal ends
                while piece := os.read(ours, 65_536):
                    sent.append(piece)

        reading = Thread(target=read)
        reading.start()
        process = WarmProcess(
            [*arguments],
            env=self.environment({"TERM": "xterm", **(env or {})}),
            stdout=terminal,
            stderr=terminal,
            folder=self.folder,
        )
        try:
            process.wait(timeout_s)
        finally:
            process.kill()
            os.close(theirs)
            reading.join(timeout_s)
            os.close(ours)
        return b"".join(sent).decode()

    def descendants(self) -> dict[int, str]:
        """What runs now and was started by this, however deep, by pid. Sees Linux's processes only."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it may have ended meanwhile, or be somebody else's
                if self.mark.encode() in (process / "environ").read_bytes():
                    found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        return found
