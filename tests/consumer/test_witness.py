"""When the ledger is asked before an insert, and what is said of what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from wattnet.consumer import ServiceUnavailableError, UnsafeToContinueError
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import RetryableInsertError
from wattnet.consumer._meters import Meters
from wattnet.consumer._range import Range
from wattnet.consumer._witness import Witness


@dataclass
class Past:
    """A ledger: its claims' extents, and its rows of each claim as (how many, how many different)."""

    claims: list[tuple[int, int]] = field(default_factory=list)
    rows: dict[int, tuple[int, int]] = field(default_factory=dict)
    away: bool = False
    asked: int = 0

    def newest_before(self, topic_id: str, partition: int, first: int) -> tuple[int, int] | None:
        self.asked += 1
        if self.away:
            raise ServiceUnavailableError("away")
        return max((one for one in self.claims if one[0] < first), default=None)

    def parts(self, topic_id: str, partition: int, first: int) -> tuple[int, int]:
        if self.away:
            raise ServiceUnavailableError("away")
        return self.rows.get(first, (0, 0))


class Bench:
    """A witness with its clock and its ledger."""

    def __init__(self) -> None:
        self.now = 100.0
        self.past = Past([(0, 10)])
        self.meters = Meters("t")
        self.witness = Witness(self.past, self.meters, clock=lambda: self.now)

    def insert(self, first: int, next_: int, *, error: Exception | None = None, partition: int = 0) -> Range:
        """One attempt; ClickHouse stores it, also where the answer is lost."""
        range_ = Range("t", partition, Claim("id", first, next_, next_ - first, 0), [], 0)
        with self.witness.watching(range_):
            self.past.claims.append((first, next_))
            parts, different = self.past.rows.get(first, (0, 0))
            self.past.rows[first] = (max(parts, 1), max(different, 1))
            if error is not None:
                raise error
        return range_

    def doubled(self) -> float:
        return self.meters.registry.get_sample_value("wattnet_consumer_doubled_ranges_total") or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_while_inserts_follow_each_other_nothing_is_asked_again(bench: Bench) -> None:
    for number in range(1, 20):
        bench.insert(number * 10, number * 10 + 10)
        bench.now += 0.5
    assert bench.past.asked == 1


@pytest.mark.parametrize("silence", ["a failed attempt", "time"])
def test_a_ledger_that_lost_its_end_stops_it_before_the_insert(bench: Bench, silence: str) -> None:
    """Also when another partition's insert has shown meanwhile that ClickHouse is there."""
    bench.insert(10, 20)
    bench.insert(0, 10, partition=1)
    bench.past.claims = [(0, 10)]
    if silence == "time":
        bench.now += 2
    else:
        with pytest.raises(RetryableInsertError):
            bench.insert(10, 20, error=RetryableInsertError("gone"), partition=1)
        bench.past.claims = [(0, 10)]
    bench.insert(10, 20, partition=1)
    bench.past.claims = [(0, 10)]
    with pytest.raises(UnsafeToContinueError, match=r"t\[0\]: the ledger ends at 10, .*before 20.* to 0$"):
        bench.insert(20, 30)
    assert bench.past.claims == [(0, 10)], "nothing was sent"


def test_an_empty_ledger_is_right_where_the_claims_begin(bench: Bench) -> None:
    bench.past.claims.clear()
    bench.insert(0, 10)
    bench.past.claims.clear()
    bench.now += 2
    with pytest.raises(UnsafeToContinueError, match="the ledger ends at nothing"):
        bench.insert(10, 20)


def test_a_ledger_that_cannot_be_asked_is_waited_for(bench: Bench) -> None:
    bench.past.away = True
    with pytest.raises(RetryableInsertError):
        bench.insert(10, 20)
    bench.past.away = False
    bench.insert(10, 20)


def test_a_repeat_that_came_in_twice_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It was in the ledger before it was sent, and has a row more than it has parts afterwards."""
    bench.past.rows[10] = (1, 1)
    range_ = bench.insert(10, 20)
    bench.past.rows[10] = (2, 1)
    bench.witness.stored(range_)
    assert bench.doubled() == 1
    assert "stored twice" in caplog.text


def test_a_repeat_that_clickhouse_dropped_is_no_double(bench: Bench) -> None:
    bench.past.rows[10] = (1, 1)
    bench.witness.stored(bench.insert(10, 20))
    with pytest.raises(RetryableInsertError):
        bench.insert(20, 30, error=RetryableInsertError("the answer is lost"))
    bench.witness.stored(bench.insert(20, 30))
    assert bench.doubled() == 0
