"""The README as a newcomer pastes it: all blocks, one after the other, in one shell, against a stack of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from road import until
from snippets import ROOT, SHELLS, Snippet, snippets

from wattnet.local._ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command import Command

MARK = "----- block "
# What each block shows, by a piece of its text.
SHOWN = {
    "wattnet up --detach": ("ClickHouse       http://",),
    'end="2025-04-01").to_pandas())': ("[70 rows x 10 columns]",),
    'resample("1d", "energy")': ("5450.0\n", "5400.0\n"),
    "as_of(": ("now: 950.0 MW; known that evening: 900.0", "['zone_generation', 'zone_load']"),
    "wattnet names": ("zone_generation", "5450.0,entsoe", "70 metrics of 1 series", "2025-03-31T21:00:00Z,770.0"),
    "wattnet verify": ("was up to date already", "every offset is stored exactly once (143 messages)"),
}


@pytest.fixture
def session(wattnet: Command) -> Iterator[Command]:
    yield wattnet
    wattnet("down")
    until(lambda: not wattnet.descendants(), f"nothing is left of {wattnet.descendants()}", 30)


@pytest.mark.timeout(600)
def test_the_blocks_run_one_after_the_other_in_one_shell_and_show_data(session: Command) -> None:
    kafka = free_port(taken=set())
    clickhouse = free_port(taken={kafka})
    addresses = {"localhost:9092": f"127.0.0.1:{kafka}", "http://localhost:8123": f"http://127.0.0.1:{clickhouse}"}
    ports = f"--detach --kafka-port {kafka} --clickhouse-port {clickhouse}"
    blocks = [
        snippet
        for snippet in snippets(ROOT / "README.md")
        if snippet.language in {*SHELLS, "python"} and not snippet.not_run
    ]
    script = "set -e\n" + "".join(f"echo '{MARK}{block.line}'\n{as_typed(block)}\n" for block in blocks)
    for usual, actual in {**addresses, "wattnet up --detach": f"wattnet up {ports}"}.items():
        script = script.replace(usual, actual)
    script += "kill $(jobs -p)\nwait\nwattnet down\n"
    done = subprocess.run(
        ["/bin/bash"],
        input=script,
        cwd=session.folder,
        env=session.environment(
            {
                "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
                "CLICKHOUSE_HOST": "127.0.0.1",
                "CLICKHOUSE_PORT": str(clickhouse),
            }
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert "Warning" not in done.stderr, said
    shown = dict(re.findall(rf"^{MARK}(\d+)\n(.*?)(?=^{MARK}|\Z)", done.stdout, re.MULTILINE | re.DOTALL))
    for part, expected in SHOWN.items():
        [block] = [block for block in blocks if part in block.text]
        for text in expected:
            assert text in shown[str(block.line)], f"{block.where}: {said}"


def as_typed(block: Snippet) -> str:
    """The block as shell input: a program goes to Python, a test to pytest."""
    if block.language in SHELLS:
        return block.text.replace(". .venv/bin/activate", f'PATH="{Path(sys.executable).parent}:$PATH"')
    if "def test_" in block.text:
        run = 'python -m pytest -q -p no:cacheprovider --rootdir="$PWD" test_block.py'
        return f"cat > test_block.py <<'PROGRAM'\n{block.text}PROGRAM\n{run}"
    return f"python - <<'PROGRAM'\n{block.text}PROGRAM"
