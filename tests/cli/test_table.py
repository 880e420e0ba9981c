"""Tables for people: they fit the terminal, and numbers are as short as they tell their value."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from wattnet.cli._rows import Column, Kind, Rows
from wattnet.cli._table import lines_of_table, number

if TYPE_CHECKING:
    from collections.abc import Sequence

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
TIME, VALUE = Column("timestamp", Kind.TIME), Column("value", Kind.NUMBER)


def table(columns: Sequence[Column], rows: Sequence[tuple[object, ...]], width: int | None = None) -> list[str]:
    lines = lines_of_table(Rows(columns, [rows]), width=width)
    return [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in lines]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"), (78.78333333333333, "78.78333"), (214.1699981689453, "214.17"), (100.0, "100"),
        (-0.25, "-0.25"), (31234.5678, "31234.57"), (123456789.123456789, "123456789"), (-12345678.9, "-12345679"),
        (0.0, "0"), (1e-9, "1e-09"), (1e22, "1e+22"), (5, "5"), (12345678, "12345678"),
    ],
)  # fmt: skip
def test_a_number_has_the_digits_that_tell_it(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=50)
def test_a_number_is_near_its_value(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=1e-6, abs=0)
    assert len(number(value)) <= 16


def test_points_stand_below_each_other() -> None:
    rows = [(T0, 100.0), (T0 + timedelta(hours=1), 0.125), (T0 + timedelta(hours=2), None)]
    assert table([TIME, VALUE], rows) == [
        "timestamp (UTC)        value",
        "2025-03-01 00:00:00  100",
        "2025-03-01 01:00:00    0.125",
        "2025-03-01 02:00:00",
    ]


def test_texts_are_shortened_and_columns_left_out_to_fit() -> None:
    """Numbers and times are whole or not there, and what is left out is named."""
    columns = [
        TIME, VALUE, Column("producer", label=True), Column("source", label=True), Column("valid", Kind.FLAG),
        Column("knowledge_time", Kind.TIME),
    ]  # fmt: skip
    rows = [
        (T0 + n * timedelta(hours=1), 1234.5 * n, f"{n} a name of a producer " * 2, f"{n}", n % 2 == 0,
         T0 + timedelta(days=n, microseconds=n)) for n in range(3)
    ]  # fmt: skip
    whole = table(columns, rows)
    assert max(map(cell_len, whole)) == 118
    assert whole == table(columns, rows, 200)
    for width in (110, 80, 50):
        lines = table(columns, rows, width)
        assert max(map(cell_len, lines)) <= width
        assert all(f" {value} " in line for value, line in zip(("0", "1234.5", "2469"), lines[-3:], strict=True))
    assert "…" in table(columns, rows, 110)[-1]
    assert "knowledge_time" in table(columns, rows, 110)[0]
    assert " ".join(table(columns, rows, 50)[:2]) == (
        "the terminal is too narrow for valid, knowledge_time (UTC); --format csv has all columns"
    )


def test_a_wide_table_shows_the_columns_that_fit() -> None:
    """Of hundreds of series: the first ones, and how many more there are."""
    columns = [TIME, *(Column(f"Z{n:03}", Kind.NUMBER) for n in range(300))]
    lines = table(columns, [(T0, *(n + 0.5 for n in range(300)))], 80)
    assert max(map(cell_len, lines)) <= 80
    assert lines[-2].split()[2:] == [f"Z{n:03}" for n in range(10)]
    assert lines[-1].split()[2:] == [f"{n}.5" for n in range(10)]
    assert " ".join(lines[:-2]) == (
        "the terminal is too narrow for Z010, Z011, Z012, Z013, Z014 and 285 more; --format csv has all columns"
    )


def test_what_all_rows_share_is_wrapped() -> None:
    labels = [Column(f"label_{n}", label=True) for n in range(20)]
    lines = table([TIME, VALUE, *labels], [(T0, 1.0, *("v" * 30 for _ in range(19)), "v" * 90)], 80)
    assert max(map(cell_len, lines)) <= 80
    assert sum(line.count("label_") for line in lines) == 20


@settings(max_examples=50)
@given(
    st.integers(20, 200),
    st.lists(st.tuples(st.floats(allow_nan=False), st.text(), st.text()), min_size=1, max_size=4),
)
@example(20, [(100000000000.0, "", ""), (1000000500000001.0, "", "00\U0002ebe1")])
def test_nothing_is_wider_than_the_terminal(width: int, rows: list[tuple[float, str, str]]) -> None:
    columns = [VALUE, Column("a", label=True), Column("b", label=True)]
    assert max(map(cell_len, table(columns, rows, width))) <= max(width, 22 + 2 + 12)
