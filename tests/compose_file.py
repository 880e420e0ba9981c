"""docker-compose.yml as Docker Compose itself reads it, which takes no Docker engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / ".env.example"
PROFILES = ("full", "small", "engine")


def compose(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`docker compose` in the repository, with nothing of this environment but the path."""
    program = shutil.which("docker-compose", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("there is no docker-compose for this platform among the packages")
    return subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@cache
def services(profile: str) -> dict[str, dict[str, Any]]:
    """The services of a profile, with everything filled in from `.env.example`."""
    done = compose(
        "--env-file", str(EXAMPLE), "--profile", profile, "config", "--format", "json", "--no-path-resolution"
    )
    assert done.stderr == "", "Docker Compose complains"
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found
