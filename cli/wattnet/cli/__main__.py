"""`python -m wattnet.cli`: the same as `wattnet`."""

from __future__ import annotations

from wattnet.cli import main

main()
