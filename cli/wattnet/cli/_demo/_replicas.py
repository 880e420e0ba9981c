"""Consumers as processes of their own, the way a deployment runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from wattnet.cli._failures import EXIT_INTERNAL, CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

STOP_TIMEOUT_S = 15.0
LOG_TAIL_LINES = 15
# What belongs to another Kafka or ClickHouse than the demo's.
FOREIGN = ("KAFKA_", "CLICKHOUSE_", "SCHEMA_REGISTRY_URL")


class Replicas:
    """`wattnet consume`, several times, each with a log file of its own. Stopped at the end of the with-block.

    They also end when this process does, however that dies.
    """

    def __init__(self, env: Mapping[str, str], logs: Path, *, count: int) -> None:
        self.logs = logs
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self._env |= {
            **env,
            "KAFKA_TOPIC": "wattnet.metrics",
            "KAFKA_GROUP_ID": "wattnet-consumer",
            "CLICKHOUSE_DATABASE": "wattnet",
        }
        self._files = [logs / f"consumer-{number}.log" for number in range(1, count + 1)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def require_running(self) -> None:
        """Raise CommandError, with the end of its log, when one has ended by itself."""
        for process, file in zip(self._processes, self._files, strict=True):
            if process.poll() is not None:
                raise CommandError(
                    f"a consumer ended by itself with exit code {process.returncode}. {log_tail(file)}",
                    exit_code=EXIT_INTERNAL,
                )

    def tails(self) -> str:
        """The ends of all logs, for an error message."""
        return "\n".join(log_tail(file) for file in self._files)

    def __enter__(self) -> Replicas:
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            for file in self._files:
                self._processes.append(self._start(file))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self, file: Path) -> subprocess.Popen[bytes]:
        with file.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "wattnet.cli._demo._replica"],
                env=self._env,
                cwd=self.logs,  # not where a .env may lie
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Out of the terminal's process group: Ctrl-C is for the demo, which stops them in order.
                start_new_session=True,
            )

    def _stop(self) -> None:
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in self._processes:
            try:
                process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()  # nothing is lost: whoever comes next repeats what it had claimed
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._processes.clear()


def log_tail(file: Path) -> str:
    """The last lines of a log, with its path."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return f"The end of its log ({file}):\n" + ("\n".join(lines) or "(empty)")
