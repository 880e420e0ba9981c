"""Text that others chose (labels, client ids, a server's errors), made fit for terminals, logs and metric labels."""

from __future__ import annotations

MAX_LENGTH = 200


def printable(text: str, *, max_length: int = MAX_LENGTH) -> str:
    """The text in one line: what is not printable as a Python escape, what is too long cut off with an ellipsis."""
    shown = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[: max_length + 1]
    )
    return shown if len(shown) <= max_length else f"{shown[: max_length - 1]}…"
