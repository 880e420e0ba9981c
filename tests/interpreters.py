"""Run the tests that need no service on every Python of this machine, with the newest and the lowest dependencies.

    python tests/interpreters.py [--deadline SECONDS]

The newest on each interpreter, the lowest that pyproject.toml declares on the oldest one. Looks for python3.11 to
python3.14 on the PATH and among pyenv's versions. Each environment is kept in .venv/interpreters. A run that would
begin after the deadline is left out, and printed as such; the exit code is 1 if a run failed, or if there was none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv" / "interpreters"
UV = ROOT / ".venv" / "bin" / "uv"
MINORS = (11, 12, 13, 14)
# Without [local]: what needs no service needs no Kafka and no ClickHouse either.
EXTRAS = ("consumer", "cli", "polars")


@dataclass(frozen=True)
class Run:
    """One interpreter with one choice of dependencies."""

    minor: int
    python: str
    resolution: str  # highest or lowest-direct, as uv calls them

    @property
    def name(self) -> str:
        return f"Python 3.{self.minor}, {'newest' if self.resolution == 'highest' else 'lowest'} dependencies"

    @property
    def venv(self) -> Path:
        return FOLDER / f"3.{self.minor}-{self.resolution}"


def interpreter(minor: int) -> str | None:
    """A Python 3.`minor` that runs, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python3.{minor}")
    candidates = [on_path] if on_path else []
    for python in [*candidates, *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python"), reverse=True))]:
        code = f"import sys, venv; sys.exit(sys.version_info[:2] != (3, {minor}))"
        if subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0:
            return python
    return None


def install(run: Run) -> None:
    """Make the environment, or bring it up to date; raises CalledProcessError."""
    python = str(run.venv / "bin" / "python")
    if not Path(python).exists():
        subprocess.run([UV, "venv", "--quiet", "--python", run.python, run.venv], check=True)
    pinned, pyproject = str(run.venv / "requirements.txt"), str(ROOT / "pyproject.toml")
    pip = [str(UV), "pip"]
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    options = ["--quiet", "--python", python]
    resolve = [*pip, "compile", *options, "--resolution", run.resolution, *extras, pyproject, "--output-file", pinned]
    subprocess.run(resolve, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    project = ["--requirement", pinned, "--editable", str(ROOT), "--group", f"{pyproject}:dev"]
    subprocess.run([*pip, "install", *options, "--constraint", pinned, *project], cwd=ROOT, check=True)


def test(run: Run) -> bool:
    """Whether all tests that need no service pass."""
    python = str(run.venv / "bin" / "python")
    command = [python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "-m", "not services"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deadline", type=float, default=float("inf"), metavar="SECONDS")
    deadline_s = time.monotonic() + parser.parse_args().deadline
    found = {minor: python for minor in MINORS if (python := interpreter(minor))}
    # The newest Python first; last the one that runs this, for `make test` has it already.
    minors = sorted(found, key=lambda minor: (minor == sys.version_info.minor, -minor))
    runs = [Run(minor, found[minor], "highest") for minor in minors]
    if found:
        runs.insert(0, Run(min(found), found[min(found)], "lowest-direct"))
    results = {f"Python 3.{minor}": "not found on this machine" for minor in MINORS if minor not in found}
    for run in runs:
        if time.monotonic() > deadline_s:
            results[run.name] = "left out: the deadline has passed"
            continue
        print(f"--- {run.name}: {run.python}", flush=True)
        began_s = time.monotonic()
        try:
            install(run)
            outcome = "passed" if test(run) else "FAILED"
        except subprocess.CalledProcessError as exc:
            outcome = f"FAILED: could not be installed ({exc})"
        results[run.name] = f"{outcome} ({time.monotonic() - began_s:.0f} s)"
    print("\n".join(f"{name}: {result}" for name, result in results.items()))
    passed = [result for result in results.values() if result.startswith("passed")]
    failed = [result for result in results.values() if result.startswith("FAILED")]
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
