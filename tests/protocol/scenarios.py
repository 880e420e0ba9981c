"""Histories that a walk meets rarely, told in full: each one is what one rule of the protocol is there for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.calls import Trouble
from protocol.member import Landing, Member
from protocol.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

ONLY_METRICS = Landing(into=("metrics",), crash=True)
ONLY_LEDGER = Landing(into=("ledger",), crash=True)
NEVER_ARRIVES = Landing(into=(), crash=True)


def _world(*, produced: int = 2) -> tuple[World, Member]:
    """One member that has a partition, and `produced` messages in it."""
    world = World(partitions=1, rows=100)
    member = world.start()
    world.produce(0, ["good"] * produced)
    _turns(world, member, 3)
    return world, member


def _turns(world: World, member: Member, count: int) -> None:
    for _ in range(count):
        member.turn()
    world.pass_time(2)


def _end(world: World, *, survivors: bool = False) -> None:
    for member in list(world.members):
        if not member.alive:
            world.bury(member)
    world.heal(survivors=survivors)
    world.judge()


def a_claim_takes_effect_after_its_second_try() -> None:
    """And the process dies in the midst of the insert."""
    world, member = _world()
    member.turn(at="claim", trouble=Trouble.LATE)
    world.produce(0, ["good"] * 2)
    _turns(world, member, 2)
    member.turn()
    member.write(0, ONLY_METRICS)
    world.deliver_late(0)
    _end(world)


def a_zombie_claims_in_the_midst_of_a_turn() -> None:
    """It is stopped before its claim; when it continues, another one has claimed more."""
    world, zombie = _world()
    heir = world.start()
    heir.turn()

    def stopped() -> None:
        zombie.put_out()
        world.produce(0, ["good"] * 2)
        _turns(world, heir, 3)
        heir.turn()

    zombie.turn(at="claim", trouble=Trouble.INTRUSION, intrusion=stopped)
    zombie.write(0)
    heir.write(0)
    _end(world, survivors=True)


def a_zombie_rejoins_with_what_it_had_read() -> None:
    """The broker takes its claims again, although the partition is another one's."""
    world, zombie = _world()
    heir = world.start()
    heir.turn()
    zombie.put_out()
    world.produce(0, ["good"] * 2)
    _turns(world, heir, 3)
    zombie.turn()
    zombie.turn()
    heir.turn()
    zombie.write(0)
    heir.write(0)
    _end(world, survivors=True)


def a_partition_moves_with_what_was_read_for_it() -> None:
    """Both members are in good standing; only the old owner's buffer is out of date."""
    world, old = _world(produced=0)
    new = world.start()
    new.turn()
    world.produce(0, ["good"] * 2)
    old.turn()
    world.kafka.rebalance(1)
    old.turn()
    world.produce(0, ["good"] * 2)
    _turns(world, new, 3)
    new.turn()
    old.turn()
    old.write(0)
    new.write(0)
    _end(world, survivors=True)


def a_claim_is_lost_while_its_range_is_in_one_table_only() -> None:
    """The range is cut anew: the table that has part of it must take the new one whole."""
    world, member = _world()
    member.turn()
    member.write(0, ONLY_METRICS)
    world.bury(member)
    world.rewind(0, None)
    world.produce(0, ["good"] * 2)
    _end(world)


def a_ledger_row_without_its_rows() -> None:
    """The views land one by one: what the ledger has may be missing elsewhere."""
    world, member = _world()
    member.turn()
    member.write(0, ONLY_LEDGER)
    _end(world)


def a_crash_between_claim_and_insert() -> None:
    """More has arrived when somebody else reads the claim, and part of the insert has too."""
    world, member = _world()
    member.turn()
    member.write(0, ONLY_METRICS)
    world.produce(0, ["good"] * 2)
    _end(world)


def a_crash_before_anything_of_a_range_arrived() -> None:
    """Only the claim says that there is a range."""
    world, member = _world()
    member.turn()
    member.write(0, NEVER_ARRIVES)
    _end(world)


def offsets_expire_and_the_newest_range_is_incomplete() -> None:
    """Only the ledger says where to go on, and its newest row is no proof."""
    world, member = _world()
    member.turn()
    member.write(0, ONLY_LEDGER)
    world.bury(member)
    world.rewind(0, None)
    world.produce(0, ["good"])
    _end(world)


def a_group_is_rewound_over_several_ranges() -> None:
    """They are repeated one by one, not as one."""
    world, member = _world()
    for _ in range(3):
        member.turn()
        member.finish_writes()
        world.produce(0, ["good"] * 2)
        _turns(world, member, 2)
    world.rewind(0, 5)
    _end(world)


def an_older_copy_of_clickhouse() -> None:
    """The consumer stops, and says to what the group has to be reset."""
    world, member = _world()
    member.turn()
    member.finish_writes()
    world.back_up()
    world.produce(0, ["good"] * 2)
    _turns(world, member, 2)
    member.turn()
    member.finish_writes()
    member.turn()
    world.restore()
    _end(world)


def an_older_copy_under_a_running_consumer() -> None:
    """It would go on behind the hole."""
    world, member = _world()
    world.back_up()
    member.turn()
    member.finish_writes()
    member.turn()
    world.restore(stopped=False)
    world.produce(0, ["good"] * 2)
    _turns(world, member, 2)
    member.turn()
    member.finish_writes()
    member.turn()
    _end(world, survivors=True)


def an_older_copy_that_was_made_in_the_midst_of_an_insert() -> None:
    """Its newest ledger row is no proof either."""
    world, member = _world()
    member.turn()
    member.write(0, Landing(into=("ledger",)))
    world.back_up()
    member.finish_writes()
    world.produce(0, ["good"] * 2)
    _turns(world, member, 2)
    member.turn()
    member.finish_writes()
    member.turn()
    world.restore()
    _end(world)


def a_topic_is_made_anew_under_a_reading_member() -> None:
    """Its offsets go on where the old ones were read to, within the time between two looks at the topic."""
    world, member = _world()
    member.turn()
    member.finish_writes()
    member.turn()
    world.delete_topic(keep_commits=True)
    world.create_topic()
    world.produce(0, ["good"] * 4)
    member.turn()
    world.pass_time(1)
    member.turn()
    member.finish_writes()
    _end(world)


def a_topic_is_made_anew_with_the_same_offsets() -> None:
    """Other messages, cut at the same places: not a repeat."""
    world, member = _world()
    member.turn()
    member.finish_writes()
    member.turn()
    world.delete_topic(keep_commits=False)
    world.create_topic()
    world.produce(0, ["good"] * 2)
    _end(world)


def a_partition_is_revoked_in_the_midst_of_an_insert() -> None:
    """And its old owner dies before the insert is done."""
    world, old = _world()
    new = world.start()
    new.turn()
    old.turn()
    world.kafka.rebalance(1)
    old.patient = False
    old.turn()
    world.bury(old)
    _end(world, survivors=True)


def a_partition_comes_back_after_another_one_had_it() -> None:
    """What its owner had read before is out of date."""
    world, member = _world()
    other = world.start()
    other.turn()
    world.kafka.rebalance(1)
    world.produce(0, ["good"] * 2)
    member.turn()
    for _ in range(4):
        world.pass_time(2)
        other.turn()
        other.finish_writes()
    world.kafka.rebalance(0)
    other.turn()
    _turns(world, member, 2)
    member.turn()
    member.finish_writes()
    _end(world, survivors=True)


def an_insert_whose_answer_is_lost() -> None:
    """The same bytes go again."""
    world, member = _world()
    member.turn()
    member.write(0, Landing(answered=False))
    member.finish_writes()
    _end(world)


def a_partition_stands_still() -> None:
    """Half of it is bad; what was read behind that is dropped."""
    world, member = _world(produced=0)
    world.produce(0, ["unreadable"] * 6)
    _turns(world, member, 3)
    member.turn()
    world.produce(0, ["good"] * 3)
    member.turn()
    member.finish_writes()
    _turns(world, member, 3)
    _end(world, survivors=True)


def parts_of_a_range_with_a_bad_record_are_repeated() -> None:
    """The good ones went in alone; a new process parts the same range again."""
    world, member = _world(produced=0)
    world.produce(0, ["good", "good", "unreadable", "refused by the engine", "good", "of another schema"])
    _turns(world, member, 2)
    member.turn()
    for _ in range(4):
        member.write(0)
    member.write(0, Landing(crash=True))
    _end(world)


SCENARIOS: tuple[Callable[[], None], ...] = (
    a_claim_takes_effect_after_its_second_try,
    a_zombie_claims_in_the_midst_of_a_turn,
    a_zombie_rejoins_with_what_it_had_read,
    a_partition_moves_with_what_was_read_for_it,
    a_claim_is_lost_while_its_range_is_in_one_table_only,
    a_ledger_row_without_its_rows,
    a_crash_between_claim_and_insert,
    a_crash_before_anything_of_a_range_arrived,
    offsets_expire_and_the_newest_range_is_incomplete,
    a_group_is_rewound_over_several_ranges,
    an_older_copy_of_clickhouse,
    an_older_copy_under_a_running_consumer,
    an_older_copy_that_was_made_in_the_midst_of_an_insert,
    a_topic_is_made_anew_under_a_reading_member,
    a_topic_is_made_anew_with_the_same_offsets,
    a_partition_is_revoked_in_the_midst_of_an_insert,
    a_partition_comes_back_after_another_one_had_it,
    an_insert_whose_answer_is_lost,
    a_partition_stands_still,
    parts_of_a_range_with_a_bad_record_are_repeated,
)
