"""Warnings of wattnet's own, in words on standard error; those of libraries go nowhere."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 5


@contextmanager
def spoken_warnings() -> Iterator[None]:
    """Inside, warnings are collected; at the end the first few are said, each text once."""
    heard: dict[str, None] = {}

    def hear(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if category.__module__.startswith("wattnet.") and len(heard) <= MOST:
            heard[str(message)] = None

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = hear
        try:
            yield
        finally:
            for number, text in enumerate(heard):
                more = number == MOST
                typer.secho("warning: …" if more else f"warning: {escaped(text)}", fg="yellow", err=True)
