"""`python -m benchmarks` (or `make bench`): measure everything that the README quotes, print it, write results.json."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks import drain, freshness, replicas, send, send_frame
from benchmarks.backlog import PARTITIONS, SERIES, fill
from wattnet.local import LocalStack

if TYPE_CHECKING:
    from benchmarks.drain import Drained
    from benchmarks.freshness import Freshness
    from benchmarks.replicas import Joined, Shared

MESSAGES = 2_000_000
ROUNDS = 3
RESULTS = Path(__file__).with_name("results.json")
DRAIN_NAMES = {
    "ours": "wattnet consume",
    "kafka_engine_2": "ClickHouse's Kafka engine, 2 consumers",
    "kafka_engine_1": "ClickHouse's Kafka engine, 1 consumer",
    "usual": "the usual Python consumer",
}
SEND_NAMES = {
    "ours": "Producer.send(metric)",
    "produce": "confluent-kafka produce, bytes that are ready",
    "avro_serializer": "AvroSerializer and produce",
}
FRAME_NAMES = {
    "wide_pandas": "send_frame, pandas, a column a series",
    "wide_polars": "send_frame, polars, a column a series",
    "wide_arrow": "send_frame, Arrow, a column a series",
    "tidy_pandas": "send_frame, pandas, a row a value",
    "tidy_polars": "send_frame, polars, a row a value",
    "tidy_arrow": "send_frame, Arrow, a row a value",
    "produce_batch": "confluent-kafka produce_batch, bytes that are ready",
}


def main() -> None:
    """Measure, print, write."""
    console = Console()
    with LocalStack(schema_registry=True, progress=console.print) as stack:
        console.print(f"publishing {MESSAGES:,} metrics of {SERIES:,} series in {PARTITIONS} partitions")
        assert stack.schema_registry_url
        backlog = fill(stack.bootstrap_servers, stack.schema_registry_url, MESSAGES)
        drained = drain.measure(stack, backlog, rounds=ROUNDS, told=console.print)
        shared, joined = replicas.measure(stack, backlog, told=console.print)
        fresh = freshness.measure(stack, told=console.print)
        sent = send.measure(stack.bootstrap_servers)
        frames = send_frame.measure(stack.bootstrap_servers)
    for table in (_drain_table(drained), _replicas_table(shared, joined), _freshness_table(fresh), _send_table(sent)):
        console.print(table)
    console.print(_frames_table(frames))
    results = {
        **_results(drained, sent),
        "replicas": {"shared": [asdict(one) for one in shared], "joined": [asdict(one) for one in joined]},
        "freshness": [asdict(one) for one in fresh],
        "send_frame_rows_per_s": {name: round(rate) for name, rate in frames.items()},
        "machine": _machine(),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    console.print(f"written to {RESULTS}")


def _drain_table(drained: dict[str, Drained]) -> Table:
    table = Table(title="From the topic into the tables")
    for column in ("", "metrics/s", "ours is", "peak memory, MB"):
        table.add_column(column, justify="left" if not column else "right")
    ours = drained["ours"].rows_per_s
    for key, name in DRAIN_NAMES.items():
        one = drained[key]
        memory = "" if one.peak_memory_mb is None else f"{one.peak_memory_mb:,.0f}"
        table.add_row(name, f"{one.rows_per_s:,.0f}", f"{ours / one.rows_per_s:.1f} x", memory)
    return table


def _replicas_table(shared: list[Shared], joined: list[Joined]) -> Table:
    table = Table(title="Replicas on one backlog")
    for column in ("group protocol", "replicas", "metrics/s", "first insert, s"):
        table.add_column(column, justify="left" if column == "group protocol" else "right")
    for one in shared:
        table.add_row(one.protocol, str(one.replicas), f"{one.rows_per_s:,.0f}", f"{one.first_insert_s:.1f}")
    for other in joined:
        seconds = "none" if other.from_start_s is None else f"{other.from_start_s:.1f}"
        table.add_row(other.protocol, "one joins one", "", seconds)
    return table


def _freshness_table(fresh: list[Freshness]) -> Table:
    table = Table(title="From send to visible, at 1,000 metrics/s")
    for column in ("flush interval, s", "p50, s", "p99, s", "promised p99, s"):
        table.add_column(column, justify="right")
    for one in fresh:
        table.add_row(f"{one.flush_interval_s:g}", f"{one.p50_s:.2f}", f"{one.p99_s:.2f}", f"{one.target_p99_s:.2f}")
    return table


def _send_table(sent: dict[str, float]) -> Table:
    table = Table(title="Into the topic")
    for column in ("", "metrics/s", "ours is"):
        table.add_column(column, justify="left" if not column else "right")
    for key, name in SEND_NAMES.items():
        table.add_row(name, f"{sent[key]:,.0f}", f"{sent['ours'] / sent[key]:.2f} x")
    return table


def _frames_table(frames: dict[str, float]) -> Table:
    table = Table(title="Frames into the topic")
    for column in ("", "metrics/s", "of produce_batch"):
        table.add_column(column, justify="left" if not column else "right")
    for key, name in FRAME_NAMES.items():
        table.add_row(name, f"{frames[key]:,.0f}", f"{frames[key] / frames['produce_batch']:.0%}")
    return table


def _results(drained: dict[str, Drained], sent: dict[str, float]) -> dict[str, Any]:
    engine = max(drained["kafka_engine_1"].rows_per_s, drained["kafka_engine_2"].rows_per_s)
    rates = {"ours": drained["ours"].rows_per_s, "kafka_engine": engine, "usual": drained["usual"].rows_per_s}
    return {
        "drain_rows_per_s": {name: round(rate) for name, rate in rates.items()},
        "send_rows_per_s": {name: round(rate) for name, rate in sent.items()},
        "consumer_peak_memory_mb": drained["ours"].peak_memory_mb,
        "drain": {name: asdict(one) for name, one in drained.items()},
        "backlog": {"messages": MESSAGES, "series": SERIES, "partitions": PARTITIONS, "rounds": ROUNDS},
    }


def _machine() -> dict[str, Any]:
    packages = ("confluent-kafka", "fastavro", "clickhouse-connect", "chdb-core")
    return {
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
