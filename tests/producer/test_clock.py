"""The knowledge_time that the producer sets."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

import wattnet.producer._clock as clock
from wattnet.producer import ClockError
from wattnet.producer._clock import knowledge_now_us, knowledge_times_us

HOUR_NS = 3600 * 1_000_000_000


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The system clock, in the test's hands: its one item is what it shows, in ns."""
    shown = [1_800_000_000_000_000_000]
    monkeypatch.setattr(clock, "time_ns", lambda: shown[0])
    monkeypatch.setattr(clock, "_ticks", itertools.count())
    return shown


@pytest.fixture
def own_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that is thrown away: at full speed it runs ahead of the clock, and other tests look at that."""
    monkeypatch.setattr(clock, "_ticks", itertools.count())


def test_it_is_now() -> None:
    before = time.time_ns() // 1000
    time.sleep(0.001)
    known = knowledge_now_us()
    assert before < known <= time.time_ns() // 1000


def test_never_more_than_20_us_behind(at: list[int]) -> None:
    for step_ns in (100, 2_500, 19_000, 21_000, 5_000_000, HOUR_NS):
        for _ in range(100):
            at[0] += step_ns
            assert -20 <= knowledge_now_us() - at[0] // 1000 <= 100


def test_a_clock_that_stands_still_gives_no_time_twice(at: list[int]) -> None:
    given = [knowledge_now_us() for _ in range(1_000)]
    assert given == sorted(set(given))
    assert given[0] == at[0] // 1000


def test_threads_that_catch_up_at_once_get_different_times(at: list[int]) -> None:
    """The second of them finds that it is done."""
    given = [clock._catch_up() for _ in range(3)]
    assert given == [at[0] // 1000 + n for n in range(3)]


def test_a_clock_that_steps_back_does_not_turn_the_order(at: list[int]) -> None:
    before = knowledge_now_us()
    at[0] -= HOUR_NS
    given = [knowledge_now_us() for _ in range(1_000)]
    assert before < given[0]
    assert given == sorted(set(given))
    at[0] += 2 * HOUR_NS
    assert knowledge_now_us() == at[0] // 1000


def test_a_clock_set_back_by_a_day_is_an_error(at: list[int]) -> None:
    """The tables refuse what is known a day ahead, so it may not be sent."""
    knowledge_now_us()
    at[0] -= 24 * HOUR_NS
    with pytest.raises(ClockError, match=r"24\.0 hours"):
        knowledge_now_us()


def test_many_at_once_follow_each_other_and_all_before(at: list[int]) -> None:
    before = knowledge_now_us()
    at[0] += HOUR_NS
    first, second = knowledge_times_us(1_000), knowledge_times_us(3)
    given = [before, *first, *second, knowledge_now_us()]
    assert given == sorted(set(given))
    assert first[0] == at[0] // 1000
    assert second[0] == first[0] + 1_001, "ahead of the clock, for it stands still"


@pytest.mark.usefixtures("own_ticks")
def test_threads_that_take_many_at_once_share_the_order_too() -> None:
    given: list[list[int]] = [[] for _ in range(8)]

    def take(mine: list[int], count: int) -> None:
        for _ in range(300):
            mine.extend(knowledge_times_us(count))
            mine.extend(knowledge_now_us() for _ in range(50))

    threads = [threading.Thread(target=take, args=(mine, count)) for count, mine in enumerate(given, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in given)
    assert len(set(itertools.chain(*given))) == sum(map(len, given))


@pytest.mark.usefixtures("own_ticks")
def test_threads_share_one_order() -> None:
    given: list[list[int]] = [[] for _ in range(8)]

    def take(mine: list[int]) -> None:
        for _ in range(20_000):
            mine.append(knowledge_now_us())  # noqa: PERF401  each one is a call of its own

    threads = [threading.Thread(target=take, args=(mine,)) for mine in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in given)
    assert len(set(itertools.chain(*given))) == 160_000
