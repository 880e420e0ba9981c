"""When a partition stands still, and when it goes on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wattnet.consumer._breaker import WINDOW_MESSAGES, Breaker


def breaker(share: float = 0.5) -> Breaker:
    return Breaker(share, pause_s=60)


def test_fewer_than_a_thousand_messages_say_nothing() -> None:
    one = breaker()
    assert one.count(999, 999, now=0) == ""
    assert not one.is_open(now=0)
    assert "999 of the last 1,000" in one.count(1, 0, now=0)
    assert one.is_open(now=0)


def test_the_share_itself_is_still_good() -> None:
    one = breaker()
    assert one.count(1_000, 500, now=0) == ""
    assert one.count(1_000, 501, now=0) != ""


def test_old_ranges_do_not_hide_what_goes_wrong_now() -> None:
    one = breaker()
    assert one.count(100_000, 0, now=0) == ""
    assert one.count(1_000, 1_000, now=1) != ""


def test_after_the_pause_it_is_on_trial_with_small_ranges() -> None:
    one = breaker()
    one.count(100_000, 100_000, now=0)
    assert one.is_open(now=59.9)
    assert not one.is_open(now=60)
    assert one.max_rows == WINDOW_MESSAGES
    assert one.count(400, 400, now=61) == "", "what was before the trial does not count"
    assert one.max_rows == WINDOW_MESSAGES
    assert one.count(600, 600, now=62) != ""
    assert one.is_open(now=63)


def test_a_good_trial_closes_it() -> None:
    one = breaker()
    one.count(1_000, 1_000, now=0)
    assert not one.is_open(now=60)
    one.count(1_000, 10, now=61)
    assert one.max_rows is None


def test_a_command_begins_the_trial_at_once() -> None:
    one = breaker()
    one.count(1_000, 1_000, now=0)
    one.close()
    assert not one.is_open(now=1)
    assert one.max_rows == WINDOW_MESSAGES


@given(st.lists(st.integers(1, 5_000)))
def test_a_share_of_one_never_opens(ranges: list[int]) -> None:
    one = breaker(share=1)
    assert all(one.count(messages, messages, now=0) == "" for messages in ranges)


@given(st.lists(st.tuples(st.integers(1, 5_000), st.floats(0, 1)), min_size=1), st.floats(0, 0.99))
def test_it_judges_the_shortest_end_of_the_ranges_that_is_long_enough(
    ranges: list[tuple[int, float]], share: float
) -> None:
    one, counted = Breaker(share, pause_s=0), []
    for messages, fraction in ranges:
        refused = round(messages * fraction)
        counted.append((messages, refused))
        why = one.count(messages, refused, now=0)
        if why:
            break
        total = bad = 0
        for size, count in reversed(counted):
            total, bad = total + size, bad + count
            if total >= WINDOW_MESSAGES:
                break
        assert total < WINDOW_MESSAGES or bad <= share * total
    else:
        return
    total = bad = 0
    for size, count in reversed(counted):
        total, bad = total + size, bad + count
        if total >= WINDOW_MESSAGES:
            break
    assert bad > share * total
