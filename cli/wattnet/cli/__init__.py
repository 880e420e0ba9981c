"""The `wattnet` command."""

from __future__ import annotations

import os
import signal
import sys

from wattnet.cli._signals import end_while_loading

__all__ = ["main"]


def main() -> None:
    """The entry point: run the command line and end the process with its exit code."""
    if os.getpid() == 1:
        # In a container: a signal without a handler does nothing to the first process of all. Commands that have
        # something to finish put their own in its place.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    end_while_loading()
    try:
        from wattnet.cli._app import run
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.startswith("wattnet"):
            raise
        # The extra `cli` is not there, so nothing of its own can be used to say so.
        print(f"wattnet: the command line needs {exc.name}: pip install 'wattnet-storage[cli]'", file=sys.stderr)
        sys.exit(78)
    sys.exit(run())
