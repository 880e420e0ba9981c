"""No interleaving loses or doubles a row: the real consumer between a broker and a store that misbehave.

Scenarios that are told, a crash at every pair of calls, seeded walks, and a Hypothesis state machine, which shrinks
what it finds. docs/protocol.md has the argument that these back. More of it: WATTNET_MODEL_EXAMPLES=5000.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from protocol.calls import CALLS, Trouble
from protocol.member import STORED, Landing, Member
from protocol.scenarios import SCENARIOS
from protocol.simulated_clickhouse import TABLES
from protocol.walk import Walk
from protocol.world import CONTENTS, World

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = int(os.environ.get("WATTNET_MODEL_EXAMPLES", "40"))
# More calls than two lives of a consumer make of any kind in the history below.
CALLS_OF_A_LIFE = 16


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario.__name__))
def test_what_a_rule_is_there_for(scenario: Callable[[], None]) -> None:
    scenario()


def _live(world: World, member: Member, crash_at: int, trouble: Trouble) -> None:
    """Work until the call or insert number `crash_at`, and die there."""
    for number in range(7):
        world.pass_time(1)
        member.turn(at=crash_at, trouble=trouble)
        crash_at -= len(member.calls.made)
        if member.alive and member.hands.writes:
            crash = trouble is Trouble.CRASH_AFTER and crash_at == 0
            member.write(0, Landing(into=TABLES[: number % 4], crash=True) if crash else STORED)
            crash_at -= 1
        if not member.alive:
            break
    if not member.alive:
        world.bury(member)
        world.notice_the_dead()


@pytest.mark.parametrize("first", range(0, CALLS_OF_A_LIFE, 4))
@pytest.mark.parametrize("trouble", [Trouble.CRASH_BEFORE, Trouble.CRASH_AFTER])
def test_two_lives_that_end_at_any_call(first: int, trouble: Trouble) -> None:
    """Each pair of calls, in four shares: the process dies there, and its successor at the other one."""
    died = 0
    for crash_at in range(first, first + 4):
        for then_at in range(CALLS_OF_A_LIFE):
            world = World(partitions=1, rows=2)
            world.produce(0, ["good", "unreadable", "hole", "good"])
            _live(world, world.start(), crash_at, trouble)
            world.produce(0, ["good", "of another schema"])
            _live(world, world.start() if not world.members else world.members[0], then_at, trouble)
            died += not world.members
            world.heal(survivors=True)
            world.judge()
    assert died, "nobody died, so nothing was tried"


def test_walks() -> None:
    for seed in range(EXAMPLES):
        Walk(seed, steps=80).run()


tables = st.lists(st.sampled_from(TABLES), unique=True).map(tuple)
landings = st.builds(Landing, into=tables, answered=st.booleans(), runs_on=st.booleans(), crash=st.booleans())
partitions = st.integers(0, 1)
anyone = st.integers(0, 2)


class Protocol(RuleBasedStateMachine):
    """What may happen, drawn by Hypothesis; at the end everything heals, and is judged."""

    world: World

    @initialize(window=st.sampled_from([3, 1000]), rows=st.integers(2, 5))
    def begin(self, window: int, rows: int) -> None:
        self.world = World(partitions=2, window=window, rows=rows)
        self.world.start()

    def _member(self, index: int) -> Member:
        return self.world.members[index % len(self.world.members)]

    @rule(partition=partitions, contents=st.lists(st.sampled_from([*CONTENTS, "hole"]), min_size=1, max_size=4))
    def produce(self, partition: int, contents: list[str]) -> None:
        self.world.produce(partition, contents)

    @precondition(lambda self: len(self.world.members) < 3)
    @rule()
    def start(self) -> None:
        self.world.start()

    @precondition(lambda self: self.world.members)
    @rule(
        index=anyone,
        fetch=st.integers(1, 6),
        seconds=st.integers(0, 2),
        patient=st.booleans(),
        at=st.sampled_from(CALLS) | st.integers(0, 9),
        trouble=st.none() | st.sampled_from([one for one in Trouble if one is not Trouble.INTRUSION]),
    )
    def turn(self, index: int, fetch: int, seconds: int, patient: bool, at: str | int, trouble: Trouble | None) -> None:
        member = self._member(index)
        member.patient = patient
        self.world.pass_time(seconds)
        member.turn(fetch=fetch, at=at, trouble=trouble)
        self._bury(member)

    @precondition(lambda self: any(member.hands.writes for member in self.world.members))
    @rule(index=anyone, landing=st.just(STORED) | landings)
    def write(self, index: int, landing: Landing) -> None:
        member = self._member(index)
        member.write(0, landing)
        self._bury(member)

    @precondition(lambda self: self.world.members)
    @rule(index=anyone)
    def kill(self, index: int) -> None:
        self.world.bury(self._member(index))

    @precondition(lambda self: self.world.members)
    @rule(index=anyone)
    def put_out(self, index: int) -> None:
        self._member(index).put_out()

    @precondition(lambda self: self.world.members)
    @rule(index=anyone, at=st.sampled_from(CALLS), trouble=st.none() | st.just(Trouble.CRASH_BEFORE))
    def drain(self, index: int, at: str, trouble: Trouble | None) -> None:
        member = self._member(index)
        member.drain(at=at, trouble=trouble)
        self._bury(member)

    @precondition(lambda self: self.world.some_are_dead)
    @rule()
    def notice_the_dead(self) -> None:
        self.world.notice_the_dead()

    @rule(shift=st.integers(0, 2))
    def rebalance(self, shift: int) -> None:
        self.world.kafka.rebalance(shift)

    @precondition(lambda self: self.world.kafka.late)
    @rule(index=st.integers(0, 9))
    def a_late_commit(self, index: int) -> None:
        self.world.deliver_late(index)

    @precondition(lambda self: self.world.store.running)
    @rule(index=st.integers(0, 9), into=tables)
    def a_late_insert(self, index: int, into: tuple[str, ...]) -> None:
        self.world.land(index, into)

    @rule(count=st.integers(1, 4))
    def other_inserts(self, count: int) -> None:
        self.world.store.flood(count)

    @rule(partition=partitions, back=st.none() | st.integers(0, 9))
    def rewind(self, partition: int, back: int | None) -> None:
        self.world.rewind(partition, back)

    @rule(partition=partitions, count=st.integers(1, 9))
    def retention(self, partition: int, count: int) -> None:
        self.world.expire(partition, count)

    @rule(keep_commits=st.booleans())
    def make_the_topic_anew(self, keep_commits: bool) -> None:
        self.world.delete_topic(keep_commits=keep_commits)
        self.world.create_topic()

    @rule()
    def back_up(self) -> None:
        self.world.back_up()

    @precondition(lambda self: self.world.can_restore)
    @rule()
    def restore(self) -> None:
        self.world.restore()

    def _bury(self, member: Member) -> None:
        if not member.alive:
            self.world.bury(member)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.heal(survivors=True)
            self.world.judge()


def test_a_state_machine() -> None:
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
