"""What `verify` says in words: everything only where nothing is in flight, and whether anybody consumes."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from wattnet.consumer import FeedingGroup, PartitionProof, Problem, Verdict

STARTED = datetime(2026, 12, 1, tzinfo=timezone.utc)
DOUBLE = Problem("double", "t", 0, 5, 9, "claimed twice")


def verdict(*members: int | None, in_flight: int = 0, problems: int = 0) -> Verdict:
    """Of one partition with 100 messages, 3 of them dead letters; a group for each of `members`."""
    proof = PartitionProof("t", 0, 0, 100 + in_flight, 0, 100, 100, 3, in_flight)
    groups = tuple(FeedingGroup("abc"[index], "consumer", STARTED, number) for index, number in enumerate(members))
    return Verdict("wattnet.metrics", "t", (proof,), (DOUBLE,) * problems, groups)


def test_every_offset_is_said_only_where_nothing_is_in_flight() -> None:
    whole = verdict(2)
    assert str(whole) == "every offset is stored exactly once (100 messages, 3 of them as dead letters)"
    assert whole.summary == "97 stored, 3 rejected, 0 in flight; 2 consumers are running (group 'a')"
    part = verdict(0, in_flight=1_200)
    assert str(part).startswith("every offset up to the end of the ledger is stored exactly once (100 messages, ")
    assert str(part).endswith("; 1,200 in flight; no consumer is running")
    assert part.summary == "97 stored, 3 rejected, 1,200 in flight; no consumer is running"


def test_who_consumes_is_named_where_it_is_known() -> None:
    assert verdict(0, 1).summary.endswith("; 1 consumer is running (group 'b')")
    assert verdict(1, 2).summary.endswith("; 3 consumers are running (group 'a' and 'b')")
    unknown = "whether a consumer is running is not known (this user may not describe its group)"
    assert str(verdict(None, in_flight=1)).endswith(f"; 1 in flight; {unknown}")


def test_problems_are_counted_and_both_groups_named() -> None:
    assert str(verdict(1, 2, problems=1)) == "NOT exact: 1 problem; groups 'a' and 'b' have fed these tables"
    assert str(verdict(0, problems=2)) == "NOT exact: 2 problems"


def test_members_that_nobody_may_see_are_not_counted_as_none() -> None:
    assert verdict(0, None).consumers is None
    assert verdict(1, None).consumers == 1
    assert verdict(0, 0).consumers == 0


def test_all_of_it_is_json() -> None:
    told = json.loads(json.dumps(verdict(1, 0, in_flight=7).to_dict()))
    assert (told["ok"], told["stored"], told["refused"], told["in_flight"], told["consumers"]) == (True, 100, 3, 7, 1)
    assert told["groups"][1] == {
        "group_id": "b",
        "feeder": "consumer",
        "started_at": "2026-12-01T00:00:00+00:00",
        "members": 0,
    }
