"""Secrets that stand in files, as container platforms hand them over.

It imports pydantic, so it is no part of what `wattnet.schemas` imports.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

__all__ = ["secret_from_file"]


def secret_from_file(path: str | Path, *, variable: str) -> SecretStr:
    """The text of the file, without the line ends behind it.

    Raises ValueError, which pydantic turns into its own error; `variable` is the setting that names the file.
    """
    try:
        return SecretStr(Path(path).read_text(encoding="utf-8").rstrip("\r\n"))
    except OSError as exc:
        raise ValueError(f"{variable}={str(path)!r}: {exc.strerror or exc}") from None
    except UnicodeDecodeError:
        # Without its cause: that holds the file's bytes.
        raise ValueError(f"{variable}={str(path)!r}: it is no UTF-8 text") from None
