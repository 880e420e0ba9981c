"""What a program sees of this package when it configures by the environment, as 1.0 let it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wattnet.storage._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOGGER = "wattnet.storage"

_OURS = "_wattnet_storage_handler"


def set_up_logging(level: str, handlers: Sequence[str], file: Path) -> None:
    """Send what is logged below 'wattnet.storage' to "console" (standard error) and "file". Doing it again replaces.

    Raises ConfigurationError for a level that is none, or a file that cannot be written.
    """
    number = getattr(logging, level.upper(), None)
    if not isinstance(number, int):
        raise ConfigurationError(f"LOG_LEVEL is {level!r}: give DEBUG, INFO, WARNING, ERROR or CRITICAL")
    logger = logging.getLogger(LOGGER)
    for old in [handler for handler in logger.handlers if hasattr(handler, _OURS)]:
        logger.removeHandler(old)
        old.close()
    for name in handlers:
        handler: logging.Handler
        if name == "console":
            handler = logging.StreamHandler()
        else:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                handler = logging.FileHandler(file, encoding="utf-8", delay=False)
            except OSError as exc:
                raise ConfigurationError(f"LOG_FILE is {str(file)!r}, and cannot be written: {exc.strerror}").caused_by(
                    exc
                ) from None
        setattr(handler, _OURS, True)
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(handler)
    logger.setLevel(number)
