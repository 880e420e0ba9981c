"""What an examination found: one thing that was looked at, how bad it is, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wattnet.consumer._errors import EXIT_CLEAN, EXIT_CONFIGURATION, EXIT_UNAVAILABLE, EXIT_UNSEEN
from wattnet.consumer._printable import printable

Severity = Literal["ok", "note", "unseen", "warning", "fatal"]

MAX_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` is what was looked at, `seen` what was seen, `remedy` what to do about it, empty when there is nothing.

    ok       as it should be
    note     worth knowing
    unseen   not looked at: this user may not see it, or a service is away; `exit_code` is 1, for it is not right either
    warning  works, and will hurt some day
    fatal    consuming is impossible or would not be exact; `exit_code` is 69 (a service is away) or 78 (something has
             to be changed)

    Everything else has the `exit_code` 0.
    """

    name: str
    severity: Severity
    seen: str
    remedy: str = ""
    exit_code: int = EXIT_CLEAN

    def __str__(self) -> str:
        return f"{self.name}: {self.seen}" + (f": {self.remedy}" if self.remedy else "")


def ok(name: str, seen: str) -> Finding:
    """As it should be."""
    return _finding(name, "ok", seen)


def note(name: str, seen: str, remedy: str = "") -> Finding:
    """Worth knowing."""
    return _finding(name, "note", seen, remedy)


def unseen(name: str, why: str) -> Finding:
    """What could not be looked at."""
    return _finding(name, "unseen", f"not looked at: {why}", exit_code=EXIT_UNSEEN)


def warning(name: str, seen: str, remedy: str) -> Finding:
    """Will hurt some day."""
    return _finding(name, "warning", seen, remedy)


def unavailable(name: str, seen: str, remedy: str) -> Finding:
    """Fatal, and may heal by itself."""
    return _finding(name, "fatal", seen, remedy, EXIT_UNAVAILABLE)


def misconfigured(name: str, seen: str, remedy: str) -> Finding:
    """Fatal until somebody changes something."""
    return _finding(name, "fatal", seen, remedy, EXIT_CONFIGURATION)


def _finding(name: str, severity: Severity, seen: str, remedy: str = "", exit_code: int = EXIT_CLEAN) -> Finding:
    # Servers' texts and names that others chose are in it.
    return Finding(name, severity, printable(seen, max_length=MAX_LENGTH), remedy, exit_code)
