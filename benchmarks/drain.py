"""How fast a backlog gets from the topic into the tables: our consumer, ClickHouse's Kafka engine, the usual consumer.

Each contender reads the same topic into tables of its own, made by the same migrations, on the same stack; one at a
time. A rate is counted from the first stored rows that are seen to the last, without what was there at first sight,
so that start-up and joining the group do not count for anybody.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.ours import start_consumer
from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client

    from benchmarks.backlog import Backlog
    from wattnet.local import LocalStack

TIMEOUT_S = 240.0
ENGINE_COLUMNS = """
    name String, value Nullable(Float64), timestamp DateTime64(6, 'UTC'), labels Map(String, String),
    knowledge_time DateTime64(6, 'UTC'), valid Bool, zone_status String, data_state String,
    attributes Map(String, String)
"""
ENGINE_SELECT = """
    SELECT _topic AS topic, '' AS topic_id, toInt32(_partition) AS `partition`, toInt64(_offset) AS `offset`,
           ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS kafka_time,
           name, value, timestamp, labels, knowledge_time, valid, zone_status, data_state, attributes
    FROM engine WHERE length(_error) = 0
"""


@dataclass(frozen=True, slots=True)
class Drained:
    """One contender's run. `peak_memory_mb` is of the consumer's own process, None where it has none."""

    rows_per_s: float
    seconds_from_start: float
    peak_memory_mb: float | None


def measure(stack: LocalStack, backlog: Backlog, *, rounds: int, told: Callable[[str], None]) -> dict[str, Drained]:
    """Every contender in turn, `rounds` times; the median of each."""
    contenders: dict[str, Callable[[Client, str], object]] = {
        "ours": lambda _, database: start_consumer(stack, backlog.topic, database),
        "kafka_engine_1": lambda client, database: _engine(client, backlog, database, consumers=1),
        "kafka_engine_2": lambda client, database: _engine(client, backlog, database, consumers=2),
        "usual": lambda _, database: _usual(stack, backlog, database),
    }
    runs: dict[str, list[Drained]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, start in contenders.items():
            run = _drain(stack, backlog, start)
            runs[name].append(run)
            told(f"round {number + 1}: {name} {run.rows_per_s:,.0f} rows/s")
    return {name: _median(of) for name, of in runs.items()}


def _median(runs: list[Drained]) -> Drained:
    memory = [run.peak_memory_mb for run in runs if run.peak_memory_mb is not None]
    return Drained(
        median(run.rows_per_s for run in runs),
        median(run.seconds_from_start for run in runs),
        max(memory) if memory else None,
    )


def _drain(stack: LocalStack, backlog: Backlog, start: Callable[[Client, str], object]) -> Drained:
    database = f"bench_{uuid.uuid4().hex[:8]}"
    settings = ClickHouseSettings.from_url(stack.clickhouse_url, database=database)
    migrate_up(settings)
    client = connect(settings)
    began = time.perf_counter()
    running = start(client, database)
    try:
        first: tuple[float, int] | None = None
        while True:
            stored = int(client.query("SELECT sum(messages) FROM ledger").result_rows[0][0])
            now = time.perf_counter()
            if stored and first is None:
                first = now, stored
            if stored >= backlog.messages or now - began > TIMEOUT_S:
                break
            time.sleep(0.05)
        memory = _peak_memory_mb(running.pid) if isinstance(running, subprocess.Popen) else None
    finally:
        if isinstance(running, subprocess.Popen):
            running.terminate()
            running.wait(60)
        client.command(f"DROP DATABASE {database}")
        client.close()
    if stored != backlog.messages or first is None or first[1] == stored:
        raise RuntimeError(f"{stored:,} of {backlog.messages:,} metrics were stored within {TIMEOUT_S} s")
    return Drained((stored - first[1]) / (now - first[0]), now - began, memory)


def _engine(client: Client, backlog: Backlog, database: str, *, consumers: int) -> None:
    client.command(
        f"""CREATE TABLE engine ({ENGINE_COLUMNS}) ENGINE = Kafka SETTINGS
            kafka_broker_list = '{backlog.bootstrap_servers}', kafka_topic_list = '{backlog.topic}',
            kafka_group_name = '{database}', kafka_format = 'AvroConfluent',
            format_avro_schema_registry_url = '{backlog.schema_registry_url}', kafka_handle_error_mode = 'stream',
            kafka_num_consumers = {consumers}, kafka_thread_per_consumer = 1,
            kafka_max_block_size = 524288, kafka_poll_max_batch_size = 65536"""
    )
    client.command(f"CREATE MATERIALIZED VIEW engine_to_ingest TO metrics_ingest AS {ENGINE_SELECT}")


def _usual(stack: LocalStack, backlog: Backlog, database: str) -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("usual_consumer.py")
    arguments = (
        backlog.bootstrap_servers, backlog.topic, database, stack.clickhouse_url, database, str(backlog.messages),
    )  # fmt: skip
    return subprocess.Popen([sys.executable, program, *arguments])


def _peak_memory_mb(pid: int) -> float | None:
    """The process's largest resident set so far; None where /proc does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024
