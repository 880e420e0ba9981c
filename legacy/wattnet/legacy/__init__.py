"""What a ClickHouse database of wattnet-storage 1.x holds, carried into the new tables."""

from __future__ import annotations

from wattnet.legacy._errors import LegacyDatabaseError, LegacyInterruptedError
from wattnet.legacy._import import import_legacy
from wattnet.legacy._report import LeftOut, TableReport

__all__ = ["LeftOut", "LegacyDatabaseError", "LegacyInterruptedError", "TableReport", "import_legacy"]
