"""The most memory that a process took."""

from __future__ import annotations

from pathlib import Path

MIB = 2**20


class PeakMemory:
    """Of one process, by its id, as Linux counts it (resident)."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")

    def restart(self) -> int:
        """Forget the peak so far; returns the bytes that it takes now."""
        (self._process / "clear_refs").write_text("5")
        return self.peak_bytes()

    def peak_bytes(self) -> int:
        """The most since then."""
        status = (self._process / "status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
