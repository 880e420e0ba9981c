"""How large: tests of tests/soak are small in `make test` and whole in `make soak`."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scale:
    """`share` of the whole is run: 1 in `make soak`, 0 (as little as proves something) in `make test`."""

    share: float
    began_s: float = field(default_factory=time.monotonic)

    def __call__(self, small: int, whole: int) -> int:
        """A size: `small` in `make test`, up to `whole` in `make soak`."""
        return max(small, round(whole * self.share))

    def tell(self, line: str) -> None:
        """Show a line of progress; `make soak` lets it through."""
        sys.stderr.write(f"{time.monotonic() - self.began_s:8.1f} s  {line}\n")
        sys.stderr.flush()
