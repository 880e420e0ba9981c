"""A seeded walk through what may happen: the same seed, the same walk."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from protocol.calls import CALLS, Trouble
from protocol.member import STORED, Landing, Member
from protocol.simulated_clickhouse import TABLES
from protocol.world import CONTENTS, World

if TYPE_CHECKING:
    from collections.abc import Callable

TROUBLES = tuple(Trouble)
PLACES = (*CALLS, 5, 6, 7)
MESSAGES = 40
PLAIN = ("good",) * 8
# How often things happen where they can, before a walk makes some of them its subject.
WEIGHTS = {
    "produce": 12,
    "turn": 34,
    "write": 24,
    "start": 4,
    "kill": 4,
    "put out": 3,
    "wake": 4,
    "notice": 8,
    "rebalance": 3,
    "drain": 1,
    "late": 12,
    "land": 8,
    "flood": 1,
    "rewind": 2,
    "expire": 1,
    "delete": 1,
    "create": 12,
    "make anew": 1,
    "back up": 1,
    "restore": 1,
}
ALWAYS = frozenset({"produce", "turn", "write", "start", "wake", "create"})
# Swarms: a walk that cannot do everything goes deeper where it can.
FACTORS = (0, 0, 0.5, 1, 1, 3)


class Walk:
    """One run of `steps` things that happen to a world, then healing and judgement."""

    def __init__(self, seed: int, *, steps: int = 60) -> None:
        self._dice = Random(seed)
        self._steps = steps
        dice = self._dice
        self.world = World(
            partitions=dice.choice((1, 1, 2)), window=dice.choice((2, 5, 1000, 1000)), rows=dice.choice((2, 4, 8))
        )
        self.told: list[str] = []
        self._weights = {
            name: weight * (1 if name in ALWAYS else dice.choice(FACTORS)) for name, weight in WEIGHTS.items()
        }
        self._troubled = dice.choice((0, 0.2, 0.5))
        self._troubles = dice.sample(TROUBLES, dice.randint(1, 3))
        self._places = dice.choice((PLACES, ("claim",)))
        self._poisoned = dice.random() < 0.5
        self._asleep: set[Member] = set()  # stopped by SIGSTOP, or waiting for a page of memory

    def run(self) -> None:
        """Raises ViolationError when a rule does not hold."""
        dice, world = self._dice, self.world
        for _ in range(dice.choice((1, 2))):
            world.start()
        for _ in range(self._steps):
            acts = self._possible()
            self._act(dice.choices(acts, [self._weights[name] for name in acts])[0])
        survivors = dice.random() < 0.5
        self.told.append(f"heal, survivors={survivors}")
        world.heal(survivors=survivors)
        world.judge()

    def _possible(self) -> list[str]:
        world = self.world
        awake = any(member not in self._asleep for member in world.members)
        possible = {
            "produce": world.kafka.topic is not None and sum(log.high for log in world.kafka.topic.logs) < MESSAGES,
            "turn": awake,
            "write": any(member.hands.writes for member in world.members if member not in self._asleep),
            "start": len(world.members) < 3,
            "kill": bool(world.members),
            "put out": awake,
            "wake": bool(self._asleep),
            "drain": awake,
            "notice": world.some_are_dead,
            "late": bool(world.kafka.late),
            "land": bool(world.store.running),
            "create": world.kafka.topic is None,
            "restore": world.can_restore,
        }
        return [name for name in WEIGHTS if possible.get(name, True)]

    def _act(self, name: str) -> None:
        dice, world = self._dice, self.world
        partition = dice.randrange(world.kafka.partitions)
        draw: dict[str, Callable[[], object]] = {
            "produce": lambda: world.produce(partition, [self._content() for _ in range(dice.randint(1, 5))]),
            "start": world.start,
            "wake": self._asleep.clear,
            "notice": world.notice_the_dead,
            "rebalance": lambda: world.kafka.rebalance(dice.randrange(3)),
            "late": lambda: world.deliver_late(dice.randrange(9)),
            "land": lambda: world.land(dice.randrange(9), TABLES if dice.random() < 0.7 else self._some_tables()),
            "flood": lambda: world.store.flood(dice.randint(1, 6)),
            "rewind": lambda: world.rewind(partition, dice.choice((None, 0, 1, 4, 99))),
            "expire": lambda: world.expire(partition, dice.randint(1, 9)),
            "delete": lambda: world.delete_topic(keep_commits=dice.random() < 0.5),
            "create": world.create_topic,
            "make anew": self._make_anew,
            "back up": world.back_up,
            "restore": world.restore,
        }
        self.told.append(name)
        if name in draw:
            draw[name]()
        else:
            awake = [member for member in world.members if member not in self._asleep or name == "kill"]
            self._act_on(name, dice.choice(awake))

    def _act_on(self, name: str, member: Member) -> None:
        dice, world = self._dice, self.world
        member.patient = dice.random() < 0.5
        trouble = dice.choice(self._troubles) if dice.random() < self._troubled else None
        at = dice.choice(self._places)
        self.told[-1] += f" {world.members.index(member)} {trouble} at {at}"
        if name == "turn":
            world.pass_time(dice.choice((0, 1, 1)))
            member.turn(
                fetch=dice.choice((1, 2, 3, 100)), at=at, trouble=trouble, intrusion=lambda: self._intrude(member)
            )
        elif name == "write":
            member.write(dice.randrange(3), self._landing())
        elif name == "drain":
            member.drain(at=at, trouble=trouble, intrusion=lambda: self._intrude(member))
        elif name == "kill":
            member.alive = False
        elif name == "put out":
            member.put_out()
            if dice.random() < 0.7:
                self._asleep.add(member)
        if trouble is Trouble.PUT_OUT and dice.random() < 0.5:
            self._asleep.add(member)
        if not member.alive:
            world.bury(member)
            self._asleep.discard(member)

    def _make_anew(self) -> None:
        self.world.delete_topic(keep_commits=self._dice.random() < 0.5)
        self.world.create_topic()
        self._act("produce")

    def _intrude(self, member: Member) -> None:
        """What overtakes a call of this member."""
        dice = self._dice
        self.told.append("meanwhile")
        if dice.random() < 0.5:
            self._act(dice.choice(("produce", "notice", "rebalance", "late", "land", "delete", "make anew")))
            return
        # It is stopped past its session's end in the midst of a turn, and the others go on.
        member.put_out()
        others = [one for one in self.world.members if one is not member and one.alive]
        for _ in range(dice.randint(2, 6)):
            self.world.pass_time(1)
            for one in others:
                one.turn(fetch=dice.choice((1, 2, 100)))
                if dice.random() < 0.5:
                    one.write(0)
        self.told.append("so much for that")

    def _content(self) -> str:
        if not self._poisoned:
            return self._dice.choice((*PLAIN, "hole"))
        return self._dice.choice((*PLAIN, *CONTENTS, "hole"))

    def _landing(self) -> Landing:
        dice = self._dice
        if dice.random() < 0.5:
            return STORED
        return Landing(
            into=dice.choice((TABLES, (), self._some_tables())),
            answered=dice.random() < 0.5,
            runs_on=dice.random() < 0.3,
            crash=dice.random() < 0.3,
        )

    def _some_tables(self) -> tuple[str, ...]:
        return tuple(self._dice.sample(TABLES, self._dice.randint(0, len(TABLES))))
