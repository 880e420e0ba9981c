"""Kafka's jars in the user's cache, with a memory of its start-up that lets Java start it in half the time."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from wattnet.local._downloads import fetch_once
from wattnet.local._errors import LocalStackError
from wattnet.local._folder import DataFolder
from wattnet.local._kafka import Kafka
from wattnet.local._ports import free_port
from wattnet.local._service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jgo.maven import MavenContext

TITLE = "Apache Kafka"
VERSION = "4.4.0"
SLF4J_VERSION = "1.7.36"
TIMEOUT_S = 60
# Java 25 keeps compiled adapters in such a cache too, and complains about its own at every start: classes only.
CLASSES_ONLY = ["-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:-AOTStubCaching"]


def install_kafka(*, progress: Callable[[str], None]) -> Path:
    """The folder with Kafka's programs, filled the first time."""

    def fetch(maven: MavenContext, folder: Path) -> None:
        _download(maven, folder)
        progress(f"preparing {TITLE} {VERSION} for quick starts, once…")
        train(folder)

    return fetch_once(TITLE, VERSION, fetch, progress=progress)


def startup_options(programs: Path) -> list[str]:
    """Java's options to use what `train` kept. Java checks that it fits and does without where it does not."""
    cache = programs / "kafka.aot"
    return [f"-XX:AOTCache={cache}", *CLASSES_ONLY] if cache.exists() else []


def _download(maven: MavenContext, folder: Path) -> None:
    from jgo.maven import PythonResolver

    # Two resolutions: in one, the dependency management of either would decide about versions of the other.
    for coordinate in (f"org.apache.kafka:kafka_2.13:{VERSION}", f"org.slf4j:slf4j-simple:{SLF4J_VERSION}"):
        inputs, transitive = PythonResolver().resolve([maven.create_dependency(coordinate)])
        for dependency in (*inputs, *transitive):
            jar = dependency.artifact.resolve()
            jar.replace(folder / jar.name)


def train(programs: Path) -> None:
    """Run Kafka once and keep which classes it loads. Without this Kafka starts too, only slower: failing is fine."""
    folder = DataFolder(programs / "training")
    port = free_port(taken=set())
    output = programs / "kafka.aot.new"
    kafka = Kafka(
        folder.path / "kafka",
        programs=programs,
        port=port,
        controller_port=free_port(taken={port}),
        jvm=[f"-XX:AOTCacheOutput={output}", *CLASSES_ONLY],
    )
    folder.lock()
    # Java writes the cache when it ends.
    service = Service(kafka, folder, timeout_s=TIMEOUT_S, stop_timeout_s=TIMEOUT_S)
    try:
        service.start()
        service.stop()
        output.rename(programs / "kafka.aot")
    except (LocalStackError, OSError):
        output.unlink(missing_ok=True)
    finally:
        service.stop()
        folder.unlock()
        shutil.rmtree(folder.path, ignore_errors=True)
