"""How the loop ends: it drains in time, or leaves its claims to whoever comes next."""

from __future__ import annotations

import time
from threading import Event

import pytest
from consumer.bench import TOPIC_ID, Bench, FakeBroker, FakeLedger

from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import FatalInsertError
from wattnet.consumer._recovery import Committed, Recorded


def test_an_insert_that_cannot_succeed_ends_the_loop() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps()
    bench.hand.futures[0].set_exception(FatalInsertError("no such table"))
    with pytest.raises(FatalInsertError):
        bench.steps()
    assert bench.broker.commits[0].offset == 0, "its claim stands"


def test_draining_stores_what_is_buffered_and_releases_it() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(2, seconds=0.01)
    finishing = bench.loop._wait_for_writer

    def wait(timeout_s: float) -> None:
        bench.hand.finish()
        finishing(0)

    bench.loop._wait_for_writer = wait  # type: ignore[method-assign]  # the writer finishes while the loop waits
    assert bench.loop.drain()
    assert bench.handed == [(0, 5, 5)]
    assert bench.broker.claims[-1] == (0, Claim.nothing(TOPIC_ID, 5, 0))


def test_draining_ends_in_time_when_the_writer_hangs() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(2, seconds=0.01)

    def wait(timeout_s: float) -> None:
        bench.now += timeout_s

    bench.loop._wait_for_writer = wait  # type: ignore[method-assign]  # time passes, nothing is stored
    assert not bench.loop.drain()
    assert bench.broker.commits[0].offset == 0, "its claim stands for whoever comes next"
    began = time.monotonic()
    bench.loop.revoked([0])  # leaving the group tells so
    assert time.monotonic() - began < 2, "the time to drain is not spent a second time"


def test_draining_leaves_an_old_claim_that_is_not_read_whole() -> None:
    broker = FakeBroker({0: list(range(5))}, commits={0: Committed(2, Claim(TOPIC_ID, 2, 9, 7, 0))})
    bench = Bench(broker, FakeLedger({0: [Recorded(0, 2, 2, 2)]}))
    broker.end = 9
    bench.steps()
    assert bench.loop.drain()
    assert bench.broker.commits[0].claim == Claim(TOPIC_ID, 2, 9, 7, 0)


def test_run_drains_when_asked_to_stop() -> None:
    broker = FakeBroker({0: []})
    bench = Bench(broker)
    stop = Event()
    stop.set()
    assert bench.loop.run(stop)


def test_leaving_the_group_does_not_wait_for_a_writer_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draining waited for it already, and what is claimed stands for whoever comes next."""
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps()
    assert bench.handed == [(0, 5, 5)], "an insert is under way"
    monkeypatch.setattr(bench.broker, "subscribe", lambda listener: None)  # it is a member already
    monkeypatch.setattr(bench.loop, "drain", lambda: False)
    stop = Event()
    stop.set()
    assert not bench.loop.run(stop)
    before = time.monotonic()
    bench.loop.revoked([0])
    assert time.monotonic() - before < 1
    assert bench.broker.commits[0].claim == Claim(TOPIC_ID, 0, 5, 5, 0)


def test_an_idle_partition_is_released_behind_the_marks_at_its_end() -> None:
    """Not before what is buffered is stored; and what comes next is claimed from where the last range ended."""
    broker = FakeBroker({0: list(range(5))}, end=8)
    bench = Bench(broker)
    bench.steps(2, seconds=0.01)
    broker.ends_to_tell = {0: 8}
    bench.steps()
    assert not [claim for _, claim in broker.claims if claim.offset > 0], "five are not stored"
    bench.hand.finish()
    bench.steps(2)
    assert broker.commits[0] == Committed(8, Claim.nothing(TOPIC_ID, 5, 0, passed=8))
    broker.logs[0] += [8, 9]
    broker.end = 10
    bench.steps()
    assert bench.handed == [(0, 5, 5), (5, 10, 2)]
    bench.hand.finish()
    bench.steps(2)
    assert broker.commits[0] == Committed(10, Claim.nothing(TOPIC_ID, 10, 0))


def test_the_end_of_a_partition_that_is_not_read_is_not_believed() -> None:
    """It was reported with messages that were dropped."""
    bench = Bench(FakeBroker({0: []}, end=8))
    bench.broker.ends_to_tell = {0: 8}
    bench.loop.step()  # assigned, and not positioned yet
    bench.steps(2)
    assert not bench.broker.claims
