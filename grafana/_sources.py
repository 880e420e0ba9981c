"""Thresholds, each with where it comes from."""

from __future__ import annotations

DUE = (
    "A grid's load and generation by type are due one hour after the hour that they are of "
    "(Regulation (EU) No 543/2013, articles 6 and 16), so up to two hours is in time."
)
STALE_S = 6 * 3600
"""Red, and the alert: thrice what is in time."""

INTENSITY_BASE = "green"
INTENSITY = [(100.0, "yellow"), (490.0, "red"), (820.0, "dark-red")]
"""gCO2eq/kWh over the life cycle. 100: sustainable by the EU's taxonomy (Delegated Regulation (EU) 2021/2139).
490 and 820: medians of gas (combined cycle) and of coal (IPCC, AR5, WG III, annex III, table A.III.2)."""

REFUSED_SHARE = 0.01
"""Alert: a producer is partly wrong. The breaker stops a partition at 0.5 (WATTNET_BREAKER_SHARE)."""
ABSENT_S = 900
"""Alert: consumers flush within seconds, and a rebalance after a crash takes less than a minute."""
DELAY_S = 300
"""Alert: from known to stored takes seconds; five minutes are a backlog."""
