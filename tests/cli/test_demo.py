"""`wattnet demo`, whole: twice on one folder, stopped in the midst, and with a consumer that dies."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

from road import until

if TYPE_CHECKING:
    import subprocess

    from command import Command

# The limit is for a loaded machine; alone on two slow cores a run takes 15 to 20 s.
TIMEOUT_S = 170
WIDTH = 80
AGAIN = """
import itertools, sys
from wattnet.cli._app import run
from wattnet.cli._demo import _road

year = _road.us_grid_2022
_road.us_grid_2022, _road.US_GRID_2022_METRICS = lambda: itertools.islice(year(), 40_000), 40_000
sys.exit(run(["demo"]))
"""


def test_the_demo_twice_on_one_folder(wattnet: Command) -> None:
    """The second run shows the same, and changes no value and no row count; it sends a part, for the sake of time.

    Settings for another Kafka and ClickHouse, in the environment and in .env, do not reach it.
    """
    (wattnet.folder / ".env").write_text("KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1\nCLICKHOUSE_PORT=1\nKAFKA_TOPIC=x\n")
    env = {"KAFKA_GROUP_ID": "theirs", "CLICKHOUSE_DATABASE": "theirs", "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"}
    first = wattnet("demo", env=env, timeout_s=TIMEOUT_S)
    _shows_the_road(first, sent="630,462")
    assert "every offset is stored exactly once (630,462 messages)" in first.stdout
    assert "metrics FINAL has 630,462 rows, 0 before." in first.stdout

    again = wattnet.folder / "again.py"
    again.write_text(AGAIN)
    second = wattnet(program=again, env=env, timeout_s=TIMEOUT_S)
    _shows_the_road(second, sent="40,000")
    assert "every offset is stored exactly once (670,462 messages)" in second.stdout
    assert "metrics FINAL has 630,462 rows, 630,462 before." in second.stdout
    assert "no value has changed" in second.stdout
    assert _pictures(second) == _pictures(first)
    assert not wattnet.descendants()


def _shows_the_road(run: subprocess.CompletedProcess[str], *, sent: str) -> None:
    assert run.returncode == 0, run.stderr
    assert f"sent {sent} of {sent}, visible in ClickHouse {sent} of {sent}" in run.stderr
    assert re.search(rf"acknowledged by Kafka +{sent} +[\d.]+ +[\d,]+", run.stdout)
    assert re.search(r"AZPS +2022-12-31 23:00 +2,921 +12 +0 +87 +583\b", run.stdout)
    assert re.search(r"PJM +2022-12-31 23:00 +92,739 +3 +41 +56 +328\b", run.stdout)
    assert "MWh per hour (means of 3 hours), 2022-06-20 to 2022-06-27, UTC" in run.stdout
    assert "n nuclear  h hydro  c coal  o oil  g gas  x other  w wind  s solar" in run.stdout
    assert "up --data-dir .wattnet/demo" in run.stdout
    for line in run.stdout.splitlines():
        assert len(line) <= WIDTH or "wattnet" in line, "fits a terminal of 80 columns, but for a long path"
    for word in ("Traceback", "Warning", "%3|", "…" * 2, "nan"):
        assert word not in run.stdout + run.stderr


def _pictures(run: subprocess.CompletedProcess[str]) -> str:
    """The table and the chart."""
    return run.stdout[run.stdout.index("The newest values") : run.stdout.index("wattnet verify")]


def test_ctrl_c_in_the_midst_leaves_nothing_running(wattnet: Command) -> None:
    process = wattnet.start("demo")
    _await_line(process, "sent ")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert stderr.endswith("stopped (SIGINT); what was stored stays in .wattnet/demo\n")
    assert "Traceback" not in stderr
    assert not wattnet.descendants()


def test_a_killed_demo_takes_everything_with_it(wattnet: Command) -> None:
    process = wattnet.start("demo")
    _await_line(process, "sent ")
    assert len(wattnet.descendants()) > 5
    process.kill()
    process.wait()
    until(lambda: not wattnet.descendants(), "all processes have ended", 20)


def test_a_dead_consumer_ends_the_demo_with_its_log(wattnet: Command) -> None:
    process = wattnet.start("demo")
    _await_line(process, "sent ")
    replica = next(pid for pid, command in wattnet.descendants().items() if "_replica" in command)
    os.kill(replica, signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 70
    assert "a consumer ended by itself with exit code -9. The end of its log (" in stderr
    assert not wattnet.descendants()


def _await_line(process: subprocess.Popen[str], pattern: str) -> None:
    """Read the demo's progress until such a line comes."""
    assert process.stderr is not None
    read = ""
    while not re.search(pattern, read.rpartition("\n")[0]):
        line = process.stderr.readline()
        assert line, f"it ended:\n{read}"
        read += line
