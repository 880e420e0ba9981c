"""Each rule of the commit protocol is needed: without it the model finds a row lost or doubled, or consumers stuck.

A rule is taken out of the real code, then told scenarios and seeded walks search for the damage. docs/protocol.md has
the rules by these numbers.
"""

from __future__ import annotations

import re
from collections import deque
from contextlib import nullcontext
from dataclasses import replace
from functools import wraps
from itertools import count
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest
from protocol.scenarios import SCENARIOS
from protocol.simulated_clickhouse import Table
from protocol.simulated_kafka import SimulatedKafka
from protocol.walk import Walk
from protocol.world import ViolationError

from wattnet.consumer import UnsafeToContinueError
from wattnet.consumer import _loop as loop_module
from wattnet.consumer._claim import Claim
from wattnet.consumer._loop import TOPIC_CHECK_INTERVAL_S, Loop
from wattnet.consumer._partition import Partition
from wattnet.consumer._recovery import Committed, Plan, Recorded, plan
from wattnet.consumer._witness import Witness
from wattnet.consumer._writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from protocol.simulated_kafka import Commit

    from wattnet.consumer._frame import Refused
    from wattnet.consumer._range import Range

    Patch = pytest.MonkeyPatch

WALKS = 200
STEPS = 80


# -- R1: a range is inserted only after the broker accepted its claim


def insert_whether_or_not_the_claim_was_accepted(patch: Patch) -> None:
    def commit(self: Loop, claims: Mapping[int, Claim]) -> frozenset[int]:
        self._source.claim(claims)
        return frozenset(claims)

    patch.setattr(Loop, "_commit", commit)


def claim_with_the_end_of_the_range(patch: Patch) -> None:
    """As consumers do that commit what they have read."""
    original = Loop._commit

    def commit(self: Loop, claims: Mapping[int, Claim]) -> frozenset[int]:
        return original(self, {number: Claim.nothing(c.topic_id, c.next, c.start) for number, c in claims.items()})

    patch.setattr(Loop, "_commit", commit)


# -- R2: a range whose claim was sent is never cut anew


def cut_anew_when_the_claim_went_unanswered(patch: Patch) -> None:
    original = Loop._claim

    def claim(self: Loop, partitions: Sequence[Partition]) -> None:
        repeated = {one.number for one in partitions if one.repeats}
        original(self, partitions)
        for one in partitions:
            if one.outstanding is not None and one.storing is None and one.number not in repeated:
                one.buffer = [*one.outstanding.messages, *one.buffer]
                one.cut_at = one.outstanding.claim.first
                one.outstanding = None

    patch.setattr(Loop, "_claim", claim)


# -- R3: the next claim waits until the range before it is accounted for


def claim_on_before_the_insert_is_done(patch: Patch) -> None:
    def collect(self: Loop) -> None:
        for one in self._partitions.values():
            if one.storing is not None:
                one.finish()

    patch.setattr(Loop, "_collect", collect)


def release_on_revoke_what_is_still_being_stored(patch: Patch) -> None:
    original = Loop.revoked

    def revoked(self: Loop, partitions: Sequence[int]) -> None:
        for number in partitions:
            if number in self._partitions and self._partitions[number].storing is not None:
                self._partitions[number].finish()
        original(self, partitions)

    patch.setattr(Loop, "revoked", revoked)


# -- R4: nothing that was read for a partition outlives its assignment


def keep_what_was_read_for_a_lost_partition(patch: Patch) -> None:
    patch.setattr(Loop, "lost", lambda self, partitions: None)


def keep_what_was_read_for_a_revoked_partition(patch: Patch) -> None:
    patch.setattr(Loop, "revoked", lambda self, partitions: None)


# -- R5: a claim that is found is repeated exactly, also when the ledger has it


def planned(change: Callable[[Plan, Committed | None, Sequence[Recorded]], Plan]) -> Callable[[Patch], None]:
    @wraps(change)
    def mutate(patch: Patch) -> None:
        def wrong(topic_id: str, committed: Committed | None, ledger: Sequence[Recorded], *rest: Any) -> Plan:
            return change(plan(topic_id, committed, ledger, *rest), committed, ledger)

        patch.setattr(loop_module, "plan", wrong)

    return mutate


@planned
def read_on_from_the_commit_and_cut_anew(right: Plan, committed: Committed | None, _: Sequence[Recorded]) -> Plan:
    return replace(right, repeats=(), position=committed.offset if committed else right.position)


@planned
def take_the_claim_for_done(right: Plan, _: Committed | None, __: Sequence[Recorded]) -> Plan:
    return replace(right, repeats=())


@planned
def take_a_ledger_row_for_the_whole_block(right: Plan, _: Committed | None, ledger: Sequence[Recorded]) -> Plan:
    whole = {(one.first, one.next, one.messages) for one in ledger if one.stored == one.messages}
    return replace(right, repeats=tuple(one for one in right.repeats if one not in whole))


# -- R6: where the ledger goes further than the commit, its own ranges are repeated


@planned
def repeat_the_commits_claim_and_cut_the_rest_anew(
    right: Plan, committed: Committed | None, _: Sequence[Recorded]
) -> Plan:
    own = tuple(one for one in right.repeats[:1] if committed and one[0] == committed.offset)
    return replace(right, repeats=own, position=own[0][1] if own else committed.offset if committed else 0)


@planned
def without_a_commit_begin_anew(right: Plan, committed: Committed | None, _: Sequence[Recorded]) -> Plan:
    return right if committed else replace(right, repeats=(), position=right.start)


# -- R7: a ledger that ends before the commit stops the consumer


def go_on_when_the_ledger_ends_before_the_commit(patch: Patch) -> None:
    def careless(topic_id: str, committed: Committed | None, *rest: Any) -> Plan:
        try:
            return plan(topic_id, committed, *rest)
        except UnsafeToContinueError as exc:
            if committed is None or "To replay" not in str(exc):
                raise
            return Plan((), committed.offset, committed.claim.start if committed.claim else 0)

    patch.setattr(loop_module, "plan", careless)


def insert_without_a_look_at_what_lies_before(patch: Patch) -> None:
    patch.setattr(Witness, "watching", lambda self, range_: nullcontext())


# -- R8: a topic is known by its id


def never_ask_for_the_topics_id_again(patch: Patch) -> None:
    patch.setattr(Loop, "_topic_is_ours", lambda self: None)


def ask_for_the_topics_id_now_and_then_only(patch: Patch) -> None:
    original = Loop._known_to_be_ours

    def known(self: Loop) -> bool:
        return self._clock() - self._topic_checked <= TOPIC_CHECK_INTERVAL_S or original(self)

    patch.setattr(Loop, "_known_to_be_ours", known)


def believe_commits_of_a_deleted_topic(patch: Patch) -> None:
    def credulous(topic_id: str, committed: Committed | None, *rest: Any) -> Plan:
        if committed is not None and committed.claim is not None:
            committed = Committed(committed.offset, replace(committed.claim, topic_id=topic_id))
        return plan(topic_id, committed, *rest)

    patch.setattr(loop_module, "plan", credulous)


def token_without_the_topics_id(patch: Patch) -> None:
    def token(self: Writer, range_: Range) -> str:
        return f"{self._cluster_id}:{range_.partition}:{range_.claim.first}:{range_.claim.next}"

    patch.setattr(Writer, "_token", token)


# -- R9: an insert is repeated with the same bytes under the same token, and every token derives from the claim


def with_token(change: Callable[[Writer, Range, str], str]) -> Callable[[Patch], None]:
    @wraps(change)
    def mutate(patch: Patch) -> None:
        original = Writer._insert_once

        def insert(self: Writer, range_: Range, body: bytes, token: str, *, limited: bool = False) -> None:
            original(self, range_, body, change(self, range_, token), limited=limited)

        patch.setattr(Writer, "_insert_once", insert)

    return mutate


PART = re.compile(r":\d+-\d+:\d+$")


@with_token
def token_without_the_end_of_the_range(_: Writer, range_: Range, token: str) -> str:
    return token.replace(f":{range_.claim.first}:{range_.claim.next}", f":{range_.claim.first}")


@with_token
def token_without_the_schema(writer: Writer, range_: Range, _: str) -> str:
    return writer._token(range_)


@with_token
def parts_under_the_token_of_the_whole(_: Writer, __: Range, token: str) -> str:
    return PART.sub("", token)


@with_token
def parts_under_tokens_of_the_moment(writer: Writer, _: Range, token: str) -> str:
    return f"{token}:{PROCESSES[writer]}" if PART.search(token) else token


class Processes(dict[Writer, int]):
    """A number for each writer: what a process has and its successor has not."""

    numbers = count()

    def __missing__(self, writer: Writer) -> int:
        self[writer] = next(self.numbers)
        return self[writer]


PROCESSES = Processes()


def another_token_for_another_try(patch: Patch) -> None:
    store, tries = Writer._store, count()

    def restart(self: Writer, range_: Range) -> list[Refused]:
        nonlocal tries
        tries = count()
        return store(self, range_)

    patch.setattr(Writer, "_store", restart)
    with_token(lambda _, __, token: f"{token}:{next(tries)}")(patch)


# -- R10: a range is done only when all of it is accounted for


def forget_refused_records(patch: Patch) -> None:
    original = Writer._insert_once

    def insert(self: Writer, range_: Range, body: bytes, token: str, *, limited: bool = False) -> None:
        if not token.endswith(":refused"):
            original(self, range_, body, token, limited=limited)

    patch.setattr(Writer, "_insert_once", insert)


# -- R11: what was read and is dropped is read again


def go_on_after_a_break_without_seeking_back(patch: Patch) -> None:
    original = Loop._go_on_after_breaks

    def go_on(self: Loop) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(self._source, "start_at", lambda partition, offset: None)
            original(self)

    patch.setattr(Loop, "_go_on_after_breaks", go_on)


def read_on_behind_the_repeats(patch: Patch) -> None:
    original = Loop._position

    def position(self: Loop, partition: Partition) -> None:
        original(self, partition)
        if partition.repeats:
            self._source.start_at(partition.number, partition.repeats[-1][1])
            partition.cut_at = partition.repeats[-1][1]
            partition.repeats = deque()

    patch.setattr(Loop, "_position", position)


# -- R12: a commit is ahead of what is done only over offsets that were read and hold no messages


def release_at_the_end_while_messages_are_buffered(patch: Patch) -> None:
    patch.setattr(Partition, "passed", property(lambda self: max(self.done, self.read_to)))


def keep_the_end_that_was_read_over_a_break(patch: Patch) -> None:
    original = Partition.stand_still

    def stand_still(self: Partition) -> None:
        read_to = self.read_to
        original(self)
        self.read_to = read_to

    patch.setattr(Partition, "stand_still", stand_still)


def take_the_commits_offset_for_the_end_of_the_ledger(patch: Patch) -> None:
    patch.setattr(Committed, "done", property(lambda self: self.offset))


# -- what the protocol rests on


def a_broker_that_does_not_check_membership(patch: Patch) -> None:
    def commit(self: SimulatedKafka, commit: Commit) -> bool:
        if self.topic is None:
            return False
        self.commits[commit.partition] = commit
        self._on_commit(commit)
        return True

    patch.setattr(SimulatedKafka, "commit", commit)


def a_store_that_ignores_tokens(patch: Patch) -> None:
    patch.setattr(Table, "remember", lambda self, token: None)


MUTATIONS = (
    insert_whether_or_not_the_claim_was_accepted,
    claim_with_the_end_of_the_range,
    cut_anew_when_the_claim_went_unanswered,
    claim_on_before_the_insert_is_done,
    release_on_revoke_what_is_still_being_stored,
    keep_what_was_read_for_a_lost_partition,
    keep_what_was_read_for_a_revoked_partition,
    read_on_from_the_commit_and_cut_anew,
    take_the_claim_for_done,
    take_a_ledger_row_for_the_whole_block,
    repeat_the_commits_claim_and_cut_the_rest_anew,
    without_a_commit_begin_anew,
    go_on_when_the_ledger_ends_before_the_commit,
    insert_without_a_look_at_what_lies_before,
    never_ask_for_the_topics_id_again,
    ask_for_the_topics_id_now_and_then_only,
    believe_commits_of_a_deleted_topic,
    token_without_the_topics_id,
    token_without_the_end_of_the_range,
    token_without_the_schema,
    parts_under_the_token_of_the_whole,
    parts_under_tokens_of_the_moment,
    another_token_for_another_try,
    forget_refused_records,
    go_on_after_a_break_without_seeking_back,
    read_on_behind_the_repeats,
    release_at_the_end_while_messages_are_buffered,
    keep_the_end_that_was_read_over_a_break,
    take_the_commits_offset_for_the_end_of_the_ledger,
    a_broker_that_does_not_check_membership,
    a_store_that_ignores_tokens,
)


def _name(mutate: object) -> str:
    return mutate.__name__ if isinstance(mutate, FunctionType) else "?"


@pytest.mark.parametrize("mutate", MUTATIONS, ids=_name)
def test_the_model_finds_what_a_missing_rule_costs(
    mutate: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    walks = (Walk(seed, steps=STEPS).run for seed in range(WALKS))
    for history in (*SCENARIOS, *walks):
        try:
            history()
        except ViolationError:  # noqa: PERF203  # each try is a search of its own
            return
    pytest.fail(f"{len(SCENARIOS)} scenarios and {WALKS} walks found nothing")
