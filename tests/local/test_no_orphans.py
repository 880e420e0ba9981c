"""However the stack's process ends, its services end, and the folder can be used again at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from wattnet.local import LocalStack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.services

STACK = """
import os, signal, sys, time
from wattnet.local import LocalStack, run_until_stopped

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a script

def ready(stack):
    services = [stack.kafka, stack.clickhouse]
    print(*(service.pid for service in services), *(service._guard.pid for service in services), flush=True)

how = sys.argv[2]
stack = LocalStack(sys.argv[1])
if how == "forgotten":
    ready(stack.start())
elif how == "forked":
    ready(stack.start())
    stack.kafka.pause()
    stack.clickhouse.pause()
    if os.fork() == 0:
        time.sleep(30)      # holds every descriptor of its parent
        os._exit(0)
    print("forked", flush=True)
    time.sleep(600)
elif how == "with":
    with stack:
        ready(stack)
        # In short pieces: a signal that comes just before one begins does not end it.
        for _ in range(6_000):
            time.sleep(0.1)
else:
    run_until_stopped(stack, on_ready=ready)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def launch(folder: Path, how: str, processes: list[subprocess.Popen[str]]) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", STACK, str(folder), how],
        stdout=subprocess.PIPE,
        text=True,
        # A process group of its own, as a terminal gives one to each command.
        start_new_session=True,
    )
    processes.append(process)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 4
    return process, pids


def living(pids: list[int]) -> list[int]:
    """Those that still run; a zombie whose new parent has not looked yet is dead."""
    answer = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in answer.stdout.splitlines()]
    return [int(pid) for pid, state in rows if not state.startswith("Z")]


def assert_gone(pids: list[int], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while left := living(pids):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def test_a_killed_parent(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    """kill -9, and a new start at once: it waits until the old services are gone, and has their addresses."""
    process, pids = launch(folder, "with", processes)
    assert len(living(pids)) == 4
    addresses = (folder / "stack.json").read_text()
    process.kill()
    process.wait()
    with LocalStack(folder):
        assert not living(pids)
        assert (folder / "stack.json").read_text() == addresses


def test_a_killed_parent_whose_child_holds_the_pipes(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    """And whose services are paused, so that they can do nothing themselves."""
    process, pids = launch(folder, "forked", processes)
    assert process.stdout is not None
    assert process.stdout.readline() == "forked\n"
    process.kill()
    try:
        assert_gone(pids, within_s=15)
    finally:
        os.killpg(process.pid, signal.SIGKILL)


def test_sigterm_without_a_handler(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    process, pids = launch(folder, "with", processes)
    process.terminate()
    assert process.wait(30) == -signal.SIGTERM
    assert_gone(pids, within_s=15)


def test_ctrl_c_stops_in_order(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    """A terminal sends SIGINT to the whole group: the stack gets it, its services do not."""
    process, pids = launch(folder, "with", processes)
    assert all(os.getpgid(pid) != process.pid for pid in pids), "not in the terminal's group"
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    assert not living(pids), "the with statement ended them before the process ended"


def test_run_until_stopped(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    """By SIGINT; `wattnet up` shows the same of SIGTERM, and test_foreground of all of them."""
    process, pids = launch(folder, "foreground", processes)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 0
    assert not living(pids)


def test_a_forgotten_stop(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    process, pids = launch(folder, "forgotten", processes)
    assert process.wait(30) == 0
    assert not living(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process together with its parent")
def test_killed_guards(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    _, pids = launch(folder, "with", processes)
    for guard in pids[2:]:
        os.kill(guard, signal.SIGKILL)
    assert_gone(pids[:2], within_s=15)
