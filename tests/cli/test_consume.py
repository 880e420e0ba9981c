"""`wattnet consume` as a process: its log and its end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from typing import TYPE_CHECKING

from road import until

if TYPE_CHECKING:
    from command import Command
    from road import Road


def _env(road: Road) -> dict[str, str]:
    return {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_DATABASE": road.name,
        "WATTNET_FLUSH_INTERVAL_S": "0.2",
    }


def test_it_stores_and_logs_json_lines_and_ends_with_0(wattnet: Command, road: Road) -> None:
    road.send(100)
    process = wattnet.start("consume", env=_env(road))
    road.wait_stored(100)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=45)
    assert process.returncode == 0, stderr
    assert stdout == "", "standard output is for data"
    lines = [json.loads(line) for line in stderr.splitlines()]
    assert lines
    for line in lines:
        assert list(line)[:4] == ["timestamp", "level", "event", "logger"]
        assert line["timestamp"].endswith("Z")
    assert lines[-1]["event"] == "drained"
    assert {line["level"] for line in lines} <= {"info", "warning"}


def test_the_level_decides_what_is_logged(wattnet: Command, road: Road) -> None:
    consumer = wattnet.consumer({**_env(road), "WATTNET_LOG_LEVEL": "error"})
    road.send(10)
    road.wait_stored(10)
    assert (consumer.terminate(), consumer.logged()) == (0, "")


def test_lines_for_people_on_a_terminal(wattnet: Command, road: Road) -> None:
    terminal, inside = pty.openpty()
    process = wattnet.start("consume", env=_env(road), stderr=inside, stdout=subprocess.DEVNULL)
    os.close(inside)
    shown = b""
    while b"reading" not in shown:
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(45) == 0
    os.close(terminal)
    assert b'{"' not in shown
    assert b"\x1b[" in shown, "in colours"


def test_a_missing_topic_exits_78(wattnet: Command, road: Road) -> None:
    answer = wattnet("consume", env={**_env(road), "KAFKA_TOPIC": "nobody-made-it"})
    assert answer.returncode == 78
    last = json.loads(answer.stderr.splitlines()[-1])
    assert last["level"] == "error"
    assert "wattnet init" in last["event"]


def test_ctrl_c_before_it_began_ends_it_quietly(wattnet: Command, road: Road) -> None:
    """At any moment: no traceback."""
    process = wattnet.start("consume", env=_env(road))
    until(lambda: process.pid in wattnet.descendants(), "it runs")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=45)
    if process.returncode in (0, 130):
        assert "Traceback" not in stderr
    else:
        assert "_app.py" not in stderr, "nothing of ours ran: Python itself was still starting"
