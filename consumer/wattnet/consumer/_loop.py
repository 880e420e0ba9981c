"""The consumer's loop: poll, cut ranges, claim them, hand them to the writer, release what is done.

One thread polls and claims; writer threads frame and insert. The commit protocol's rules live here:
a range is inserted only after the broker accepted its claim, a claim is made only after the claim before it is
accounted for, and nothing that was buffered for a partition survives its loss.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, wait
from itertools import groupby
from typing import TYPE_CHECKING

from wattnet.consumer._breaker import Breaker
from wattnet.consumer._closing import Closing
from wattnet.consumer._errors import OffsetsGoneError, ServiceUnavailableError, TopicChangedError, UnsafeToContinueError
from wattnet.consumer._message import partition_of, timestamp_of
from wattnet.consumer._partition import Partition
from wattnet.consumer._reading import Reading
from wattnet.consumer._recovery import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from threading import Event

    from wattnet.consumer._claim import Claim
    from wattnet.consumer._health import Health
    from wattnet.consumer._ledger import Ledger
    from wattnet.consumer._meters import Meters
    from wattnet.consumer._range_size import RangeSize
    from wattnet.consumer._settings import BatchSettings
    from wattnet.consumer._source import Source
    from wattnet.consumer._writer import Writer, Written

logger = logging.getLogger(__name__)

POLL_MESSAGES = 20_000
POLL_TIMEOUT_S = 0.1
# Ranges with the writer at once: one that it frames while ClickHouse stores another, and one that waits, so that no
# thread of it is idle until the loop's next turn. Long ranges take longer than that: what would wait behind two of them
# stays in its buffer instead, and is a larger range when its time comes.
MAX_OUTSTANDING = 3
MAX_LONG = 2
LONG_ROWS = 10_000
TOPIC_CHECK_INTERVAL_S = 3.0
POSITION_RETRY_S = 1.0


class Loop:
    """One membership in the group, for one topic id. `run` returns when asked to stop and all is drained.

    When `close_breakers` is set, partitions that stand still go on, on trial, at the next turn.
    """

    def __init__(
        self,
        source: Source,
        writer: Writer,
        ledger: Ledger,
        executor: Executor,
        batch: BatchSettings,
        *,
        topic: str,
        topic_id: str,
        meters: Meters,
        health: Health,
        size: RangeSize,
        close_breakers: Event,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._writer = writer
        self._ledger = ledger
        self._executor = executor
        self._batch = batch
        self._topic = topic
        self._topic_id = topic_id
        self._meters = meters
        self._health = health
        self._size = size
        self._closing = Closing(source, batch, size)
        self._close_breakers = close_breakers
        self._clock = clock
        self._wall_clock = wall_clock
        self._partitions: dict[int, Partition] = {}
        self._reading = Reading(source, batch.max_buffer_bytes, clock)
        self._topic_checked = clock()
        self._position_after = 0.0
        self._drained_by: float | None = None  # when draining has to be over, once it has begun

    def run(self, stop: Event) -> bool:
        """Work until `stop` is set, then drain; returns whether all that was read is stored.

        Raises TopicChangedError when the topic is another one, ConsumerError for what cannot heal.
        """
        self._source.subscribe(self)
        try:
            while not stop.is_set():
                self.step()
            return self.drain()
        finally:
            self._partitions.clear()  # or leaving the group would wait for the writer, after drain a second time

    def step(self) -> None:
        """One turn. Blocks for a fraction of a second at most, but for the broker's answers."""
        self._health.beat()
        self._poll()
        self._position_new()
        self._collect()
        self._go_on_after_breaks()
        self._claim(self._due())
        self._release_idle()
        if self._clock() - self._topic_checked > TOPIC_CHECK_INTERVAL_S:
            self._known_to_be_ours()
        self._measure()

    def drain(self) -> bool:
        """Store all that is buffered, release it, and say whether that worked within `drain_timeout_s`."""
        self._drained_by = deadline = self._clock() + self._batch.drain_timeout_s
        self._reading.stop()
        for partition in self._partitions.values():
            if partition.repeats:  # an old claim that is not read whole: it stands, whoever comes next repeats it
                partition.buffer.clear()
        while self._clock() < deadline and any(one.buffer or one.outstanding for one in self._partitions.values()):
            self._health.beat()
            self._source.poll(1, 0)
            self._collect()
            self._claim(list(self._partitions.values()))
            self._wait_for_writer(POLL_TIMEOUT_S)
        self._release_idle()
        return not any(one.buffer or one.outstanding for one in self._partitions.values())

    # -- reading

    def _poll(self) -> None:
        self._reading.adjust(self._partitions.values())
        if self._reading.full:
            with self._meters.spent("backpressure"):
                self._wait_for_writer(POLL_TIMEOUT_S)
            if self._reading.going:
                return
        try:
            with self._meters.spent("poll"):
                messages = self._source.poll(POLL_MESSAGES, 0 if self._reading.full else POLL_TIMEOUT_S)
        except OffsetsGoneError:
            self._topic_is_ours()  # a topic that was made again explains it
            raise
        now = self._clock()
        for number, run in groupby(messages, partition_of):
            partition = self._partitions.get(number)
            if partition is not None and partition.reading:
                partition.add(list(run), now)
        for number, end in self._source.ends_read().items():
            partition = self._partitions.get(number)
            if partition is not None and partition.reading:
                partition.read_to = end

    def _wait_for_writer(self, timeout_s: float) -> None:
        storing = [one.storing for one in self._partitions.values() if one.storing is not None]
        if storing:
            wait(storing, timeout_s, FIRST_COMPLETED)
        else:
            time.sleep(timeout_s)

    # -- positions

    def _position_new(self) -> None:
        if self._clock() < self._position_after:
            return
        unsafe: list[str] = []
        for partition in self._partitions.values():
            if partition.positioned:
                continue
            try:
                self._position(partition)
            except ServiceUnavailableError as exc:
                why = f"partition {partition.number} waits for its position: {exc}"
                self._health.trouble("position", why, self._health.positions)
                self._position_after = self._clock() + POSITION_RETRY_S
                break
            except UnsafeToContinueError as exc:
                unsafe.append(f"{self._topic}[{partition.number}]: {exc}")
            else:
                self._health.well("position")
        if unsafe:  # all of them at once: a restart for each partition would be a long repair
            raise UnsafeToContinueError("\n".join(unsafe))

    def _position(self, partition: Partition) -> None:
        number = partition.number
        self._topic_is_ours()
        committed = self._source.committed(number)
        tail = self._ledger.tail(self._topic_id, number, committed.done if committed else None)
        low, high = self._source.extent(number)
        where = plan(self._topic_id, committed, tail.claims, tail.start, low, high)
        self._source.start_at(number, where.reads_from)
        offset = partition.position(where)
        self._meters.repeats.inc(len(where.repeats))
        logger.info(
            "partition %d goes on at %d (%d ranges to repeat, %d messages to read)",
            number,
            offset,
            len(where.repeats),
            high - offset,
        )

    # -- storing

    def _due(self) -> list[Partition]:
        """The partitions whose buffers should be cut now, largest first, as many as the writer can take.

        While the writer is busy buffers grow, so ranges are as large as the load asks for.
        """
        rows = [len(one.outstanding.messages) for one in self._partitions.values() if one.outstanding is not None]
        unclaimed = [one for one in self._partitions.values() if one.outstanding is not None and one.storing is None]
        due = self._closing.due(self._partitions.values(), self._clock(), all_of_it=self._reading.full)
        due.sort(key=lambda one: one.buffer_bytes, reverse=True)
        taken: list[Partition] = []
        for one in due:
            if len(rows) >= MAX_OUTSTANDING or sum(count >= LONG_ROWS for count in rows) >= MAX_LONG:
                break
            taken.append(one)
            rows.append(min(len(one.buffer), self._closing.max_rows(one)))
        return unclaimed + taken

    def _claim(self, partitions: Sequence[Partition]) -> None:
        """Cut, claim in one commit, and hand what the broker accepted to the writer."""
        claims: dict[int, Claim] = {}
        for partition in partitions:
            partition.cut(self._closing.max_rows(partition), self._clock())
            if partition.outstanding is not None and partition.storing is None:
                claims[partition.number] = partition.outstanding.claim
        if not claims:
            return
        # The messages were read before this answer, so they are of the topic that it names.
        if not self._known_to_be_ours():
            return
        for number in self._commit(claims):
            partition_ = self._partitions.get(number)
            if partition_ is not None and partition_.outstanding is not None:
                partition_.storing = self._executor.submit(self._writer.write, partition_.outstanding)
                partition_.claimed_at = self._clock()

    def _commit(self, claims: Mapping[int, Claim]) -> frozenset[int]:
        accepted = self._source.claim(claims)
        waiting = sorted(claims.keys() - accepted)
        if waiting:
            self._health.trouble("claims", f"Kafka did not accept the claims of partitions {waiting}")
        else:
            self._health.well("claims")
        return accepted

    def _collect(self) -> None:
        """Take up what the writer finished; raises what it could not do."""
        for partition in self._partitions.values():
            if partition.storing is not None and partition.storing.done():
                self._take_up(partition, partition.storing.result())

    def _take_up(self, partition: Partition, written: Written) -> None:
        """A range is accounted for: count it, and let the breaker judge."""
        seconds = self._clock() - partition.claimed_at
        range_ = partition.finish()
        self._meters.batch_flush_seconds.observe(seconds)
        self._meters.stored(
            messages=written.messages,
            refusals=written.refusals,
            oldest_sent=timestamp_of(range_.messages[0])[1] / 1000,
            now=self._wall_clock(),
        )
        where = {"topic": self._topic, "partition": partition.number, "offset": range_.claim.first}
        logger.debug(
            "%s stored: %d messages, %d refused, %.3f s",
            range_,
            written.messages,
            written.refused,
            seconds,
            extra={**where, "batch_id": str(range_)},
        )
        why = partition.breaker.count(written.messages, written.refused, self._clock())
        if why:
            partition.stand_still()
            why = (
                f"partition {partition.number} stands still at {partition.cut_at}: {why}. Reasons: "
                f"{dict(written.refusals)}. See `wattnet dead-letters list`; it goes on by trial after "
                f"{self._batch.breaker_pause_s:g} s, or now by `wattnet close-breakers URL`"
            )
            logger.error(why, extra=where)
            self._health.trouble(f"breaker {partition.number}", why)

    def _go_on_after_breaks(self) -> None:
        """Read partitions again whose breaker's pause is over."""
        closing = self._close_breakers.is_set()
        self._close_breakers.clear()
        for partition in self._partitions.values():
            if not partition.standing_still:
                continue
            if closing:
                partition.breaker.close()
            if partition.breaker.is_open(self._clock()):
                continue
            try:
                self._source.start_at(partition.number, partition.cut_at)
            except ServiceUnavailableError as exc:
                logger.warning("partition %d cannot go on yet: %s", partition.number, exc)
                continue
            logger.info("partition %d goes on at %d, on trial", partition.number, partition.cut_at)
            partition.standing_still = False
            self._health.well(f"breaker {partition.number}")

    def _release_idle(self) -> None:
        """Commit what is done where nothing follows, so that lag is right and a restart repeats nothing."""
        idle = [one for one in self._partitions.values() if one.idle and one.committed != one.passed]
        if idle:
            claims = {one.number: one.release() for one in idle}
            for number in self._commit(claims):
                self._partitions[number].committed = claims[number].offset

    def _known_to_be_ours(self) -> bool:
        """Whether the broker says that the topic is ours; False, and no error, while it says nothing."""
        try:
            self._topic_is_ours()
        except ServiceUnavailableError as exc:
            self._topic_checked = self._clock()
            self._health.trouble("Kafka", f"claims wait: {exc}", self._health.kafka)
            return False
        self._health.well("Kafka")
        return True

    def _topic_is_ours(self) -> None:
        """Raise TopicChangedError unless the topic still has the id that was subscribed to."""
        today = self._source.topic_id()
        self._topic_checked = self._clock()
        if today != self._topic_id:
            raise TopicChangedError(
                f"topic {self._topic!r} was {'deleted' if today is None else 'made again'}: "
                f"its id was {self._topic_id}, now {today}"
            )

    def _measure(self) -> None:
        partitions = self._partitions.values()
        self._meters.buffer_bytes.set(sum(one.held_bytes for one in partitions))
        self._meters.range_rows_limit.set(self._size.rows)
        self._meters.breaker_open.set(sum(one.standing_still for one in partitions))
        for number, end in self._source.ends(one.number for one in partitions if one.positioned).items():
            self._meters.lag(number, max(end - self._partitions[number].passed, 0))

    # -- the group's news, told inside Source.poll

    def assigned(self, partitions: Sequence[int]) -> None:
        """See RebalanceListener."""
        logger.info("assigned: partitions %s", sorted(partitions))
        self._reading.forget(partitions)
        for number in partitions:
            breaker = Breaker(self._batch.breaker_share, self._batch.breaker_pause_s)
            self._partitions[number] = Partition(self._topic, self._topic_id, number, breaker)
        self._position_after = 0.0
        self._health.joined()
        self._rebalanced()

    def revoked(self, partitions: Sequence[int]) -> None:
        """Finish what is claimed, drop what is not; whoever comes next reads on from there."""
        logger.info("revoked: partitions %s", sorted(partitions))
        self._reading.forget(partitions)
        leaving = [self._partitions.pop(number) for number in partitions if number in self._partitions]
        storing: dict[Future[Written], Partition] = {one.storing: one for one in leaving if one.storing is not None}
        # At the end of a drain they have had their time.
        left = self._batch.drain_timeout_s if self._drained_by is None else max(self._drained_by - self._clock(), 0)
        finished, _ = wait(storing, left)
        for future in finished:
            if future.exception() is None:
                self._take_up(storing[future], future.result())
        claims = {
            one.number: one.release()
            for one in leaving
            if one.outstanding is None and one.positioned and not one.repeats and one.committed != one.passed
        }
        if claims:
            self._source.claim(claims)
        self._rebalanced(partitions)

    def lost(self, partitions: Sequence[int]) -> None:
        """Forget them: they are somebody else's. What is on its way to ClickHouse is repeated there under its token."""
        logger.warning("lost: partitions %s", sorted(partitions))
        self._reading.forget(partitions)
        for number in partitions:
            self._partitions.pop(number, None)
        self._rebalanced(partitions)

    def _rebalanced(self, gone: Sequence[int] = ()) -> None:
        self._meters.rebalances.inc()
        self._meters.assigned_partitions.set(len(self._partitions))
        for number in gone:
            self._meters.not_mine(number)
            self._health.well(f"breaker {number}")
