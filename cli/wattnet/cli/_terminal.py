"""Text that others chose, made fit for a terminal: it may be shown, it may not give orders."""

from __future__ import annotations


def escaped(text: str, *, keep: str = "\n\t") -> str:
    """Whatever a terminal would obey (colours, titles, cursor, direction of writing) as an escape of Python's."""
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)
