"""PointValues finds what was given twice, in whatever order it comes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas.made import T0, metric

from wattnet.schemas import points
from wattnet.schemas.points import Earlier, PointValues

GIVEN = st.tuples(
    st.integers(0, 40),  # the timestamp
    st.sampled_from([None, 5, 6]),  # the knowledge time
    st.sampled_from([0.0, 1.0, None]),  # the value
    st.sampled_from([{"zone": "ES"}, {"zone": "ES", "data_state": "final"}, {"zone": "ES", "valid": False}, {}]),
)


@settings(deadline=None)
@given(st.lists(GIVEN, max_size=120), st.sampled_from([2, 1_000]))
def test_the_first_other_value_is_found_whatever_the_order(
    rows: list[tuple[int, int | None, float | None, dict[str, object]]], most_late: int
) -> None:
    """As a dict of everything finds it. What comes late is sorted in after two of them, or not at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "_MOST_LATE", most_late)
        values = PointValues()
        first: dict[tuple[object, ...], tuple[float | None, int]] = {}
        for place, (minute, known_us, value, said) in enumerate(rows):
            key = (minute, known_us, said.get("zone"), said.get("valid"))
            earlier = first.setdefault(key, (value, place))
            expected = None if earlier[0] == value else Earlier(*earlier)
            given_one = metric(said, timestamp=T0 + timedelta(minutes=minute), value=value)
            assert values.put(given_one, known_us, place) == expected


def test_many_series_and_many_that_come_backwards() -> None:
    values = PointValues()
    days = [metric({"zone": zone}, timestamp=T0 - timedelta(days=day)) for day in range(5_000) for zone in ("ES", "PT")]
    assert {values.put(one, None, place) for place, one in enumerate(days)} == {None}
    other = metric({"zone": "PT"}, timestamp=T0 - timedelta(days=4_321), value=2.0)
    assert values.put(other, None, 10_000) == Earlier(1.0, 8_643)
    assert values.put(other, 7, 10_001) is None
