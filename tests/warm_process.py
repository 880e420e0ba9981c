"""`wattnet` as processes of their own, forked from an interpreter that has imported everything already.

A consumer's start is a second of imports, and the tests start hundreds. Run as a program, this is that interpreter: it
forks when it is told to, and says how its children ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping


class WarmProcess:
    """One of its children; the part of subprocess.Popen that tests need."""

    def __init__(
        self,
        arguments: list[str],
        *,
        env: Mapping[str, str],
        stderr: Path,
        stdout: Path | None = None,
        folder: Path | None = None,
        program: Path | None = None,
    ) -> None:
        """`wattnet` with these arguments; with `program`, that file as Python would run it."""
        self.args = arguments
        self.returncode: int | None = None
        order = {
            "arguments": arguments,
            "env": dict(env),
            "stdout": str(stdout or os.devnull),
            "stderr": str(stderr),
            "folder": str(folder or Path.cwd()),
            "program": program and str(program),
        }
        self.pid: int = _parent().ask(order)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = _parent().ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, when it has ended; raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class _Parent:
    """The interpreter that forks; it ends with this process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = Lock()

    def ask(self, order: dict[str, Any]) -> Any:
        """One answer for one order."""
        orders, answers = self._process.stdin, self._process.stdout
        assert orders
        assert answers
        with self._lock:
            orders.write(json.dumps(order) + "\n")
            orders.flush()
            return json.loads(answers.readline())


_MAKING = Lock()


def _parent() -> _Parent:
    with _MAKING:  # threads that ask at the same time must not get two
        return _only_parent()


@cache
def _only_parent() -> _Parent:
    return _Parent()


def _serve() -> int:
    import clickhouse_migrations.clickhouse_cluster  # noqa: F401  # imported by the first use of the tables
    import pandas as pd  # noqa: F401  # imported by the first answer in columns
    import structlog  # noqa: F401  # imported by the services' commands
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: F401  # likewise

    import wattnet.cli._logging
    import wattnet.cli._settings
    import wattnet.consumer
    import wattnet.query._frames  # noqa: F401  # likewise
    from wattnet.cli._app import run

    answers = os.fdopen(os.dup(1), "w")
    gc.freeze()  # a child's collections would touch every object that it inherits, and so copy its memory
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            pid, status = os.waitpid(order["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                answers.close()
                _become(order)
                if order["program"]:
                    runpy.run_path(order["program"], run_name="__main__")
                    return 0
                _end(run(order["arguments"]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def _end(code: int) -> NoReturn:
    """As an interpreter ends, but that objects stay where they are: to take them down would copy all their memory."""
    threading._shutdown()  # type: ignore[attr-defined]  # what an interpreter waits with for other threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _become(order: dict[str, Any]) -> None:
    """What a process is given at its start."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    if order["program"]:
        sys.path[0] = order["folder"]


if __name__ == "__main__":
    sys.exit(_serve())
