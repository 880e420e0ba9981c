"""The loop's rules: what is claimed, handed to the writer, released, paused and forgotten."""

from __future__ import annotations

import pytest
from consumer.bench import TOPIC_ID, Bench, FakeBroker, FakeLedger

from wattnet.consumer import TopicChangedError, UnsafeToContinueError
from wattnet.consumer._claim import Claim
from wattnet.consumer._loop import LONG_ROWS
from wattnet.consumer._recovery import Committed, Recorded


def test_a_range_reaches_the_writer_only_after_its_claim_was_accepted() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}, refuses=True))
    bench.steps()
    assert bench.handed == []
    bench.broker.refuses = False
    bench.steps(1)
    assert bench.handed == [(0, 5, 5)]
    assert bench.broker.claims == [(0, Claim(TOPIC_ID, 0, 5, 5, 0))]


def test_a_refused_claim_is_never_cut_anew() -> None:
    """Messages that came meanwhile stay out of it: whether the broker has the first try is unknown."""
    bench = Bench(FakeBroker({0: list(range(5))}, refuses=True))
    bench.steps()
    bench.broker.logs[0] += range(5, 9)
    bench.steps()
    bench.broker.refuses = False
    bench.steps(1)
    assert bench.handed == [(0, 5, 5)]


def test_the_next_claim_waits_until_the_range_before_it_is_stored() -> None:
    bench = Bench(FakeBroker({0: list(range(6))}), rows=2)
    bench.steps(4)
    assert bench.handed == [(0, 2, 2)]
    bench.hand.finish()
    bench.steps(1)
    assert bench.handed == [(0, 2, 2), (2, 4, 2)]


@pytest.mark.parametrize(
    ("waiting", "at_once"),
    [([LONG_ROWS] * 4, 2), ([LONG_ROWS - 1] * 4, 3), ([LONG_ROWS, LONG_ROWS, 9], 2), ([LONG_ROWS, 8, 7, 6], 3)],
)
def test_no_third_range_is_cut_behind_two_long_ones(waiting: list[int], at_once: int) -> None:
    """It would only wait there, where it cannot grow."""
    bench = Bench(FakeBroker({number: list(range(rows)) for number, rows in enumerate(waiting)}), rows=LONG_ROWS)
    bench.steps(6)
    assert [rows for _, _, rows in bench.handed] == waiting[:at_once]
    bench.hand.finish()
    bench.steps(1)
    assert sum(rows for _, _, rows in bench.handed) == sum(waiting)


def test_what_is_done_is_released_when_nothing_follows() -> None:
    bench = Bench(FakeBroker({0: [3, 4, 7]}))
    bench.steps()
    bench.hand.finish()
    bench.steps(2)
    assert bench.broker.claims[-1] == (0, Claim.nothing(TOPIC_ID, 8, 0)), "holes in offsets are no loss"
    count = len(bench.broker.claims)
    bench.steps(5)
    assert len(bench.broker.claims) == count, "and released once"


def test_a_claim_of_a_crashed_member_is_rebuilt_exactly() -> None:
    broker = FakeBroker({0: list(range(10))}, commits={0: Committed(2, Claim(TOPIC_ID, 2, 6, 4, 0))})
    bench = Bench(broker, FakeLedger({0: [Recorded(0, 2, 2, 2)]}))
    bench.steps()
    assert bench.handed == [(2, 6, 4)]
    bench.hand.finish()
    bench.steps()
    assert bench.handed[1:] == [(6, 10, 4)]


def test_a_claim_that_kafka_no_longer_gives_whole_stops_loudly() -> None:
    broker = FakeBroker({0: [2, 3, 5, 6]}, commits={0: Committed(2, Claim(TOPIC_ID, 2, 6, 4, 0))})
    bench = Bench(broker, FakeLedger({0: [Recorded(0, 2, 2, 2)]}))
    with pytest.raises(UnsafeToContinueError, match=r"\[2, 6\) held 4 messages, Kafka now gives 3"):
        bench.steps()


def test_lost_partitions_are_forgotten_with_all_that_was_buffered() -> None:
    """The zombie's rule: what it holds for a partition that it lost is never claimed."""
    bench = Bench(FakeBroker({0: list(range(5))}, refuses=True))
    bench.steps()
    bench.broker.news.append(lambda: bench.loop.lost([0]))
    bench.broker.refuses = False
    bench.loop.step()
    assert (bench.broker.claims, bench.handed) == ([], [])


def test_a_revoked_partition_finishes_what_is_claimed_and_drops_the_rest() -> None:
    bench = Bench(FakeBroker({0: list(range(4))}), rows=2)
    bench.steps()
    bench.hand.finish()
    bench.broker.news.append(lambda: bench.loop.revoked([0]))
    bench.loop.step()
    assert bench.broker.claims[-1] == (0, Claim.nothing(TOPIC_ID, 2, 0))
    bench.steps()
    assert bench.handed == [(0, 2, 2)]


def test_a_topic_that_was_made_again_is_noticed_before_a_claim() -> None:
    """What was read may be of the new topic, so it must not be claimed under the old id."""
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(2, seconds=0.1)
    bench.broker.today = "another"
    bench.now += 1
    with pytest.raises(TopicChangedError, match="made again"):
        bench.steps()
    assert bench.broker.claims == []


def test_a_topic_that_was_made_again_is_noticed_when_idle() -> None:
    bench = Bench(FakeBroker({0: []}))
    bench.steps()
    bench.broker.today = None
    with pytest.raises(TopicChangedError, match="deleted"):
        bench.steps(5)


def test_claims_wait_while_the_broker_does_not_name_the_topic() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}))
    bench.steps(1)
    bench.broker.away = True
    bench.now += 2
    bench.loop._claim(bench.loop._due())
    assert bench.handed == []
    bench.broker.away = False
    bench.steps()
    assert bench.handed == [(0, 5, 5)]


def test_partitions_wait_paused_while_clickhouse_does_not_show_the_ledger() -> None:
    bench = Bench(FakeBroker({0: list(range(5))}), FakeLedger(away=True))
    bench.steps(5)
    assert bench.broker.paused == {0}
    bench.ledger.away = False
    bench.steps(5)
    assert bench.handed == [(0, 5, 5)]


def test_full_buffers_stop_the_reading_and_then_pause_it() -> None:
    """A message takes its bytes and 450 more: ten of them are over this bound."""
    bench = Bench(FakeBroker({0: list(range(10))}), buffer_bytes=4_000)
    bench.steps()
    bench.broker.logs[0] += range(10, 20)
    bench.steps(4)
    assert bench.broker.paused == {0}
    assert bench.broker.positions[0] == 10, "nothing was read beyond the bound"
    bench.hand.finish()
    bench.steps(4)
    bench.hand.finish()
    bench.steps(4)
    assert bench.handed == [(0, 10, 10), (10, 20, 10)]
    assert bench.broker.paused == set()


def test_nothing_is_released_between_two_ranges_that_are_repeated() -> None:
    """Released means that nothing is claimed behind it, and there is."""
    ledger = [Recorded(0, 3, 3, 3), Recorded(3, 9, 6, 6)]
    broker = FakeBroker({0: list(range(5))}, commits={0: Committed(0, Claim(TOPIC_ID, 0, 3, 3, 0))})
    bench = Bench(broker, FakeLedger({0: ledger}))
    broker.end = 9
    bench.steps()
    bench.hand.finish()
    bench.loop._partitions[0].buffer.clear()
    bench.steps()
    assert bench.handed == [(0, 3, 3)]
    assert [claim for _, claim in broker.claims] == [Claim(TOPIC_ID, 0, 3, 3, 0)]


def test_a_broker_that_is_away_while_idle_is_waited_for() -> None:
    """It only means that nothing is known of the topic: the consumer stays, and goes on when the broker is back."""
    bench = Bench(FakeBroker({0: []}))
    bench.steps()
    bench.broker.away = True
    bench.steps(5)
    bench.broker.away = False
    bench.broker.logs[0] += range(5)
    bench.steps(5)
    assert bench.handed == [(0, 5, 5)]
