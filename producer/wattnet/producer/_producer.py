"""Producer: metrics to the topic."""

from __future__ import annotations

import threading
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from wattnet.producer import _lifecycle
from wattnet.producer._bulk import queue_all
from wattnet.producer._client import librdkafka
from wattnet.producer._clock import knowledge_now_us
from wattnet.producer._config import librdkafka_config, text
from wattnet.producer._deliveries import Deliveries
from wattnet.producer._errors import (
    DeliveryError,
    FlushTimeoutError,
    ProducerClosedError,
    ProducerConfigError,
    ProducerError,
    QueueFullError,
    SendError,
)
from wattnet.producer._exchange import Gate, left_behind
from wattnet.producer._framing import framing, header
from wattnet.producer._logging import logger
from wattnet.producer._progress import Progress
from wattnet.producer._promises import Promises
from wattnet.producer._spool_identity import header_or_last_one
from wattnet.producer._statistics import ProducerStatistics
from wattnet.schemas import Metric, MetricEncoder, to_knowledge_time_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime
    from types import TracebackType

    from wattnet.producer._client import KafkaClient, OnDelivery
    from wattnet.producer._delivery import Delivery
    from wattnet.producer._spool import Spool
    from wattnet.producer._spool_client import SpoolClient
    from wattnet.schemas import MetricType

# Serving what librdkafka has to report costs 0.4 us even when there is nothing: too much for every send.
_SERVE_EVERY_US = 20_000
# How long one call waits inside librdkafka, where Ctrl-C is not seen.
_SLICE_S = 0.1
# What the configuration says of delivery reports.
_REPORTS = frozenset({"on_delivery", "delivery.report.only.error"})


@dataclass(frozen=True, slots=True)
class FlushResult:
    """Everything that was taken has reached the topic.

    dropped  metrics that were not taken since the last flush, because the queue was full (on_full="drop"), or that the
             spool gave up for newer ones (on_full="drop_oldest")
    spooled  after close: metrics that wait in the spool for the next producer on it
    """

    dropped: int
    spooled: int = 0


class Producer:
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

    _always_reports = False

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        topic: str = "wattnet.metrics",
        schema_registry_url: str | None = None,
        on_full: Literal["block", "raise", "drop"] = "block",
        on_error: Callable[[ProducerError], object] | None = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        queue_max_messages: int = 100_000,
        options: Mapping[str, Any] | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._kafka: KafkaClient | None = None
        if on_full not in ("block", "raise", "drop"):
            raise ProducerConfigError(f"on_full is {on_full!r}: give 'block', 'raise' or 'drop'")
        topic = text(topic, "topic", "wattnet.metrics")
        config = librdkafka_config(
            bootstrap_servers, queue_max_messages=queue_max_messages, options=options, spooled=spool is not None
        )
        if spool is not None:
            if on_full != "block":
                raise ProducerConfigError(f"on_full is {on_full!r}: with a spool give it to the Spool")
            on_full = "block" if spool.on_full == "block" else "raise"
        if spool is None:
            frame_header = header(topic, schema_registry_url)
        else:
            frame_header = header_or_last_one(spool.path, topic, schema_registry_url)
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._on_full = on_full
        self._queue_max_messages = queue_max_messages
        self._deliveries = Deliveries(
            topic, bootstrap_servers, header_bytes=len(frame_header), on_error=on_error, on_delivery=on_delivery
        )
        config["on_delivery"] = self._deliveries.decided
        if self._always_reports or self._deliveries.wants_arrivals:
            config["delivery.report.only.error"] = False
        config["error_cb"] = self._deliveries.broker_error
        self._spool = spool
        self._place = "the queue" if spool is None else f"the spool at {spool.path}"
        self._framing, self._header = framing(schema_registry_url), frame_header
        self._spool_client: SpoolClient | None = None
        kafka = self._connect(config)
        self._kafka = kafka
        self._encoder = MetricEncoder(frame_header)
        self._encode = self._encoder.encode
        self._config = config
        self._reports_arrivals = not (isinstance(kafka, KafkaProducer) and config["delivery.report.only.error"])
        self._promises: Promises | None = None
        self._exchanging = threading.RLock()
        self._exchanged = False
        self._produce: Callable[..., None] = kafka.produce
        self._serve_at_us = self._serve_next_us = 0
        self._taken = self._spooled()  # an earlier process may have left something there
        _lifecycle.opened(self)

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
        except AttributeError as exc:
            if isinstance(metric, Metric):
                raise
            raise TypeError(f"send takes a Metric, and this is a {type(metric).__name__}: {metric!r}") from exc
        try:
            produce(self._topic, value, key)
        except (BufferError, KafkaException) as exc:
            self._produce_otherwise(key, value, exc)
        else:
            self._taken += 1
        if now_us >= self._serve_at_us:
            self._serve_between(now_us, produce)

    def send_many(self, metrics: Iterable[Metric], *, knowledge_time: datetime | None = None) -> None:
        """`send` each of them. What it raises leaves those before in the queue, and the rest not taken."""
        send = self.send
        for metric in metrics:
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
        progress        False shows none; otherwise a bar is on standard error when that is a terminal and it takes long

        All of the frame is checked before the first row is queued. FrameError says what is wrong with the layout,
        a MetricError with the values, both with the rows' numbers. Rows are queued in their order, those of a wide
        frame time by time; rows of one series and time are revisions, the last one the newest. While the queue is full
        it does what `send` does: on_full='raise' raises QueueFullError, which says how many rows were taken.
        """
        # Imported here: it brings numpy, which programs without frames need not load.
        from wattnet.producer._frame_encoding import Knowledge, encoded
        from wattnet.producer._frame_reading import read_frame

        known = Knowledge(knowledge_time)
        rows = read_frame(
            frame,
            metric_type=metric_type,
            labels=labels,
            columns=columns,
            attributes=attributes,
            missing=missing,
            strict=strict,
        )
        with Progress("metrics", rows.count, shown=progress is not False) as told:
            return queue_all(self, encoded(rows, self._encoder, known), rows.count, told)

    def flush(self, timeout_s: float | None = 60.0) -> FlushResult:
        """Return when every metric that was taken has reached the topic; None waits until each one has or is given up.

        Raises DeliveryError when some have not since the last flush, with their number and the first one's reason;
        FlushTimeoutError when some are still in the queue after `timeout_s`: they stay there and go on being tried.
        """
        kafka = self._kafka
        if kafka is None:
            return self._produce(self._topic, b"", b"")  # type: ignore[return-value]  # it raises: closed, or forked
        queued = self._drain(kafka, timeout_s)
        return self._result(queued, timeout_s, "They stay there and go on being tried")

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

        config = {key: value for key, value in self._config.items() if key not in _REPORTS}
        Visibility(config, topic=self._topic, group_id=group_id, timeout_s=timeout_s).wait(deadline)

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
                kafka.flush(_SLICE_S)
                self._deliveries.tell()
            if self._promises is not None:
                self._promises.end(ProducerClosedError("the producer closed before the brokers had answered"))
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

    def _connect(self, config: dict[str, Any]) -> KafkaClient:
        """The client that delivers."""
        if self._spool is None:
            return librdkafka(config)
        # Imported here: it locks files, which not every system does in the same way.
        from wattnet.producer._spool_client import SpoolClient

        # In their place stand the spool's own reports, one a record.
        on_delivery, only_errors = config.pop("on_delivery"), config["delivery.report.only.error"]
        config["delivery.report.only.error"] = False
        self._spool_client = SpoolClient(
            self._spool,
            topic=self._topic,
            framing=self._framing,
            header=self._header,
            connect=lambda: librdkafka(config),
            on_delivery=on_delivery,
            reports_arrivals=not only_errors,
            on_trouble=self._deliveries.given_up_for_now,
            on_lost=self._deliveries.dropped_oldest,
        )
        return self._spool_client

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

    def _take(self, key: bytes, value: bytes, on_delivery: OnDelivery | None, *, patient: bool) -> bool:
        """One encoded record into the queue; returns whether it was taken (`on_full`). Raises as `send` does.

        Not `patient`, it raises BufferError where on_full='block' would wait.
        """
        produce = self._produce
        try:
            produce(self._topic, value, key, on_delivery=on_delivery)
        except (BufferError, KafkaException) as exc:
            return self._produce_otherwise(key, value, exc, on_delivery, patient=patient)
        self._taken += 1
        self._serve_between(knowledge_now_us(), produce)
        return True

    def _begin_to_promise(self) -> Promises:
        """What keeps futures; with a client that reports arrivals, which librdkafka cannot be told later."""
        with self._exchanging:
            if self._promises is None:
                kafka = self._kafka
                if kafka is None:
                    self._produce(self._topic, b"", b"")  # it raises: closed, or forked
                    raise AssertionError
                if not self._reports_arrivals:
                    kafka = self._exchange(kafka)
                self._promises = Promises(kafka, self._deliveries)
            return self._promises

    def _exchange(self, old: KafkaClient) -> KafkaClient:
        """Put a client that reports arrivals in place of `old`, once that has delivered everything.

        Meanwhile other threads' sends wait, and so each series keeps its order.
        """
        new = self._connect({**self._config, "delivery.report.only.error": False})
        gate = self._produce = Gate(old.produce)
        try:
            self._drain(old, None)
            if self._kafka is not old:  # on_error closed it
                _lifecycle.refuse_closed()
            self._kafka, gate.behind = new, new.produce
            self._reports_arrivals = self._exchanged = True
            self._serve_at_us = 0  # from now on every send looks whether it was overtaken, and has used the old client
        finally:
            if self._kafka is not None:
                self._produce = gate.behind
            else:
                gate.behind = self._produce
            gate.open()
        return new

    def _produce_otherwise(
        self,
        key: bytes,
        value: bytes,
        refusal: BufferError | KafkaException,
        on_delivery: OnDelivery | None = None,
        *,
        patient: bool = True,
    ) -> bool:
        """What `on_full` says, or the refusal in words; returns whether the record was taken."""
        wait_s = 0.0  # first serve only: what was delivered counts as queued until its report is served
        while isinstance(refusal, BufferError):
            self._serve(wait_s)
            wait_s = _SLICE_S
            produce = self._produce
            try:
                produce(self._topic, value, key, on_delivery=on_delivery)
            except (BufferError, KafkaException) as exc:
                refusal = exc
            else:
                self._taken += 1
                self._serve_between(0, produce)
                return True
            if not isinstance(refusal, BufferError):
                break
            if self._on_full != "block":
                self._when_full(key)
                return False
            if not patient:
                raise refusal
        error: KafkaError = refusal.args[0]
        raise SendError(f"a metric of {key.decode()} was not taken: {self._deliveries.reason(error)}") from refusal

    def _when_full(self, key: bytes) -> None:
        if self._on_full == "drop":
            self._deliveries.dropped(key.decode())
            self._deliveries.tell()
            return
        seen = self._deliveries.last_broker_error
        if self._spool is None:
            bound, other_choices = (
                f"{self._queue_max_messages} metrics",
                "raise queue_max_messages, or use on_full='block'",
            )
        else:
            bound, other_choices = f"{self._spool.max_bytes} bytes", "raise max_bytes, or use 'block' or 'drop_oldest'"
        raise QueueFullError(
            f"{self._place} is full ({bound}), and a metric of {key.decode()} was not taken: "
            f"send again later, {other_choices}" + (f". The last error of a broker: {seen}" if seen else "")
        )

    def _queued(self) -> int:
        """How many metrics are on their way, and what else the client has to tell."""
        return self._spooled() or (0 if self._kafka is None else len(self._kafka))

    def _spooled(self) -> int:
        return 0 if self._spool_client is None else self._spool_client.waiting

    def _serve_between(self, now_us: int, produce: Callable[..., None]) -> None:
        """After a record was taken by `produce`: serve what is due."""
        if produce is not self._produce and (old := left_behind(produce)) is not None:
            self._drain(old, None)  # it was on its way into the old client when that was exchanged
        if now_us < self._serve_next_us:
            return
        self._serve_next_us = now_us + _SERVE_EVERY_US
        if not self._exchanged:
            self._serve_at_us = self._serve_next_us
        self._serve(0)

    def _serve(self, timeout_s: float) -> None:
        kafka = self._kafka
        if kafka is None:
            return
        kafka.poll(timeout_s)
        if self._promises is not None:
            self._promises.settle()
        if self._deliveries.pending:
            self._deliveries.tell()

    def _drain(self, kafka: KafkaClient, timeout_s: float | None) -> int:
        """How many metrics are still in the queue when it is empty or the time is over."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
            try:
                kafka.flush(max(left_s, 0))
            except KafkaException as exc:  # a fatal error: librdkafka tries nothing any more
                raise DeliveryError(
                    f"what is in the queue cannot be delivered to {self._topic!r} at {self._bootstrap_servers}: "
                    f"{exc.args[0].str()}. Its user needs Write on the topic in Kafka; then make a new producer",
                    failed=0,
                    queued=len(kafka),
                    dropped=0,
                ) from exc
            if self._promises is not None:
                self._promises.settle()
            self._deliveries.tell()
            queued = len(kafka)  # on_error may have sent something again
            if not queued or left_s <= 0:
                return queued

    def _result(self, queued: int, timeout_s: float | None, what_now: str, *, spooled: int = 0) -> FlushResult:
        failures = self._deliveries.take()
        problems = []
        if queued:
            seen = self._deliveries.last_broker_error
            problems.append(
                f"{queued} metrics are still in {self._place} after {timeout_s:g} s, "
                f"on their way to {self._topic!r} at {self._bootstrap_servers}. {what_now}. "
                + (f"The last error of a broker: {seen}" if seen else "No broker reported an error: it may be slow")
            )
        if failures.failed:
            problems.append(
                f"{failures.failed} metrics were not delivered, the first one because {failures.first_reason}"
            )
        if failures.callback_error is not None:
            problems.append(f"on_error or on_delivery itself raised {failures.callback_error!r}")
        if not problems:
            return FlushResult(dropped=failures.dropped, spooled=spooled)
        kind = FlushTimeoutError if queued else DeliveryError
        raise kind(
            "; ".join(problems), failed=failures.failed, queued=queued, dropped=failures.dropped
        ) from failures.callback_error

    def _leave_to_parent(self) -> None:
        """In a forked child: the queue and its threads are the parent's."""
        if self._spool_client is not None:
            self._spool_client.leave_to_parent()
        if self._kafka is not None:
            _lifecycle.never_destroy(self._kafka)
        self._promises = None  # its thread did not come along
        self._produce = _lifecycle.refuse_forked
        self._kafka = None
