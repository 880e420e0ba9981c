"""Ranges become smaller when ClickHouse has too much at once, and larger again."""

from __future__ import annotations

from wattnet.consumer._range_size import RangeSize


def test_it_is_halved_down_to_the_lower_bound() -> None:
    size = RangeSize(1_000, 100_000)
    seen = []
    for _ in range(9):
        size.too_much()
        seen.append(size.rows)
    assert seen[:2] == [50_000, 25_000]
    assert seen[-1] == 1_000


def test_full_ranges_that_are_taken_make_it_grow_to_the_upper_bound() -> None:
    size = RangeSize(1_000, 100_000)
    size.too_much()
    size.stored(10)
    assert size.rows == 50_000, "a small range says nothing about larger ones"
    for _ in range(20):
        size.stored(size.rows)
    assert size.rows == 100_000


def test_a_lower_bound_above_the_upper_one_changes_nothing() -> None:
    size = RangeSize(1_000, 10)
    size.too_much()
    assert size.rows == 10
