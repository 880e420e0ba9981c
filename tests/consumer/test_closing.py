"""When ranges close; what is full or has waited is in test_loop. The flush interval is a second here."""

from __future__ import annotations

from consumer.bench import Bench, FakeBroker

from wattnet.consumer._closing import QUIET_SHARE, WORTH_ROWS

LARGE, SMALL = range(2 * WORTH_ROWS - 50), range(50)


def burst(broker: FakeBroker) -> Bench:
    """A loop that has just read all that there is."""
    bench = Bench(broker, rows=100_000)
    bench.steps(2, seconds=0)
    return bench


def test_behind_a_burst_nothing_is_waited_for() -> None:
    """Also not for its smallest range, which is worth no insert of its own."""
    bench = burst(FakeBroker({0: list(LARGE), 1: list(SMALL)}))
    bench.steps(1, seconds=QUIET_SHARE)
    assert bench.handed == [], "it may go on"
    bench.steps(1)
    assert bench.handed == [(0, len(LARGE), len(LARGE)), (0, len(SMALL), len(SMALL))]


def test_a_trickle_waits_for_the_interval() -> None:
    bench = burst(FakeBroker({0: list(LARGE[1:]), 1: list(SMALL)}))
    bench.steps(9, seconds=0.1)
    assert bench.handed == [], "they are worth less than two inserts"
    bench.now = 1.0
    bench.steps(1)
    assert [count for _, _, count in bench.handed] == [len(LARGE) - 1, len(SMALL)]


def test_who_goes_on_sending_gets_an_insert_an_interval() -> None:
    bench = burst(FakeBroker({0: list(LARGE)}))
    for _ in range(9):
        bench.broker.logs[0].append(bench.broker.logs[0][-1] + 1)
        bench.steps(1, seconds=0.1)
    assert bench.handed == []


def test_what_still_waits_in_kafka_is_waited_for() -> None:
    """So far the consumer is behind: the next messages are about to come."""
    broker = FakeBroker({0: list(LARGE)})
    bench = burst(broker)
    broker.end = len(LARGE) + 1
    bench.steps(9, seconds=0.1)
    assert bench.handed == []
