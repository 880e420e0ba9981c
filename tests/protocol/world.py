"""Kafka, ClickHouse and the processes between them: everything that can happen, and what must never follow from it."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from protocol.member import Clock, Member
from protocol.simulated_clickhouse import (
    REFUSED_BY_THE_ENGINE,
    REGISTERED_PREFIX,
    TABLES,
    Row,
    SimulatedClickHouse,
    Table,
    message,
    unreadable,
)
from protocol.simulated_kafka import Commit, SimulatedKafka

from wattnet.consumer import BatchSettings, ServiceUnavailableError, UnsafeToContinueError
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import OffsetsGoneError
from wattnet.consumer._message import offset_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Place = tuple[str, int]  # topic id and partition

HEALING_TURNS = 60
CONTENTS: dict[str, Callable[[int], bytes | None]] = {
    "good": message,
    "of another schema": lambda serial: message(serial, prefix=REGISTERED_PREFIX),
    "without a name": lambda serial: message(serial, name=""),
    "unreadable": unreadable,
    "refused by the engine": lambda serial: message(serial, name=REFUSED_BY_THE_ENGINE),
    "tombstone": lambda _: None,
    "foreign": lambda _: b"no framing",
}


class ViolationError(AssertionError):
    """A row is lost or doubled, or the consumers got stuck."""


class World:
    """What may happen is a method each. Any of them may raise ViolationError; `heal` and `judge` say the last word."""

    def __init__(self, *, partitions: int = 2, window: int = 1000, rows: int = 3) -> None:
        self.clock = Clock()
        self.kafka = SimulatedKafka(partitions, self._on_commit)
        self.store = SimulatedClickHouse(window, self._on_insert)
        self.members: list[Member] = []
        self.story: list[str] = []
        self._batch = BatchSettings(max_batch_rows=rows, flush_interval_s=1, drain_timeout_s=2, breaker_pause_s=3)
        self._serial = 0
        self._sent: dict[Place, dict[int, int]] = defaultdict(dict)  # by place: offset, serial number
        self._stored: dict[Place, set[int]] = defaultdict(set)
        self._dead_members: list[int] = []
        self._backup: tuple[dict[str, Table], dict[Place, set[int]]] | None = None
        self._restored = self._expired = False
        self._unaware: list[Member] = []  # consumers that ran while ClickHouse was restored
        # Where a claim was taken from Kafka while its range was stored in part: rows are once by FINAL only.
        self._final_only: set[Place] = set()

    # -- what may happen

    def produce(self, partition: int, contents: Iterable[str]) -> None:
        """A producer sends; "hole" takes an offset without a message, as the end of a transaction does."""
        if self.kafka.topic is None:
            return
        for content in contents:
            if content == "hole":
                self.kafka.log(partition).high += 1
                continue
            self._serial += 1
            offset = self.kafka.append(partition, CONTENTS[content](self._serial), str(self._serial).encode())
            self._sent[self.kafka.topic.id, partition][offset] = self._serial

    def start(self) -> Member:
        """A new replica."""
        member = Member(self.kafka, self.store, self._batch, self.clock)
        self.members.append(member)
        return member

    def pass_time(self, seconds: float) -> None:
        """Ranges become due."""
        self.clock.now += seconds

    def bury(self, member: Member) -> None:
        """The process is gone; the group does not know yet."""
        member.alive = False
        if member in self.members:
            self.members.remove(member)
            if member.source is not None and member.source.member in self.kafka.members:
                self._dead_members.append(member.source.member)
        if member.stopped is not None:
            self._explain(member)

    def notice_the_dead(self) -> None:
        """The sessions of dead members time out."""
        for member in self._dead_members:
            self.kafka.remove(member)
        self._dead_members.clear()

    def deliver_late(self, index: int) -> None:
        """A commit that went unanswered takes effect now, if nothing behind it hangs by the claim that it overwrites.

        The next try of the same claim may have come first. What is ruled out is said in docs/protocol.md: a claim
        that the broker accepted goes back only when nobody is storing its range.
        """
        if not self.kafka.late:
            return
        late = self.kafka.late.pop(index % len(self.kafka.late))
        now = self.kafka.commits.get(late.partition)
        claim = Claim.parse(late.offset, late.metadata)
        same_range = now is not None and now.offset == late.offset and claim is not None and claim.messages
        if same_range or self._may_forget(late.partition):
            self.kafka.commit(late)

    def rewind(self, partition: int, back: int | None) -> None:
        """Someone stops the consumers and resets the group's offset, or (None) it expires.

        Brokers allow that only without members.
        """
        self._stop_all()
        commit = self.kafka.commits.get(partition)
        if self.kafka.topic is None or commit is None or not self._may_forget(partition):
            return
        claim = Claim.parse(commit.offset, commit.metadata)
        if claim is not None and claim.topic_id != self.kafka.topic.id:
            return  # void already
        if (claim.first if claim else commit.offset) > self._ledger_end((self.kafka.topic.id, partition)):
            return  # after a restore: the consumer says what to reset it to
        if back is None:
            del self.kafka.commits[partition]
        else:
            self.kafka.commits[partition] = Commit(0, 0, partition, max(commit.offset - back, self._low(partition)), "")

    def expire(self, partition: int, count: int) -> None:
        """Retention takes the oldest messages, as far as they are stored."""
        if self.kafka.topic is None:
            return
        log, place = self.kafka.log(partition), (self.kafka.topic.id, partition)
        missing = [offset for offset in self._sent[place] if offset not in self._stored[place]]
        whole = [row[3] for row in self._claims(place) if row[3] <= min(missing, default=log.high)]
        self._expired = True
        self._backup = None  # an older copy could not be filled up again
        commit = self.kafka.commits.get(partition)
        claim = Claim.parse(commit.offset, commit.metadata) if commit else None
        if commit and claim and claim.topic_id == self.kafka.topic.id and not missing and not claim.messages:
            whole.append(commit.offset)  # marks of transactions that were read
        log.low = max(log.low, min(log.low + count, max(whole, default=0)))
        log.messages = [one for one in log.messages if offset_of(one) >= log.low]

    def delete_topic(self, *, keep_commits: bool) -> None:
        """Someone deletes the topic. Brokers then forget its commits; should one stay, its claim says whose it was."""
        self.kafka.topic = None
        self.kafka.commits = {
            partition: commit
            for partition, commit in self.kafka.commits.items()
            if keep_commits and Claim.parse(commit.offset, commit.metadata)
        }

    def create_topic(self) -> None:
        """Someone makes the topic again."""
        if self.kafka.topic is None:
            self.kafka.create_topic()

    def land(self, index: int, into: tuple[str, ...] = TABLES) -> None:
        """An insert that nobody waits for any more is done, or dies in the midst."""
        if self.store.running:
            insert = self.store.running.pop(index % len(self.store.running))
            self.store.insert(insert.body, insert.token, into)

    def back_up(self) -> None:
        """Someone copies ClickHouse's folder."""
        self._backup = (self.store.copy_of_folder(), {place: set(offsets) for place, offsets in self._stored.items()})

    def restore(self, *, stopped: bool = True) -> None:
        """Someone puts the copy in ClickHouse's place, with the consumers stopped or not."""
        if self._backup is None:
            return
        if stopped:
            self._stop_all()
        self.pass_time(5)  # nobody does it in less
        self._unaware = list(self.members)
        self.kafka.late.clear()
        folder, stored = self._backup
        self.store.restore(folder)
        self._stored = defaultdict(set, {place: set(offsets) for place, offsets in stored.items()})
        self._restored = True
        for place, offsets in self._stored.items():
            if any(offset >= self._ledger_end(place) for offset in offsets):
                self._final_only.add(place)
        for partition, commit in self.kafka.commits.items():
            place = (self.kafka.topic.id if self.kafka.topic else "", partition)
            claims = self._claims(place)
            claim = Claim.parse(commit.offset, commit.metadata)
            if claims and claims[-1][3] == (claim.first if claim else commit.offset):
                # The one thing that the consumer cannot see (docs/protocol.md): the operator resets unasked.
                self.kafka.commits[partition] = Commit(0, 0, partition, claims[-1][2], "")

    @property
    def some_are_dead(self) -> bool:
        """Whether the group has members that it does not know to be dead."""
        return bool(self._dead_members)

    @property
    def can_restore(self) -> bool:
        """Whether there is a copy."""
        return self._backup is not None

    def _stop_all(self) -> None:
        for member in list(self.members):
            self.bury(member)
        self.notice_the_dead()

    # -- the end

    def heal(self, *, survivors: bool) -> None:
        """Everything works from now on. Raises ViolationError when the consumers do not come to an end."""
        self.create_topic()
        while self.kafka.late:
            self.deliver_late(0)
        while self.store.running:
            self.land(0)
        for member in list(self.members):
            if not survivors or not member.alive:
                self.bury(member)
        self.notice_the_dead()
        for _ in range(HEALING_TURNS):
            if not self.members:
                self.start()
            self.pass_time(2)
            for member in list(self.members):
                if member not in self.members:
                    continue  # stopped by the operator because another one asked for it
                member.patient = True
                member.turn()
                member.finish_writes()
                if not member.alive:
                    self.bury(member)
                    self.notice_the_dead()
            if self._drained():
                return
        raise ViolationError("the consumers do not get to the end")

    def judge(self) -> None:
        """Raises ViolationError unless every message is stored exactly once, in every table that it belongs to."""
        assert self.kafka.topic is not None
        for place, sent in self._sent.items():
            if place[0] != self.kafka.topic.id:
                continue
            missing = sorted(set(sent) - self._stored[place])
            if missing:
                raise ViolationError(f"lost: {place} {missing}")
            end = 0
            for claim in self._claims(place):
                if claim[2] != end:
                    raise ViolationError(f"claims do not tile: {place}, {end} then {claim[2:]}")
                end = claim[3]
                parts = [row[7] for row in self.store.tables["ledger"].rows if row[:5] == claim]
                if sum(parts) != claim[4]:
                    raise ViolationError(f"parts do not add up: {claim}: {parts}")
            if sent and end <= max(sent):
                raise ViolationError(f"claims end early: {place} at {end}")

    # -- what must never be

    def _on_insert(self, table: str, rows: list[Row]) -> None:
        for row in rows:
            place = row[:2]
            if self.store.tables[table].rows[row] > 1:
                forgot = any(one.forgot for one in self.store.tables.values())
                if not forgot and place not in self._final_only:
                    raise ViolationError(f"doubled in {table}: {row}")
            if table == "ledger":
                self._refuse_overlap(place, row)
            else:
                if self._sent[place].get(row[2]) != row[3]:
                    raise ViolationError(f"another message's row: {row}")
                self._stored[place].add(row[2])

    def _refuse_overlap(self, place: Place, row: Row) -> None:
        claims = self._claims(place)
        for before, after in pairwise(claims):
            if before[3] > after[2]:
                raise ViolationError(f"claimed twice: {before[2:]} and {after[2:]} of {place}, with {row}")

    def _on_commit(self, commit: Commit) -> None:
        claim = Claim.parse(commit.offset, commit.metadata)
        if claim is None or self.kafka.topic is None or claim.topic_id != self.kafka.topic.id:
            return
        if any(member in self.members for member in self._unaware):
            return  # it learns before its insert, not before its claim
        place = (claim.topic_id, commit.partition)
        early = [one for one in self._sent[place] if one < commit.offset and one not in self._stored[place]]
        if early or (claim.first > claim.start and self._ledger_end(place) < claim.first):
            raise ViolationError(f"committed as stored, and not stored: {commit}, {early}")

    def _explain(self, member: Member) -> None:
        """A loud stop needs a reason; after a restore the operator does what the message says."""
        stopped = member.stopped
        resets = re.findall(r"\[(\d+)\]: .*To replay: .* to (\d+)$", str(stopped), re.MULTILINE)
        if self._restored and resets:
            self._stop_all()
            if self.kafka.topic is None or member.loop is None or member.loop._topic_id != self.kafka.topic.id:
                return  # said of a topic that is gone
            for partition, offset in resets:
                self.kafka.commits[int(partition)] = Commit(0, 0, int(partition), int(offset), "")
        elif isinstance(stopped, ServiceUnavailableError):
            return  # whoever started it starts it again
        elif isinstance(stopped, OffsetsGoneError) and self._expired:
            return  # it was about to repeat what retention has just taken; a new process sees it stored
        elif isinstance(stopped, UnsafeToContinueError) and self.kafka.lives > 1:
            return  # of a topic that changed between two questions; a new process sees it whole
        else:
            raise ViolationError(f"stopped without a reason: {stopped!r}")

    # -- looking

    def _low(self, partition: int) -> int:
        return self.kafka.log(partition).low if self.kafka.topic else 0

    def _claims(self, place: Place) -> list[Row]:
        return sorted({row[:5] for row in self.store.tables["ledger"].rows if row[:2] == place})

    def _ledger_end(self, place: Place) -> int:
        return max((claim[3] for claim in self._claims(place)), default=0)

    def _may_forget(self, partition: int) -> bool:
        """Whether the commit may go back: its claim is in the ledger, or its range is with nobody.

        In the second case what is stored of it already will be stored again under another token.
        """
        commit = self.kafka.commits.get(partition)
        claim = Claim.parse(commit.offset, commit.metadata) if commit else None
        if claim is None or not claim.messages:
            return True
        place = (claim.topic_id, partition)
        if any(row[2] == claim.first for row in self._claims(place)):
            return True
        name = (*place, claim.first, claim.next)
        running = any(self.store.claim_of(one.body) == name for one in self.store.running)
        held = any(
            (one.claim.topic_id, one.partition, one.claim.first, one.claim.next) == name
            for member in self.members
            for one in member.under_way()
        )
        if not running and not held and any(offset >= claim.first for offset in self._stored[place]):
            self._final_only.add(place)
        return not running and not held

    def _drained(self) -> bool:
        assert self.kafka.topic is not None
        for number, log in enumerate(self.kafka.topic.logs):
            commit = self.kafka.commits.get(number)
            claim = Claim.parse(commit.offset, commit.metadata) if commit else None
            end = log.high  # with the marks of transactions: lag reaches 0
            if not end:
                continue
            if commit is None or claim is None or claim.topic_id != self.kafka.topic.id:
                return False
            if claim.messages or commit.offset < end:
                return False
        return not self.kafka.late and all(self.kafka.owner(one) is not None for one in range(self.kafka.partitions))
