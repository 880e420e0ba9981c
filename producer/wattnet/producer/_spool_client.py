"""Stands where librdkafka's client would: what is produced goes to the spool, and a thread sends it from there."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Message

from wattnet.producer._errors import SpoolError
from wattnet.producer._reports import Reports
from wattnet.producer._spool_file import SpoolFile
from wattnet.producer._spool_identity import claim, require_format
from wattnet.producer._spool_lock import SpoolLock
from wattnet.producer._spool_record import pack
from wattnet.producer._spool_sender import SpoolSender

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from wattnet.producer._client import KafkaClient, OnDelivery
    from wattnet.producer._spool import Spool


class SpoolClient:
    """A KafkaClient. Callbacks are called by poll, flush and close only.

    connect      a client of librdkafka that reports every delivery
    on_delivery  for records that bring none of their own: called when they are refused for what they are, and with
                 `reports_arrivals` when they arrive, those that an earlier process left, too
    on_trouble   told, on the spool's thread, why librdkafka gave up and begins anew
    on_lost      told, on the spool's thread, how many records were given up: dropped for room, or damaged on the disk

    Raises SpoolError, SpoolInUseError, and what `connect` raises.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        topic: str,
        framing: str,
        header: bytes,
        connect: Callable[[], KafkaClient],
        on_delivery: OnDelivery,
        reports_arrivals: bool,
        on_trouble: Callable[[KafkaError], None],
        on_lost: Callable[[int], None],
    ) -> None:
        self._spool = spool
        self._reports = Reports(on_delivery, arrivals=reports_arrivals)
        self._on_lost = on_lost
        self._changed = threading.Condition()
        self._own: dict[int, OnDelivery] = {}
        """Callbacks that records brought along."""
        self._closed = False
        self._lock = SpoolLock(spool.path)
        try:
            require_format(spool.path)
            self._file = SpoolFile(spool.path, max_bytes=spool.max_bytes)
            claim(spool.path, topic=topic, framing=framing, header=header, waiting=self.waiting)
            self._sender = SpoolSender(
                self._file,
                self._changed,
                topic=topic,
                connect=connect,
                decided=self._decided,
                troubled=on_trouble,
                lost=self._lost,
            )
        except OSError as exc:
            self._lock.leave()
            raise SpoolError(f"the spool at {spool.path} cannot be used: {exc}").caused_by(exc) from None
        except BaseException:
            self._lock.leave()
            raise
        self._sender.start()

    @property
    def waiting(self) -> int:
        """How many records Kafka has not acknowledged."""
        return self._file.end - self._file.acknowledged

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: OnDelivery | None = None) -> None:  # noqa: ARG002  it is known
        with self._changed:
            self._append([pack(key, value)])
            if on_delivery is not None:
                self._own[self._file.end - 1] = on_delivery

    def produce_batch(self, topic: str, messages: list[dict[str, Any]]) -> int:  # noqa: ARG002  as above
        """As KafkaClient says; behind one that the disk does not take all have its error, for they keep their order."""
        records = [pack(message["key"], message["value"]) for message in messages]
        taken = 0
        try:
            with self._changed:
                while taken < len(records):
                    taken += self._append(records[taken:])
        except BufferError:
            error = KafkaError(KafkaError._QUEUE_FULL)
        except KafkaException as exc:
            error = exc.args[0]
        for message in messages[taken:]:
            message["_error"] = error
        return taken

    def poll(self, timeout: float) -> int:
        """Serve callbacks; while there are none, wait until there are or Kafka has acknowledged something."""
        if timeout and not self._reports:
            with self._changed:
                if self.waiting:
                    self._changed.wait(timeout)
        return self._reports.serve()

    def flush(self, timeout: float) -> int:
        """Wait until Kafka has acknowledged all of it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._sender.hurried += 1
        try:
            while True:
                self._reports.serve()
                with self._changed:
                    left_s = deadline - time.monotonic()
                    if not self.waiting or self._reports or left_s <= 0:
                        break
                    self._changed.wait(left_s)
        finally:
            with self._changed:
                self._sender.hurried -= 1
        self._reports.serve()
        return len(self)

    def purge(self) -> None:
        """Nothing is given up: it stays in the spool."""

    def __len__(self) -> int:
        return self.waiting + len(self._reports)

    def close(self) -> int:
        """End; returns how many records stay in the spool for the next producer. Their callbacks are not called."""
        self._sender.stop()
        with self._changed:
            self._closed = True
            self._file.close()
        self._lock.leave()
        self._reports.serve()
        return self.waiting

    def leave_to_parent(self) -> None:
        """In a forked child: everything here is the parent's."""
        self._lock.leave_to_parent()

    def _append(self, records: Sequence[bytes]) -> int:
        """SpoolFile.append by the rules of the spool. Raises BufferError, KafkaException."""
        if self._closed:
            raise KafkaException(KafkaError(KafkaError._DESTROY, "the spool is closed"))
        try:
            count = self._file.append(records)
        except BufferError:
            if self._spool.on_full != "drop_oldest" or not self._file.drop_oldest():
                raise
            return self._append(records)
        except OSError as exc:
            reason = f"the spool at {self._spool.path} cannot be written: {exc.strerror}"
            raise KafkaException(KafkaError(KafkaError._FS, reason)) from None
        if self._sender.idle:
            self._changed.notify_all()
        return count

    def _decided(self, number: int, error: KafkaError | None, message: Message) -> None:
        self._reports.add(self._own.pop(number, None), error, message)

    def _lost(self, numbers: Collection[int]) -> None:
        for number in numbers:
            own = self._own.pop(number, None)
            if own is not None:
                error = KafkaError(KafkaError._QUEUE_FULL, "it was dropped from the spool, to make room or as damaged")
                self._reports.add(own, error, Message(error=error))
        self._on_lost(len(numbers))
