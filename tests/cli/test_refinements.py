"""What `wattnet query` shows beside values, what it puts into gaps, and warnings in one line each."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter
    from shell import Shell

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
DAY = ("--start", "2025-03-01T00:00Z", "--end", "2025-03-02T00:00Z")
RUN = {"model": 'a "quoted", one', "resolution": "PT1H"}


@pytest.fixture(scope="module", autouse=True)
def _stored(store: DirectWriter) -> None:
    labels = {"unit": "MW", "datasource": "entsoe", "data_state": "final", "zone": "PT"}
    store.put(
        *(
            Metric("some_load", float(hour), T0 + hour * timedelta(hours=1), labels, attributes=RUN if hour else {})
            for hour in (0, 1, 4)
        )
    )


def test_attributes_are_a_last_column(reader: Shell) -> None:
    """As JSON, empty where a value has none; no label, so that a terminal's table and files keep it with the value."""
    first, second, _ = csv.DictReader(io.StringIO(reader("query", "some_load", *DAY, "--attributes").stdout))
    assert list(first)[-1] == "attributes"
    assert first["attributes"] == ""
    assert json.loads(second["attributes"]) == RUN
    assert "attributes" not in reader("query", "some_load", *DAY).stdout
    for option in ("--wide", "--plot"):
        assert reader("query", "some_load", *DAY, "--attributes", option).exit_code == 2
    buckets = reader("query", "some_load", *DAY, "--attributes", "--resample", "1h")
    assert (buckets.exit_code, "with_attributes" in buckets.stderr) == (2, True)


@pytest.mark.parametrize(
    ("fill", "values"),
    [
        (None, ["0.0", "1.0", "4.0"]),
        ("zero", ["0.0", "1.0", "0.0", "0.0", "4.0"]),
        ("previous", ["0.0", "1.0", "1.0", "1.0", "4.0"]),
        ("interpolate", ["0.0", "1.0", "2.0", "3.0", "4.0"]),
        ("-7.5", ["0.0", "1.0", "-7.5", "-7.5", "4.0"]),
    ],
)
def test_gaps_are_filled_as_asked(reader: Shell, fill: str | None, values: list[str]) -> None:
    filling = () if fill is None else ("--fill", fill)
    ended = reader("query", "some_load", *DAY[:3], "2025-03-01T05:00Z", "--resample", "1h", *filling)
    assert [row["value"] for row in csv.DictReader(io.StringIO(ended.stdout))] == values, ended.stderr


def test_a_filling_that_makes_no_sense_exits_2(reader: Shell) -> None:
    assert "give --resample" in reader("query", "some_load", *DAY, "--fill", "zero").stderr
    for fill in ("nonsense", "nan"):
        ended = reader("query", "some_load", *DAY, "--resample", "1h", "--fill", fill)
        assert (ended.exit_code, fill in ended.stderr) == (2, True), ended.stderr


@pytest.mark.parametrize(
    "command",
    [("query", "some_load", *DAY), ("latest", "some_load"), ("series", "some_load"), ("gaps", "some_load", *DAY)],
    ids=lambda command: command[0],
)
def test_a_value_that_looks_like_a_typo_is_one_line(reader: Shell, command: tuple[str, ...]) -> None:
    ended = reader(*command, "datasource=entsoo")
    assert ended.exit_code == 0
    said = "warning: no series of some_load has datasource='entsoo': did you mean 'entsoe'?"
    assert said in ended.stderr.splitlines()
    assert ".py" not in ended.stderr, "nothing of Python's own format"
    assert ended.stderr.count("warning") == 1
