"""The folder that a new broker begins in: made by Kafka's tool, which takes a second, or a copy of one that was."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from wattnet.local._errors import ServiceFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL = "kafka.tools.StorageTool"
IDS = "meta.properties"


def format_folder(java: Sequence[str], folder: Path, *, like: Path) -> None:
    """Give `folder`, which has its server.properties, its cluster id, once in its life. Raises ServiceFailedError.

    `like` is what the tool made for another one; where there is none, the tool is run and what it made kept there: the
    levels of Kafka's features, which depend on its version alone. Folders are told apart by their ids.
    """
    cluster_id = _new_id()
    if like.exists():
        shutil.copytree(like, folder / "data", dirs_exist_ok=True)
        ids = {"version": "1", "node.id": "1", "cluster.id": cluster_id, "directory.id": _new_id()}
        text = "".join(f"{name}={value}\n" for name, value in ids.items())
        (folder / "data" / IDS).write_text(text)  # the last step: with it the folder counts as done
        return
    # With an equals sign: one id in 64 begins with a dash and would be taken for an option.
    command = [*java, TOOL, "format", f"--cluster-id={cluster_id}", "--config", "server.properties"]
    done = subprocess.run(
        [*command, "--ignore-formatted"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServiceFailedError(
            f"Apache Kafka could not prepare {folder} (exit code {done.returncode}):\n{done.stdout}{done.stderr}"
        )
    _keep(folder / "data", like)


def _keep(made: Path, like: Path) -> None:
    """For the next folder. A cache that cannot be written does without, and another process may be first."""
    with suppress(OSError), TemporaryDirectory(dir=like.parent) as draft:
        copy = shutil.copytree(made, Path(draft, "data"), ignore=shutil.ignore_patterns(IDS))
        copy.rename(like)


def _new_id() -> str:
    """A random id as Kafka writes them: 22 characters."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
