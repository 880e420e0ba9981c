"""The thread that moves records from the spool to Kafka, in order, and acknowledges what arrived.

A session is one client of librdkafka. Within it nothing is sent twice or out of order. When librdkafka gives a record
up, the session is over, and the next one begins at the first record that is not acknowledged: from there on everything
is sent again. The same happens when a process begins on a spool that another one left.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Message

from wattnet.producer._logging import logger
from wattnet.producer._spool_reader import SpoolReader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from wattnet.producer._client import KafkaClient
    from wattnet.producer._spool_file import SpoolFile

_SLICE_S = 0.02
_SYNC_EVERY_S = 1.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
# What is wrong with the record itself: sending it again would end the same way, and hold up all behind it.
_REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.POLICY_VIOLATION,
    }
)


class SpoolSender:
    """Runs from `start` to `stop`.

    file      the records; used with `changed` held
    changed   notified when records were acknowledged; the sender waits for it while there are none
    connect   a client of librdkafka that reports every delivery
    decided   told of each record that arrived, or was refused for good: number, error, message. On the sender's thread
    troubled  told why a session ended
    lost      told of the records that were given up: dropped for room, or damaged on the disk
    """

    def __init__(
        self,
        file: SpoolFile,
        changed: threading.Condition,
        *,
        topic: str,
        connect: Callable[[], KafkaClient],
        decided: Callable[[int, KafkaError | None, Message], None],
        troubled: Callable[[KafkaError], None],
        lost: Callable[[Collection[int]], None],
    ) -> None:
        self.hurried = 0
        """How many callers wait for all of it: then nothing lingers."""
        self.idle = False
        """Waits for a record: `changed` must be notified of one."""
        self._file = file
        self._changed = changed
        self._topic = topic
        self._connect = connect
        self._decided = decided
        self._troubled = troubled
        self._lost = lost
        self._kafka: KafkaClient | None = connect()
        self._reader = SpoolReader(file.acknowledged)
        self._unsent: deque[tuple[int, bytes, bytes]] = deque()
        self._acknowledged = self._handed = file.acknowledged
        self._done: set[int] = set()
        """Numbers from `_acknowledged` on that arrived or were refused."""
        self._refused: set[int] = set()
        self._adrift: set[int] = set()
        """Dropped while librdkafka had them: it may still deliver them."""
        self._trouble: KafkaError | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._connect_at = self._sync_at = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="wattnet-spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What is not acknowledged then stays in the file."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while self._has_work():
            try:
                self._step()
            except KafkaException as exc:  # a fatal error: this client tries nothing any more
                self._trouble = exc.args[0]
            except Exception as exc:  # noqa: BLE001  the thread must not end while there is something to send
                logger.exception("the spool's thread goes on after an error")
                self._trouble = KafkaError(KafkaError._FS, f"the spool cannot be read or sent: {exc!r}")
            if self._trouble is not None:
                self._end_session()
                self._pause(self._trouble)
        self._end_session()
        self._reader.close()

    def _has_work(self) -> bool:
        with self._changed:
            while not self._stopping and self._file.acknowledged == self._file.end and not self._adrift:
                self.idle = True
                self._changed.wait()
            self.idle = False
            return not self._stopping

    def _step(self) -> None:
        if self._kafka is None:
            if time.monotonic() < self._connect_at:
                with self._changed:
                    self._changed.wait(_SLICE_S)
            else:
                self._kafka = self._connect()
        if self._kafka is not None:
            more = self._send(self._kafka)
            if more:
                self._kafka.poll(0)
            elif self.hurried:
                self._kafka.flush(_SLICE_S)
            else:
                self._kafka.poll(_SLICE_S)
        self._acknowledge()
        self._sync()

    def _send(self, kafka: KafkaClient) -> bool:
        """Give some records to librdkafka; whether there may be more that it takes at once."""
        if not self._unsent:
            self._read()
        send = kafka.produce
        while self._unsent:
            number, key, value = self._unsent[0]
            try:
                if number not in self._refused:
                    send(self._topic, value, key, on_delivery=partial(self._reported, number))
            except BufferError:
                return False
            except KafkaException as exc:
                error = exc.args[0]
                self._reported(number, error, Message(self._topic, -1, -1, key, value, error=error))
                if self._trouble is not None:
                    return False
            self._unsent.popleft()
            self._handed = number + 1
        return self._reader.number < self._file.end

    def _read(self) -> None:
        with self._changed:
            if self._reader.number < self._file.acknowledged:
                self._reader.seek(self._file.acknowledged)
            if self._reader.number == self._file.end:
                return
            segment, stop = self._file.segment(self._reader.number)
        try:
            records, damaged = self._reader.read(segment, stop)
        except FileNotFoundError:  # dropped for room meanwhile
            return
        self._unsent.extend(records)
        if damaged:
            logger.error("%s is damaged: records %d to %d are lost", segment.path, damaged.start, damaged.stop - 1)
            self._lost(damaged)
            self._done.update(damaged)
            self._refused.update(damaged)

    def _reported(self, number: int, error: KafkaError | None, message: Message) -> None:
        """librdkafka's delivery report, inside poll and flush."""
        if error is None:
            self._pause_s = _FIRST_PAUSE_S
        elif error.code() in _REFUSED:
            self._refused.add(number)
        else:
            self._trouble = self._trouble or error
            return
        self._adrift.discard(number)
        if number >= self._acknowledged:
            self._done.add(number)
        self._decided(number, error, message)

    def _acknowledge(self) -> None:
        with self._changed:
            self._follow_drops()
            number, done = self._acknowledged, self._done
            while number in done:
                done.discard(number)
                self._refused.discard(number)
                number += 1
            if number > self._acknowledged:
                self._acknowledged = number
                self._file.acknowledge(number)
                self._changed.notify_all()

    def _follow_drops(self) -> None:
        """The callers' side drops records by moving the file's acknowledged number past them."""
        dropped = range(self._acknowledged, self._file.acknowledged)
        if not dropped:
            return
        self._acknowledged = dropped.stop
        gone = [number for number in dropped if number not in self._done]
        self._done.difference_update(dropped)
        self._refused.difference_update(dropped)
        self._adrift.update(number for number in gone if number < self._handed)
        self._give_up([number for number in gone if number >= self._handed])
        while self._unsent and self._unsent[0][0] < dropped.stop:
            self._unsent.popleft()

    def _give_up(self, numbers: Collection[int]) -> None:
        if numbers:
            self._lost(numbers)

    def _sync(self) -> None:
        """Onto the disk with what has waited for as long as that."""
        now = time.monotonic()
        if now < self._sync_at:
            return
        self._sync_at = now + _SYNC_EVERY_S
        with self._changed:
            if self._file.is_synced:
                return
            bring_to_disk, end = self._file.unsynced()
        bring_to_disk()
        with self._changed:
            self._file.synced(end)

    def _end_session(self) -> None:
        """Give up the client with what it holds: all of it is in the file."""
        if self._kafka is not None:
            try:
                self._kafka.purge()
                self._kafka.flush(1.0)  # reports of what did arrive are still good
            except KafkaException as exc:
                logger.debug("a client that is given up: %s", exc)
        self._kafka = None
        self._acknowledge()
        self._give_up(self._adrift)
        self._adrift = set()
        self._done = set(self._refused)
        self._unsent.clear()
        self._reader.seek(self._acknowledged)
        self._handed = self._acknowledged

    def _pause(self, trouble: KafkaError) -> None:
        self._troubled(trouble)
        self._connect_at = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        self._trouble = None
