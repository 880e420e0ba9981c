"""`wattnet up`: services in the foreground, and nothing left of them."""

from __future__ import annotations

import signal
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
from road import until

if TYPE_CHECKING:
    from command import Command


FREE_PORTS = ("--kafka-port", "0", "--clickhouse-port", "0")


def test_up_serves_until_it_is_stopped_and_leaves_nothing_running(wattnet: Command) -> None:
    process = wattnet.start("up", "--data-dir", "data", *FREE_PORTS)
    assert process.stdout is not None
    shown = ""
    while "Ctrl-C" not in shown:
        line = process.stdout.readline()
        assert line, process.communicate()
        shown += line
    exports = dict(line.strip()[7:].split("=") for line in shown.splitlines() if line.startswith("  export "))
    assert set(exports) == {"KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_HOST", "CLICKHOUSE_PORT"}
    url = f"http://{exports['CLICKHOUSE_HOST']}:{exports['CLICKHOUSE_PORT']}/ping"
    assert urllib.request.urlopen(url, timeout=5).status == 200
    assert wattnet("verify", env=exports).returncode == 0, "the exported lines are enough to work with it"
    assert len(wattnet.descendants()) > 3

    taken = wattnet("up", "--data-dir", "data", *FREE_PORTS)
    assert taken.returncode == 69
    assert "in use by another stack" in taken.stderr
    assert "Traceback" not in taken.stderr

    down = wattnet("down", "--data-dir", "data")
    assert (down.returncode, down.stderr) == (0, "stopped; the data stays in data\n")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert stderr.endswith("stopped; the data stays in data\n")
    until(lambda: not wattnet.descendants(), f"nothing left of {wattnet.descendants()}", 5)
    assert (wattnet.folder / "data").is_dir()


@pytest.mark.parametrize("option", ["--kafka-port", "--clickhouse-port"])
@pytest.mark.parametrize("detached", [(), ("--detach",)], ids=["in the foreground", "detached"])
def test_a_taken_port_names_the_option_for_another(wattnet: Command, option: str, detached: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = wattnet("up", *FREE_PORTS, option, str(port), *detached)
    assert run.returncode == 69
    assert f"port {port}: stop it, or choose another with {option}" in run.stderr


def test_down_where_nothing_runs_says_so(wattnet: Command) -> None:
    run = wattnet("down", "--data-dir", "nowhere")
    assert (run.returncode, run.stderr) == (0, "nothing to stop: no stack runs in nowhere\n")
    assert not (wattnet.folder / "nowhere").exists()


def test_ctrl_c_while_it_starts_leaves_nothing_running(wattnet: Command) -> None:
    process = wattnet.start("up", *FREE_PORTS)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert "Traceback" not in stderr
    until(lambda: not wattnet.descendants(), f"nothing left of {wattnet.descendants()}", 5)
