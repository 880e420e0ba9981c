"""The sizing page's numbers are computed, from what was measured."""

from __future__ import annotations

import json
import subprocess
import sys

from snippets import ROOT

PAGE = (ROOT / "docs" / "sizing.md").read_text(encoding="utf-8")


def test_the_table_is_what_the_program_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.sizing"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    table = [line.replace("---", "-") for line in PAGE.splitlines() if line.startswith("|")]
    assert table[: len(printed.splitlines())] == [line.replace("---", "-") for line in printed.splitlines()]
    assert "| rows a day | 323,136 | 323,136,000 |" in printed, "51 zones, 60 series, 96 values, a tenth twice"


def test_rates_are_those_of_the_benchmarks() -> None:
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert f"{results['drain_rows_per_s']['ours']:,} rows/s" in PAGE
