"""What the tests of the spool send, and what is in its folder."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pandas as pd

from wattnet.producer._spool_record import unpack
from wattnet.schemas import Metric, decode_metric

if TYPE_CHECKING:
    from pathlib import Path

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
NOWHERE = "127.0.0.1:1"
MIB = 1 << 20


def load(n: int, **arguments: Any) -> Metric:
    """The n-th of many: of one of seven series, each at a time of its own."""
    return Metric("spooled_load", float(n), T0 + timedelta(minutes=n), {"zone": f"Z{n % 7}"}, **arguments)


def bulky(n: int) -> Metric:
    """Some 3 KB in the spool."""
    return load(n, attributes={"note": "x" * 3_000})


def frame(first: int, last: int) -> pd.DataFrame:
    """`load` of these."""
    rows = range(first, last)
    columns = {
        "timestamp": [T0 + timedelta(minutes=n) for n in rows],
        "value": rows,
        "zone": [f"Z{n % 7}" for n in rows],
    }
    return pd.DataFrame(columns)


BULKY: Any = {"metric_type": "spooled_load", "attributes": {"note": "x" * 3_000}}
"""Each row of it some 3 KB in the spool."""


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.segment"))


def spooled(folder: Path) -> list[int]:
    """What waits in the files, by the numbers."""
    data = b"".join(path.read_bytes() for path in sorted(folder.glob("*.segment")))
    return [int(decode_metric(value[10:]).value or 0) for _, value, _ in unpack(data)]
