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
def spoken_warnings(*, at_once: bool = False) -> Iterator[None]:
    """Inside, warnings are collected; at the end the first few are said, each text once. `at_once` says them as they
    come: for what may have no end."""
    heard: list[str] = []

    def hear(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        text = str(message)
        if category.__module__.startswith("wattnet.") and len(heard) <= MOST and text not in heard:
            heard.append(text)
            if at_once:
                _say(len(heard), text)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = hear
        try:
            yield
        finally:
            for number, text in enumerate(heard if not at_once else (), 1):
                _say(number, text)


def _say(number: int, text: str) -> None:
    typer.secho("warning: …" if number > MOST else f"warning: {escaped(text, keep='')}", fg="yellow", err=True)
