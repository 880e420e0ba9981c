"""What stands below a command's help."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Command lines to copy, one a line."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
