"""What it comes to, and how to go on."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from wattnet.examples import US_GRID_2022_EMPTY_CELLS

if TYPE_CHECKING:
    from rich.console import Console

    from wattnet.cli._demo._road import Contents
    from wattnet.consumer import Verdict

PYTHON = """\
from wattnet.query import Client
wattnet = Client("http://localhost:8123")
day = wattnet.metrics("local_footprint", start="2022-12-31T00:00Z").to_pandas()
print(day.groupby("zone").value.mean())"""
SQL = """\
curl 'http://localhost:8123/?database=wattnet' --data "
  SELECT zone, round(avg(value)) AS gCO2_per_kWh FROM current_metrics
  WHERE name = 'local_footprint' GROUP BY zone ORDER BY zone FORMAT PrettySpace"
"""


def show_verdict(console: Console, verdict: Verdict, before: Contents, after: Contents) -> None:
    """What verify says, and what became of the table."""
    console.print()
    for problem in verdict.problems:
        console.print(Text(str(problem), "red"))
    console.print(Text(f"wattnet verify: {verdict}", "bold green" if verdict.ok else "bold red"))
    console.print(f"metrics FINAL has {after.rows:,} rows, {before.rows:,} before.")
    if before == after:
        console.print("Every revision that came again replaced itself: no value has changed.")
    console.print(f"{US_GRID_2022_EMPTY_CELLS} cells of the source are empty: nothing is published for them.")


def show_next_steps(console: Console, data_dir: Path) -> None:
    """Three ways on, to copy."""
    wattnet, python = _as_typed("wattnet"), _as_typed("python")

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style), soft_wrap=True)

    line("\nGo on from here:\n", "bold")
    line("# Kafka and ClickHouse with this data, until Ctrl-C", "dim")
    line(f"{wattnet} up --data-dir {shlex.quote(str(data_dir))}")
    line(f"\n# meanwhile, in {python}", "dim")
    line(PYTHON)
    line("\n# or in SQL", "dim")
    line(SQL)


def _as_typed(program: str) -> str:
    """The program of this environment the way it can be typed here: short if it is on the path."""
    own = Path(sys.executable).with_name(program)
    found = shutil.which(program)
    if not own.exists() or (found is not None and Path(found) == own):
        return program
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)
