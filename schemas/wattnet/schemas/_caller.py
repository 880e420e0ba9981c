"""Where a warning points: at the line of the program that called, however deep in here it was noticed."""

from __future__ import annotations

import sys

# Not all of `wattnet`: the name is shared with programs that use these.
_PARTS = ("wattnet.schemas.", "wattnet.producer.", "wattnet.query.", "wattnet.storage.")


def callers_level() -> int:
    """The `stacklevel` for warnings.warn, called in the same line, of the first frame that is in none of our parts."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__", "").startswith(_PARTS) and frame.f_back is not None:
        frame = frame.f_back
        level += 1
    return level
