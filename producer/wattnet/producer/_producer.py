"""Producer: metrics to the topic."""

from __future__ import annotations

import time
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaException

from wattnet.producer import _lifecycle
from wattnet.producer._clock import knowledge_now_us
from wattnet.producer._config import connection
from wattnet.producer._conflicts import Conflicts, without_conflicts
from wattnet.producer._errors import (
    ProducerClosedError,
    ProducerError,
    QueueFullError,
)
from wattnet.producer._logging import logger
from wattnet.producer._queue import REACH_S, SLICE_S, FlushResult, RecordQueue
from wattnet.producer._statistics import ProducerStatistics
from wattnet.schemas import Metric, to_knowledge_time_us
from wattnet.schemas.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime
    from types import TracebackType

    from wattnet.producer._delivery import Delivery
    from wattnet.producer._spool import Spool
    from wattnet.schemas import MetricType


class Producer(RecordQueue):
    """Publishes metrics: `send` puts them into a bounded queue, a background thread delivers them in batches.

        with Producer("localhost:9092") as producer:
            producer.send(metric)

    Every metric that is taken reaches the topic once and in the order of its series, or is reported: to `on_error` and
    by the next `flush` or `close`, which the end of the with-block calls.

    bootstrap_servers    'host:port', several separated by commas
    topic                it must exist (`wattnet init` or create_topic make it)
    schema_registry_url  a Confluent-compatible registry that the schema is looked up or registered in, subject
                         '<topic>-value'; None sends the schema's fingerprint instead and needs no registry
    on_full              what `send` does when the queue is full: 'block' waits for room, 'raise' raises QueueFullError,
                         'drop' counts the metric as dropped and goes on
    on_error             called with a NotDeliveredError for every metric that did not reach the topic, and with a
                         QueueFullError for every one that was dropped; in the thread that calls send, flush or close,
                         one call at a time
    on_delivery          called with a Delivery for every metric that reached the topic, by the same rules. It costs a
                         microsecond or two for each; without it, nothing
    queue_max_messages   how many metrics wait in memory at most (some 300 bytes each)
    spool                keeps every metric on disk until it is acknowledged, over outages and restarts; the spool's
                         own on_full is what counts then. None keeps them in memory
    options              any librdkafka keys, over the producer's own. Refused are those that the guarantees rest on:
                         enable.idempotence, acks and partitioner with other values, transactional.id, callbacks, and
                         bootstrap.servers and queue.buffering.max.messages, which are arguments

    A metric without a knowledge_time gets the moment of its sending, greater than any before it in this process.
    It may be used by many threads, and not across a fork: make one in each process. One that is not closed is drained
    when it is garbage collected (with a ResourceWarning) or at exit, but not when the process is killed.

    Raises ProducerConfigError, SchemaRegistryError, SpoolError. Does not wait for a broker.
    """

    @classmethod
    def from_env(
        cls,
        *,
        on_full: Literal["block", "raise", "drop"] = "block",
        on_error: Callable[[ProducerError], object] | None = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        queue_max_messages: int = 100_000,
        spool: Spool | None = None,
    ) -> Producer:
        """A producer for what the environment says, or `.env`: the variables that `wattnet publish` reads.

        KAFKA_BOOTSTRAP_SERVERS (localhost:9092), KAFKA_TOPIC (wattnet.metrics), KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_*,
        KAFKA_SSL_*, SCHEMA_REGISTRY_*, and of KAFKA_OPTIONS the keys that concern the connection.

        Args:
            on_full: As in Producer, and so are the others.
            on_error: Called with what did not reach the topic.
            on_delivery: Called with what did.
            queue_max_messages: How many metrics wait in memory at most.
            spool: Keeps metrics on disk until they are acknowledged.

        Returns:
            The producer; it is to be closed.

        Raises:
            ProducerConfigError: A variable has a value that it cannot have.
            SchemaRegistryError: The schema registry refuses, or does not answer.
            SpoolError: The spool cannot be opened.
        """
        # Imported here: programs that give their arguments need no pydantic.
        from wattnet.producer.security import producer_arguments

        return cls(
            **producer_arguments(),
            on_full=on_full,
            on_error=on_error,
            on_delivery=on_delivery,
            queue_max_messages=queue_max_messages,
            spool=spool,
        )

    # Not keyword-only, because CPython calls functions with keyword-only arguments the slow way.
    def send(self, metric: Metric, knowledge_time: datetime | None = None) -> None:
        """Put `metric` into the queue; returns before it is delivered.

        knowledge_time  when its value became known, if the metric itself does not say; None says now

        With on_full='block' it waits while the queue is full: until a broker takes metrics, or those before it are
        given up after delivery.timeout.ms (two minutes). Raises, and has not taken the metric: TypeError for what is no
        Metric, MetricTimeError for a wrong knowledge_time, QueueFullError, ProducerClosedError, ForkedProducerError,
        SendError, ClockError.
        """
        # Attributes are loaded, then called: CPython is slow at calling what is an instance's and no method.
        encode, produce = self._encode, self._produce
        now_us = knowledge_now_us()
        try:
            known_us = metric.knowledge_time_us
            if known_us is None:
                known_us = now_us if knowledge_time is None else to_knowledge_time_us(knowledge_time)
            key, value = encode(metric, known_us)
        except AttributeError:
            if isinstance(metric, Metric):
                raise
            raise TypeError(f"send takes a Metric, and this is a {type(metric).__name__}: {metric!r}") from None
        try:
            produce(self._topic, value, key)
        except (BufferError, KafkaException) as exc:
            self._produce_otherwise(key, value, exc)
        else:
            self._taken += 1
        if now_us >= self._serve_at_us:
            self._serve_between(now_us, produce)

    def send_many(
        self,
        metrics: Iterable[Metric],
        *,
        knowledge_time: datetime | None = None,
        conflicts: Literal["raise", "warn"] = "raise",
    ) -> None:
        """`send` each of them. What it raises leaves those before in the queue, and the rest not taken.

        Two values of one point (series and timestamp) with the same quality and knowledge_time are a conflict: only the
        last would be left. Those for which nobody says a knowledge_time count as known at one time. Equal values are no
        conflict. 'raise' raises ConflictingValuesError, for a list or tuple before anything is sent, else at the second
        value; 'warn' sends all, with a ConflictingValuesWarning at the end. What is remembered for it, until it
        returns, is 32 bytes for each metric: for an endless stream call `send`.
        """
        send = self.send
        for metric in without_conflicts(metrics, knowledge_time, conflicts):
            send(metric, knowledge_time=knowledge_time)

    def deliver(self, metric: Metric, *, knowledge_time: datetime | None = None) -> Future[Delivery]:
        """`send` it, and tell by the future when the brokers have acknowledged it.

        The future resolves by itself, to a Delivery, or to a NotDeliveredError when the metric did not reach the topic
        (also when the producer closed before); on_full='drop' makes it a QueueFullError. It cannot be cancelled: a
        metric in the queue is on its way. `flush` and `close` raise no error for what a future has told.

        Reports of what arrived cost half a microsecond for each metric, those of `send` too. A producer that was made
        without on_delivery and has no spool asks for them from the first call of `deliver` on, which therefore waits
        until everything before is delivered or given up.

        Raises what `send` raises; the metric was not taken then.
        """
        return self._promised(metric, knowledge_time)

    def retract(
        self,
        metric_type: MetricType | str,
        timestamp: datetime,
        metadata: Mapping[str, object] | None = None,
        *,
        knowledge_time: datetime | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Withdraw the value of one series and timestamp: send a Metric of None, which readers leave out.

        The arguments are Metric's; the labels have to be those that the value was sent with. What was known before
        `knowledge_time` stays in the history, and a value that is sent later stands again. Raises what Metric and
        `send` raise.
        """
        self.send(Metric(metric_type, None, timestamp, metadata, knowledge_time=knowledge_time, attributes=attributes))

    def send_frame(
        self,
        frame: Any,
        *,
        metric_type: MetricType | str | None = None,
        labels: Mapping[str, object] | None = None,
        columns: str | Sequence[str] | Mapping[Any, Mapping[str, object]] | None = None,
        knowledge_time: datetime | Literal["now"] | None = None,
        attributes: Mapping[str, object] | None = None,
        missing: Literal["skip", "raise", "retract"] | None = None,
        strict: bool = False,
        conflicts: Literal["raise", "warn"] = "raise",
        progress: Literal[False] | None = None,
    ) -> int:
        """Put every row of a pandas or polars DataFrame or an Arrow table into the queue; returns how many.

        Two layouts are understood. A frame with a column `value` has a row a value (tidy):

            timestamp, value    aware times (in pandas the index may hold them), numbers
            metric_type (name)  unless the argument says it for all
            valid, zone_status, data_state, attributes (JSON objects), knowledge_time   as Client.metrics returns them
            any other column    a label of that name; missing and empty ones are absent

        Any other frame has a column a series (wide): a DatetimeIndex or a column timestamp, and in each other column
        the values of one series.

        metric_type     of all rows
        labels          of all rows, quality among them, as Metric's metadata
        columns         wide: the label that the columns' names are values of ('production_type'), several for a
                        MultiIndex, or the labels of each column by its name; None takes the names of the levels
        knowledge_time  None: the column's, and where there is none, now; a datetime: that one for all rows; 'now': now,
                        whatever the column says. A frame that was read and is sent back names the same revisions, so
                        nothing changes; send corrections with 'now', or history is rewritten instead of revised
        attributes      of all rows
        missing         what NaN and null mean as value: 'skip' sends nothing for it (wide frames, unless said
                        otherwise), 'raise' refuses the frame (tidy ones), 'retract' withdraws what was sent before
        strict          as in Metric
        conflicts       two values of one series, time, quality and knowledge_time, where only the last would be left:
                        'raise' refuses the frame, with both; 'warn' sends them, with a ConflictingValuesWarning. Rows
                        without a knowledge_time count as known at one time; equal values are no conflict
        progress        False shows none; otherwise a bar is on standard error when that is a terminal and it takes long

        All of the frame is checked before the first row is queued. FrameError says what is wrong with the layout, a
        MetricError or a ConflictingValuesError with the values, with the rows' numbers. Rows are queued in their order,
        those of a wide frame time by time. While the queue is full it does what `send` does: on_full='raise' raises
        QueueFullError, which says how many rows were taken.
        """
        # Imported here: it brings numpy, which programs without frames need not load.
        from wattnet.producer._bulk import queue_rows
        from wattnet.producer._frame_conflicts import find_conflicts
        from wattnet.producer._frame_encoding import Knowledge
        from wattnet.producer._frame_reading import read_frame

        known, found = Knowledge(knowledge_time), Conflicts(conflicts, "row")
        rows = read_frame(
            frame,
            metric_type=metric_type,
            labels=labels,
            columns=columns,
            attributes=attributes,
            missing=missing,
            strict=strict,
        )
        find_conflicts(rows, found, by_column=known.by_column)
        found.tell()
        with Progress("metrics", total=rows.count, shown=progress is not False) as told:
            return queue_rows(self, rows, known, told)

    def flush(self, timeout_s: float | None = 60.0) -> FlushResult:
        """Return when every metric that was taken has reached the topic; None waits until each one has or is given up.

        Raises DeliveryError when some have not since the last flush, with their number and the first one's reason;
        FlushTimeoutError when some are still in the queue after `timeout_s`, or after 8 seconds in which no broker
        was ever reached: they stay there and go on being tried.
        """
        kafka = self._kafka
        if kafka is None:
            return self._produce(self._topic, b"", b"")  # type: ignore[return-value]  # it raises: closed, or forked
        began = time.monotonic()
        queued = self._drain(kafka, timeout_s, reach_s=None if timeout_s is None else REACH_S)
        waited_s = None if timeout_s is None else min(timeout_s, time.monotonic() - began)
        return self._result(queued, waited_s, "They stay there and go on being tried")

    def wait_visible(self, timeout_s: float | None = 60.0, *, group_id: str = "wattnet-consumer") -> None:
        """Return when ClickHouse has every metric that was taken: as a value, or as a dead letter that it refused.

        First `flush`; then everything that is in the topic at that moment is waited for, what others sent, too. What
        counts is what the feeder has committed to Kafka, `wattnet consume` or ClickHouse's Kafka engine.

        group_id  the feeder's consumer group (KAFKA_GROUP_ID)

        Raises what `flush` raises; VisibilityTimeoutError when the time is over before (the metrics are in the topic
        then), VisibilityError when Kafka does not tell this user.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self.flush(timeout_s)
        if not self._taken:
            return
        from wattnet.producer._visibility import Visibility  # the admin client takes long to import

        config = connection(self._config)
        with closing(Visibility(config, topic=self._topic, group_id=group_id, timeout_s=timeout_s)) as visibility:
            visibility.wait(deadline)

    def statistics(self) -> ProducerStatistics:
        """Numbers of metrics since the producer was made; also after close. Costs some microseconds."""
        self._serve(0)
        deliveries = self._deliveries
        taken, failed = self._taken, deliveries.all_failed
        rest = max(taken - failed - deliveries.all_lost, 0)  # a metric is counted just after it was queued
        queued = min(self._queued(), rest)  # the client counts news of its connections, too
        return ProducerStatistics(
            taken=taken,
            queued=queued,
            acknowledged=rest - queued,
            failed=failed,
            dropped=deliveries.all_dropped,
            last_broker_error=deliveries.last_broker_error,
        )

    def close(self, timeout_s: float | None = 60.0) -> FlushResult:
        """Deliver what is in the queue, then end; what is still there after `timeout_s` is given up.

        Raises as `flush` does; the producer is closed then, too. Closing again does nothing. With a spool what is still
        there is not given up: it waits for the next producer on the spool, and the result says how many.
        """
        with self._exchanging:
            kafka = self._kafka
            if kafka is None:
                return FlushResult(dropped=0)
            self._produce = _lifecycle.refuse_closed
            _lifecycle.closed(self)
            self._kafka = None
        queued = spooled = 0
        try:
            queued = self._drain(kafka, timeout_s)
        finally:
            if self._spool_client is not None:
                queued, spooled = 0, self._spool_client.close()
                self._deliveries.tell()
            elif len(kafka):  # the time is over, or Ctrl-C ended the wait
                logger.error("%d metrics are given up, because %r closes", len(kafka), self)
                kafka.purge()
                kafka.flush(SLICE_S)
                self._deliveries.tell()
            if self._promises is not None:
                now = f": the metric waits in {self._place}" if spooled else ""
                self._promises.end(ProducerClosedError(f"the producer closed before the brokers had answered{now}"))
        return self._result(queued, timeout_s, "They are given up", spooled=spooled)

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except ProducerError as exc:  # the error that ended the block is the one to see
            logger.error("%s", exc)
            if hasattr(error, "add_note"):
                error.add_note(f"wattnet.producer, closing after it: {exc}")

    def __del__(self) -> None:
        if getattr(self, "_kafka", None) is None:
            return
        warnings.warn(
            f"{self!r} was not closed: use it in a with-block, or call close()",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )
        self.close()

    def __repr__(self) -> str:
        return f"Producer({self._bootstrap_servers!r}, topic={self._topic!r})"

    def _encoded(self, metric: Metric, knowledge_time: datetime | None) -> tuple[bytes, bytes]:
        """Key and value, as `send` makes them."""
        if not isinstance(metric, Metric):
            raise TypeError(f"send takes a Metric, and this is a {type(metric).__name__}: {metric!r}")
        known_us = metric.knowledge_time_us
        if known_us is None:
            known_us = knowledge_now_us() if knowledge_time is None else to_knowledge_time_us(knowledge_time)
        return self._encode(metric, known_us)

    def _offer(self, metric: Metric, knowledge_time: datetime | None) -> None:
        """`send`, that raises BufferError where on_full='block' would wait."""
        key, value = self._encoded(metric, knowledge_time)
        self._take(key, value, None, patient=False)

    def _promised(self, metric: Metric, knowledge_time: datetime | None, *, patient: bool = True) -> Future[Delivery]:
        """`deliver`; not `patient`, it raises BufferError where on_full='block' would wait."""
        promises = self._promises or self._begin_to_promise()
        key, value = self._encoded(metric, knowledge_time)
        future, decide = promises.new(key, value)
        try:
            taken = self._take(key, value, decide, patient=patient)
        except BaseException:
            promises.forget(future)
            raise
        if not taken:
            promises.forget(future)
            future.set_exception(QueueFullError(f"the queue is full: a metric of {key.decode()} was dropped"))
        return future
