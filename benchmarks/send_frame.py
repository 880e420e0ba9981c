"""How fast frames are sent, beside the bare client with bytes that are ready.

    python -m benchmarks.send_frame

All of them deliver the same 300,000 records of benchmarks.send (200 bytes, 3,600 series) to a fresh topic of 12
partitions on the same broker, with the same librdkafka configuration. The time is that of the call and the flush:

    wide_pandas, wide_polars, wide_arrow   Producer.send_frame of a frame with a column a series: 84 hours by 3,600
    tidy_pandas, tidy_polars, tidy_arrow   Producer.send_frame of a frame with a row a value, as Client.metrics returns
                                           them, without its knowledge_time: five columns of text
    produce_batch                          confluent-kafka's produce_batch, a thousand messages a call, whose dicts of
                                           keys and values were made beforehand

send_frame reads the frame, checks it, encodes it and sets a knowledge_time for each row. Its producer has met every
series before, in the first hour of the frame, as in benchmarks.send. They take turns for five rounds; the result is
each one's median.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl

from benchmarks.send import SERIES, bare_producer, by_turns, make_metrics, make_ready
from wattnet.producer import Producer
from wattnet.schemas import MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wattnet.schemas import Metric

AT_ONCE = 1_000
CONSTANT = {"unit": "MW", "datasource": "entsoe", "data_state": "final"}


def measure(bootstrap_servers: str, *, messages: int = 300_000) -> dict[str, float]:
    """Messages per second, delivered, by the names above."""
    metrics = make_metrics(messages)
    ready = make_ready(metrics)
    tidy = make_tidy(metrics)
    wide = make_wide(tidy)
    flat = wide.copy()
    headers: list[Any] = wide.columns.tolist()
    flat.columns = pd.Index([f"{zone} {kind}" for zone, kind in headers])
    by_name = {f"{zone} {kind}": {"zone": zone, "production_type": kind} for zone, kind in headers}
    wide_polars = pl.from_pandas(flat.reset_index())
    tidy_polars = pl.from_pandas(tidy)
    frames: dict[str, tuple[Any, dict[str, Any]]] = {
        "wide_pandas": (wide, {"labels": CONSTANT}),
        "wide_polars": (wide_polars, {"labels": CONSTANT, "columns": by_name}),
        "wide_arrow": (wide_polars.to_arrow(), {"labels": CONSTANT, "columns": by_name}),
        "tidy_pandas": (tidy, {}),
        "tidy_polars": (tidy_polars, {}),
        "tidy_arrow": (tidy_polars.to_arrow(), {}),
    }
    contestants: dict[str, Callable[[str], float]] = {
        name: partial(run_send_frame, bootstrap_servers, frame=frame, arguments=arguments, messages=messages)
        for name, (frame, arguments) in frames.items()
    }
    contestants["produce_batch"] = lambda topic: run_produce_batch(bootstrap_servers, topic, ready)
    return by_turns(bootstrap_servers, contestants)


def make_tidy(metrics: Sequence[Metric]) -> pd.DataFrame:
    """A row a metric."""
    columns: dict[str, list[Any]] = {
        "timestamp": [metric.timestamp for metric in metrics],
        "value": [metric.value for metric in metrics],
    }
    for label in metrics[0].labels:
        columns[label] = [metric.labels[label] for metric in metrics]
    for quality in ("valid", "zone_status", "data_state"):
        columns[quality] = [metric.metadata[quality] for metric in metrics]
    frame = pd.DataFrame(columns)
    return frame.astype({"timestamp": "datetime64[us, UTC]"})


def make_wide(tidy: pd.DataFrame) -> pd.DataFrame:
    """A row an hour, a column a series, in the order in which they came; the last hour is not complete."""
    wide = tidy.pivot_table(index="timestamp", columns=["zone", "production_type"], values="value", sort=False)
    return wide.sort_index()


def run_send_frame(
    bootstrap_servers: str, topic: str, *, frame: Any, arguments: dict[str, Any], messages: int
) -> float:
    first_hour = frame[:1] if arguments else frame[:SERIES]
    with Producer(bootstrap_servers, topic=topic) as producer:
        arguments = {**arguments, "metric_type": MetricType.ZONE_GENERATION, "progress": False}
        assert producer.send_frame(first_hour, **arguments) == SERIES
        producer.flush()  # connected, and every series has been met once
        started = time.perf_counter()
        assert producer.send_frame(frame, **arguments) == messages
        producer.flush()
        return messages / (time.perf_counter() - started)


def run_produce_batch(bootstrap_servers: str, topic: str, ready: Sequence[tuple[bytes, bytes]]) -> float:
    producer = bare_producer(bootstrap_servers, topic, ready)
    prepared = [
        [{"value": value, "key": key} for key, value in ready[start : start + AT_ONCE]]
        for start in range(0, len(ready), AT_ONCE)
    ]
    started = time.perf_counter()
    for batch in prepared:
        producer.poll(0)
        waiting = batch
        while producer.produce_batch(topic, waiting) < len(waiting):
            waiting = [message for message in waiting if message.pop("_error", None)]
            producer.poll(0.1)
    assert producer.flush(60) == 0
    return len(ready) / (time.perf_counter() - started)


def main() -> None:
    from wattnet.local import LocalStack

    with LocalStack() as stack:
        rates = measure(stack.bootstrap_servers)
    for name, rate in rates.items():
        print(f"{name:14} {rate:10,.0f} messages/s   {rate / rates['produce_batch']:5.2f} of produce_batch")


if __name__ == "__main__":
    main()
