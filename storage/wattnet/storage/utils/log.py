"""Loggers, by name."""

from __future__ import annotations

import logging

# As a library should, it shows nothing unless the program configures logging.
logging.getLogger("wattnet.storage").addHandler(logging.NullHandler())


def get(name: str) -> logging.Logger:
    """The logger of this name; those of this package are below 'wattnet.storage'."""
    return logging.getLogger(name)
