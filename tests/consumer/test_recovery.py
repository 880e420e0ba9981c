"""Where a partition goes on, for every state in which Kafka's commit and the ledger can be."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattnet.consumer import UnsafeToContinueError
from wattnet.consumer._claim import Claim
from wattnet.consumer._recovery import Committed, Recorded, plan

TOPIC = "today"


def committed(first: int, next_: int, messages: int, *, topic_id: str = TOPIC, start: int = 0) -> Committed:
    return Committed(first, Claim(topic_id, first, next_, messages, start))


def whole(first: int, next_: int) -> Recorded:
    return Recorded(first, next_, next_ - first, next_ - first)


def test_a_new_group_on_an_empty_ledger_begins_at_the_first_offset() -> None:
    where = plan(TOPIC, None, [], None, low=7, high=100)
    assert (where.repeats, where.position, where.start) == ((), 7, 7)


def test_a_claim_that_was_not_stored_is_repeated_exactly() -> None:
    where = plan(TOPIC, committed(10, 30, 18), [whole(0, 10)], 0, low=0, high=100)
    assert (where.repeats, where.position) == (((10, 30, 18),), 30)


def test_a_claim_that_was_stored_is_repeated_all_the_same() -> None:
    """The ledger's row may be there while another table's rows are not: only the token knows."""
    where = plan(TOPIC, committed(10, 30, 20), [whole(0, 10), whole(10, 30)], 0, low=0, high=100)
    assert (where.repeats, where.position) == (((10, 30, 20),), 30)


def test_an_empty_claim_repeats_nothing() -> None:
    where = plan(TOPIC, committed(30, 30, 0), [whole(10, 30)], 0, low=0, high=100)
    assert (where.repeats, where.position) == ((), 30)


def test_a_commit_of_a_deleted_topic_is_void() -> None:
    where = plan(TOPIC, committed(50, 60, 10, topic_id="deleted"), [], None, low=0, high=20)
    assert (where.repeats, where.position) == ((), 0)


def test_without_a_commit_it_goes_on_where_the_ledger_ends() -> None:
    where = plan(TOPIC, None, [whole(20, 30)], 0, low=0, high=100)
    assert (where.repeats, where.position, where.start) == (((20, 30, 10),), 30, 0)


def test_a_rewound_commit_repeats_the_ledgers_own_ranges() -> None:
    """Also when it was rewound into the middle of one."""
    ledger = [whole(0, 10), whole(10, 25), whole(25, 30)]
    where = plan(TOPIC, Committed(12, None), ledger[1:], 0, low=0, high=100)
    assert (where.repeats, where.position) == (((10, 25, 15), (25, 30, 5)), 30)


def test_a_commit_that_an_operator_set_to_the_ledgers_end_repeats_the_newest_range() -> None:
    """It may have been stored only in part: nobody's claim says that it is whole."""
    where = plan(TOPIC, Committed(30, None), [whole(10, 30)], 0, low=0, high=100)
    assert (where.repeats, where.position) == (((10, 30, 20),), 30)


def test_a_commit_that_an_operator_set_before_the_first_start_is_where_it_begins() -> None:
    where = plan(TOPIC, Committed(40, None), [], None, low=0, high=100)
    assert (where.repeats, where.position, where.start) == ((), 40, 40)


@pytest.mark.parametrize("ledger", [[], [whole(0, 10)]], ids=["empty", "older"])
def test_a_ledger_behind_the_commit_stops_loudly(ledger: list[Recorded]) -> None:
    """ClickHouse was restored from an older copy: going on would leave a hole."""
    with pytest.raises(UnsafeToContinueError, match=r"To replay: .* to 0$"):
        plan(TOPIC, committed(30, 40, 10), ledger, 0 if ledger else None, low=0, high=100)


def test_an_operator_can_give_up_what_kafka_no_longer_holds() -> None:
    """The remedy that the loud stop names: reset to Kafka's first offset. Not a bit further, and never by a claim."""
    ledger = [whole(0, 10)]
    where = plan(TOPIC, Committed(15, None), ledger, 0, low=15, high=100)
    assert (where.repeats, where.position, where.start) == ((), 15, 15), "claims begin anew behind the gap"
    with pytest.raises(UnsafeToContinueError, match="To replay"):
        plan(TOPIC, Committed(16, None), ledger, 0, low=15, high=100)
    with pytest.raises(UnsafeToContinueError, match="To replay"):
        plan(TOPIC, committed(15, 15, 0), ledger, 0, low=15, high=100)


def test_unstored_messages_that_kafka_no_longer_holds_stop_loudly() -> None:
    with pytest.raises(UnsafeToContinueError, match="retention"):
        plan(TOPIC, committed(10, 30, 20), [whole(0, 10)], 0, low=15, high=100)


def test_a_stored_claim_that_kafka_no_longer_holds_is_not_repeated() -> None:
    where = plan(TOPIC, committed(10, 30, 20), [whole(10, 30)], 0, low=30, high=100)
    assert (where.repeats, where.position) == ((), 30)


def test_a_topic_that_ends_before_what_was_stored_stops_loudly() -> None:
    with pytest.raises(UnsafeToContinueError, match="broker lost"):
        plan(TOPIC, committed(30, 30, 0), [whole(0, 30)], 0, low=0, high=20)


def test_a_gap_between_the_ledgers_ranges_stops_loudly() -> None:
    with pytest.raises(UnsafeToContinueError, match="do not tile"):
        plan(TOPIC, Committed(0, None), [whole(0, 10), whole(20, 30)], 0, low=0, high=100)


@dataclass
class History:
    """A run of the protocol up to a crash."""

    claims: list[tuple[int, int, int]]
    stored: list[int]
    commit: Committed | None


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Claims that tile, the last one perhaps stored in part, the commit perhaps late, lost or rewound."""
    claims = []
    first = draw(st.integers(0, 5))
    start = first
    for _ in range(draw(st.integers(1, 8))):
        length = draw(st.integers(1, 9))
        claims.append((first, first + length, draw(st.integers(1, length))))
        first += length
    stored = [messages for *_, messages in claims]
    stored[-1] = draw(st.integers(0, stored[-1]))
    how = draw(st.sampled_from(["claim", "late", "lost", "rewound"]))
    index = len(claims) - 1 if how == "claim" else draw(st.integers(0, len(claims) - 1))
    first_, next_, messages = claims[index]
    commit: Committed | None = Committed(first_, Claim(TOPIC, first_, next_, messages, start))
    if how == "lost" and stored[-1]:
        commit = None
    if how == "rewound":
        commit = Committed(draw(st.integers(first_, next_ - 1)), None)
        stored[-1] = claims[-1][2]
    elif how != "claim" and not stored[-1]:
        stored[-1] = claims[-1][2]
    return History(claims, stored, commit)


@given(histories())
def test_whatever_happened_before_the_crash_no_offset_is_skipped_or_cut_anew(history: History) -> None:
    """All that may be incomplete is repeated as it was claimed, and reading goes on right behind the last claim."""
    ledger = [
        Recorded(first, next_, messages, stored)
        for (first, next_, messages), stored in zip(history.claims, history.stored, strict=True)
        if stored
    ]
    since = history.commit.offset if history.commit else max(one.next for one in ledger)
    seen = [one for one in ledger if one.next >= since or one is ledger[-1]]
    where = plan(TOPIC, history.commit, seen, ledger[0].first if ledger else None, low=history.claims[0][0], high=1000)
    assert where.position == history.claims[-1][1]
    assert set(where.repeats) <= set(history.claims)
    # What it repeats is the end of the history, without a hole; all before it is committed as stored.
    assert list(where.repeats) == history.claims[len(history.claims) - len(where.repeats) :]
    incomplete = [claim for claim, stored in zip(history.claims, history.stored, strict=True) if stored < claim[2]]
    assert set(incomplete) <= set(where.repeats)


def test_a_replay_begins_with_the_ledgers_newest_claim() -> None:
    """Not behind it: the copy may have been made in the midst of its insert, with some tables still without it."""
    ledger = [whole(0, 10), whole(10, 20)]
    with pytest.raises(UnsafeToContinueError, match=r"the ledger ends at 20.* to 10$"):
        plan(TOPIC, committed(30, 40, 10), ledger, 0, low=0, high=100)
    where = plan(TOPIC, Committed(10, None), ledger, 0, low=0, high=100)
    assert (where.repeats, where.position) == (((10, 20, 10),), 20)


def handed_over(first: int, next_: int) -> Recorded:
    """What the Kafka engine stored, as `wattnet kafka-engine off` writes it down."""
    return Recorded(first, next_, 0, 0)


@pytest.mark.parametrize("commit", [None, committed(10, 10, 0), Committed(4, None)], ids=["none", "late", "rewound"])
def test_what_the_kafka_engine_stored_is_never_repeated(commit: Committed | None) -> None:
    """It has no tokens: a repeat would double it. All before it was done when it began."""
    where = plan(TOPIC, commit, [whole(0, 10), handed_over(10, 50)], 0, low=0, high=100)
    assert (where.repeats, where.position, where.start) == ((), 50, 0)


def test_a_claim_behind_the_kafka_engines_range_is_repeated() -> None:
    ledger = [handed_over(10, 50), whole(50, 60)]
    where = plan(TOPIC, committed(50, 60, 10), ledger, 0, low=0, high=100)
    assert (where.repeats, where.position) == (((50, 60, 10),), 60)
    where = plan(TOPIC, Committed(12, None), [whole(0, 10), *ledger, whole(60, 70)], 0, low=0, high=100)
    assert (where.repeats, where.position) == (((50, 60, 10), (60, 70, 10)), 70)
    assert plan(TOPIC, None, [whole(50, 60)], 0, low=0, high=100).repeats == ((50, 60, 10),)


def test_while_the_kafka_engine_has_a_partition_no_consumer_goes_on() -> None:
    with pytest.raises(UnsafeToContinueError, match="wattnet kafka-engine off"):
        plan(TOPIC, Committed(50, Claim(TOPIC, 50, 50, 0, 0, "kafka-engine")), [whole(0, 50)], 0, low=0, high=100)


def test_once_the_kafka_engine_has_handed_it_over_a_late_commit_does_not_matter() -> None:
    """The ledger is written first: the engine had stopped by then."""
    commit = Committed(10, Claim(TOPIC, 10, 10, 0, 0, "kafka-engine"))
    where = plan(TOPIC, commit, [whole(0, 10), handed_over(10, 50)], 0, low=0, high=100)
    assert (where.repeats, where.position) == ((), 50)


def test_a_clickhouse_that_lost_what_the_kafka_engine_stored_stops_it() -> None:
    with pytest.raises(UnsafeToContinueError, match="ClickHouse lost data"):
        plan(TOPIC, committed(50, 50, 0), [whole(0, 10)], 0, low=0, high=100)
    with pytest.raises(UnsafeToContinueError, match=r"the ledger ends at 50.* to 50$"):
        plan(TOPIC, committed(60, 70, 10), [handed_over(10, 50)], 0, low=0, high=100)


def test_a_claim_names_its_feeder_in_the_commit() -> None:
    claim = Claim(TOPIC, 50, 50, 0, 0, "kafka-engine")
    assert Claim.parse(50, claim.metadata()) == claim
    assert Claim.parse(50, Claim.nothing(TOPIC, 50, 0).metadata()) == Claim.nothing(TOPIC, 50, 0)


def behind_marks(done: int, passed: int) -> Committed:
    """What an idle consumer commits behind marks of transactions, as it is read again."""
    claim = Claim.nothing(TOPIC, done, 0, passed=passed)
    return Committed(claim.offset, Claim.parse(claim.offset, claim.metadata()))


def test_behind_marks_of_transactions_the_next_range_begins_where_the_ledger_ends() -> None:
    assert behind_marks(30, 35) == Committed(35, Claim.nothing(TOPIC, 30, 0, passed=35))
    where = plan(TOPIC, behind_marks(30, 35), [whole(10, 30)], 0, low=0, high=40)
    assert (where.repeats, where.position, where.reads_from) == ((), 30, 30)


def test_marks_that_retention_took_are_not_missed() -> None:
    where = plan(TOPIC, behind_marks(30, 35), [whole(10, 30)], 0, low=35, high=40)
    assert (where.repeats, where.position, where.reads_from) == ((), 30, 35)
    with pytest.raises(UnsafeToContinueError, match="messages from 35 to 36 are not stored"):
        plan(TOPIC, behind_marks(30, 35), [whole(10, 30)], 0, low=36, high=40)


def test_a_ledger_behind_what_is_done_stops_loudly_behind_marks_too() -> None:
    with pytest.raises(UnsafeToContinueError, match="ClickHouse lost data"):
        plan(TOPIC, behind_marks(30, 35), [whole(10, 20)], 0, low=0, high=40)
