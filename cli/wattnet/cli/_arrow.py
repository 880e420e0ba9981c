"""pyarrow without pandas, which it imports with its first array: that is most of the time before a short answer."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _Hidden(MetaPathFinder):
    """pandas is not to be found."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Answer for pandas, and leave the rest to others."""
        if fullname == "pandas":
            raise ModuleNotFoundError(f"{fullname} is hidden for a moment", name=fullname)


def load_pyarrow() -> None:
    """Let pyarrow look for pandas in vain, once: it remembers. A process that has pandas already keeps it."""
    import pyarrow as pa

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(hidden)
