"""This machine: what is installed, and whether the buffers fit into its memory."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib.metadata import requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import libversion

from wattnet.consumer._finding import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wattnet.consumer._settings import Settings

PACKAGES = ("confluent-kafka", "clickhouse-connect", "fastavro")
# As pyproject.toml writes them: a lower bound, and mostly an upper one.
BOUNDS = re.compile(r"(?P<name>[\w-]+)(?:\[[\w,-]+\])?(?:<(?P<below>[\d.]+),)?>=(?P<least>[\d.]+)")
MIB = 1024 * 1024
# Beside the buffers: the interpreter with its libraries, what librdkafka holds, and the bodies of two inserts.
BESIDE_BUFFERS_BYTES = 160 * MIB
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def examine_host(settings: Settings) -> Iterator[Finding]:
    """This machine's part of the examination."""
    yield judge_versions({package: version(package) for package in PACKAGES}, requires("wattnet-storage") or [])
    yield _memory(settings)


def judge_versions(installed: Mapping[str, str], requirements: Iterable[str]) -> Finding:
    """The packages that `installed` names, held against what this version was released for."""
    packages = ", ".join(f"{package} {number}" for package, number in installed.items())
    seen = (
        f"wattnet-storage {version('wattnet-storage')}, Python {platform.python_version()}, {packages}, "
        f"librdkafka {libversion()[0]}"
    )
    for requirement in requirements:
        found = BOUNDS.match(requirement)
        if found is None or found["name"] not in installed:
            continue
        number = _numbers(installed[found["name"]])
        if number < _numbers(found["least"]) or (found["below"] and number >= _numbers(found["below"])):
            wanted = requirement.split(";")[0].strip()
            return warning("versions", f"{seen}: {wanted} is what this was tested with", f"pip install '{wanted}'")
    return ok("versions", seen)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _memory(settings: Settings) -> Finding:
    batch = settings.batch
    limit = memory_limit_bytes()
    # An insert's body is a copy of its range.
    needed = batch.max_buffer_bytes + 2 * min(batch.max_batch_bytes, batch.max_buffer_bytes) + BESIDE_BUFFERS_BYTES
    seen = f"a consumer may need {needed // MIB:,} MiB of this machine's {limit // MIB:,}"
    if needed > limit:
        return warning("memory", seen, "lower WATTNET_MAX_BUFFER_BYTES and WATTNET_MAX_BATCH_BYTES, or give it more")
    return ok("memory", seen)


def memory_limit_bytes() -> int:
    """What this process may use at most: the machine's memory or its control group's limit."""
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # not there, or `max`
            limit = min(limit, int(path.read_text()))
    return limit
