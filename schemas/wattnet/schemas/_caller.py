"""Where a warning points: at the line of the program that called, however deep in here it was noticed."""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

# Not all of `wattnet`: the name is shared with programs that use these. And asyncio stands between a program and what
# it awaits for a limited time.
_OTHERS = ("wattnet.schemas.", "wattnet.producer.", "wattnet.query.", "wattnet.storage.", "asyncio.")


class _Line(NamedTuple):
    """As warnings.warn_explicit takes it."""

    filename: str
    lineno: int
    module: str
    registry: dict[Any, Any]
    """What the module was warned of already."""


_asked: ContextVar[_Line | None] = ContextVar("wattnet_asked", default=None)


def warn_caller(text: str, category: type[Warning]) -> None:
    """Warn at the line of the program that called: of the first frame that is in none of our parts.

    In a task of its own that is where its loop runs; in a thread that works for somebody, what `for_caller` says.
    """
    line = _asked.get() or _callers_line()
    warnings.warn_explicit(text, category, *line)


def for_caller(act: Callable[[], Result]) -> Callable[[], Result]:
    """`act`, for another thread: what it warns of points at the line of the program that calls now."""
    return partial(_act, _callers_line(), act)


def _act(line: _Line, act: Callable[[], Result]) -> Result:
    before = _asked.set(line)
    try:
        return act()
    finally:
        _asked.reset(before)


def _callers_line() -> _Line:
    frame = sys._getframe(2)
    while frame.f_globals.get("__name__", "").startswith(_OTHERS) and frame.f_back is not None:
        frame = frame.f_back
    names = frame.f_globals
    registry = names.setdefault("__warningregistry__", {})
    return _Line(frame.f_code.co_filename, frame.f_lineno, names.get("__name__", "<string>"), registry)
