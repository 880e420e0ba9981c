"""The image: linted, and built here from its own Dockerfile's commands, in a folder instead of a container."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from road import until

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from command import Command

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
LOCK = (ROOT / "deploy/requirements.txt").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def instructions(word: str) -> list[str]:
    """What follows that instruction, each on one line."""
    whole = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return re.findall(rf"^{word}\s+(.+)$", whole, re.MULTILINE)


def context(folder: Path) -> None:
    """What .dockerignore lets through, of the files that git knows or could know."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*", "everything that is not named stays out"
    allowed = [rule[1:].rstrip("/") for rule in rules if rule.startswith("!")]
    for name in allowed:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    missing = [
        name
        for name in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        if not any(fnmatch.fnmatch(name, f"{one}/*") for one in allowed)
    ]
    assert missing == [], "parts of the wheel that .dockerignore keeps out"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/opt/wattnet, made by the Dockerfile's own commands."""
    folder = tmp_path_factory.mktemp("image")
    context(folder / "src")
    places = {"/opt/wattnet": folder / "opt", "/dist": folder / "dist", "/usr/local/bin/python": sys.executable}
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in instructions("RUN")[1:]:  # the first one installs uv, which is here
        here = command.replace("--no-cache ", "").replace("--compile-bytecode ", "")  # only slower here
        for there, place in places.items():
            here = here.replace(there, str(place))
        done = subprocess.run(
            ["/bin/sh", "-ec", here],
            cwd=folder / "src",
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, f"{here}\n{done.stderr}"
    return folder / "opt/bin"


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), ROOT / "deploy/Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_nobody_and_is_of_this_version() -> None:
    build, final = instructions("FROM")
    assert build == f"{final} AS build"
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", final)
    [user] = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number, which Kubernetes can tell from root"
    assert f'image.version="{PROJECT["project"]["version"]}"' in DOCKERFILE
    assert f"wattnet-storage:{PROJECT['project']['version']}" in (ROOT / "docker-compose.yml").read_text()
    for word in ("ENTRYPOINT", "CMD"):
        [form] = instructions(word)
        assert isinstance(json.loads(form), list), "a shell would be PID 1, and swallow SIGTERM"


def test_the_lock_holds_what_the_package_needs() -> None:
    locked = {canonicalize_name(name): pin for name, pin in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)}
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    for text in (*project["dependencies"], *extras["consumer"], *extras["cli"]):
        needed = Requirement(text)
        if needed.name == project["name"]:
            continue
        pin = locked.get(canonicalize_name(needed.name))
        assert pin is not None, f"{needed.name} is missing: the head of deploy/requirements.txt says how it is made"
        assert needed.specifier.contains(pin), f"{needed} is not {pin}: make deploy/requirements.txt again"


def test_what_it_installs_runs(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed / "wattnet", "--version"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"wattnet-storage {version('wattnet-storage')}\n", "")
    sure: list[str | Path] = [
        installed / "python",
        "-c",
        "import wattnet.cli._demo._road, wattnet.consumer, wattnet.query",
    ]
    assert subprocess.run(sure, cwd=tmp_path, check=False, timeout=60).returncode == 0
    assert not list(installed.parent.glob("lib/python*/site-packages/chdb")), "services are other images"


def test_the_first_process_of_all_ends_by_sigterm(wattnet: Command) -> None:
    """The kernel spares PID 1 what it has no handler for. And the health check sees whether it lives."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    away = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CLICKHOUSE_HOST": "127.0.0.1", "CLICKHOUSE_PORT": "1"}
    [check] = [json.loads(one.partition("CMD ")[2]) for one in instructions("HEALTHCHECK")]
    check = [sys.executable, *(word.replace(":9464/", f":{port}/") for word in check[1:])]

    def healthy() -> bool:
        return subprocess.run(check, capture_output=True, check=False, timeout=30).returncode == 0

    consumer = first_process(wattnet, "consume", env={**away, "WATTNET_HTTP_PORT": str(port)})
    until(healthy, "it answers /livez")
    assert stop(consumer) == 69, "there was nothing to drain to yet"
    assert not healthy()

    one_shot = first_process(wattnet, "init", env=away)
    until(lambda: not is_apart(one_shot) or has_handler(child(one_shot)), "Python has come up")
    assert stop(one_shot) in ({128 + signal.SIGTERM} if is_apart(one_shot) else {128 + signal.SIGTERM, -signal.SIGTERM})


def first_process(wattnet: Command, command: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """The command as PID 1 of a namespace of its own, where that is allowed; else as any process."""
    apart = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode != 0:
        return wattnet.start(command, env=env)
    process = subprocess.Popen(
        [*apart, sys.executable, "-m", "wattnet.cli", command],
        env=wattnet.environment(env),
        cwd=wattnet.folder,
        text=True,
        stderr=subprocess.PIPE,
    )
    wattnet.started.append(process)
    until(lambda: child(process) != process.pid, "it is in its namespace")
    return process


def is_apart(process: subprocess.Popen[str]) -> bool:
    return next(iter(process.args)) == "unshare"  # type: ignore[arg-type]  # never a single string


def child(process: subprocess.Popen[str]) -> int:
    """The command's process as it is called out here."""
    if not is_apart(process):
        return process.pid
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else process.pid


def has_handler(pid: int) -> bool:
    """Whether SIGTERM is caught."""
    caught = re.search(r"^SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def stop(process: subprocess.Popen[str]) -> int:
    os.kill(child(process), signal.SIGTERM)
    process.communicate(timeout=30)
    return process.returncode
