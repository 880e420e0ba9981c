"""How far it is: bars on a terminal, otherwise a line now and then."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

LINE_INTERVAL_S = 5.0


class Show(Protocol):
    """Called as often as one likes with what has happened so far."""

    def __call__(self, *, sent: int, to_send: int, stored: int, to_store: int) -> None: ...


@contextmanager
def meter(console: Console) -> Iterator[Show]:
    """Shows two counts growing until the end of the with-block."""
    if not console.is_terminal:
        yield _lines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        sending = progress.add_task("sent to Kafka", total=None)
        storing = progress.add_task("visible in ClickHouse", total=None)

        def show(*, sent: int, to_send: int, stored: int, to_store: int) -> None:
            progress.update(sending, completed=sent, total=to_send)
            progress.update(storing, completed=stored, total=to_store)

        yield show


def _lines(console: Console) -> Show:
    last_s = float("-inf")
    done = False

    def show(*, sent: int, to_send: int, stored: int, to_store: int) -> None:
        nonlocal last_s, done
        finished = stored >= to_store
        if not done and (finished or time.monotonic() - last_s >= LINE_INTERVAL_S):
            last_s, done = time.monotonic(), finished
            console.print(f"sent {sent:,} of {to_send:,}, visible in ClickHouse {stored:,} of {to_store:,}")

    return show
