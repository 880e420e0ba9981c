"""Text that others chose, made fit for a terminal: it may be shown, it may not give orders."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def escaped(text: str, *, keep: str = "\n\t") -> str:
    """Whatever a terminal would obey (colours, titles, cursor, direction of writing) as an escape of Python's."""
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)


def for_stdout(text: str) -> str:
    """One line of data: as it is in a pipe, escaped on a terminal."""
    return escaped(text, keep="") if sys.stdout.isatty() else text


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there: on a terminal that has them, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
