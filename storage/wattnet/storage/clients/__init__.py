"""Where metrics are written to and read from: the plugins' base, and the plugins of this package."""

from __future__ import annotations

from wattnet.storage.clients.base import BaseStorageClient

__all__ = ["BaseStorageClient"]
