"""`python -m benchmarks.legacy [METRICS]`: beside wattnet-storage 1.1, on the same engine and data.

One program, written for 1.1 (program_of_1_x.py), runs with that package (in a virtual environment that is made for it,
from PyPI) and unmodified with ours: hourly metrics of 20 zones by 6 production types, by default a year of them. It
writes all of them, until they are visible, and reads a series, a zone, and a day of all zones.

All take turns, and the fastest turn of each counts: the machine may have other things to do, and who comes first finds
Kafka and ClickHouse cold. A write has tables, a topic and a consumer of its own. For the same reason its processor time
is shown, too, of all processes that had a part in it: the program, ClickHouse, Kafka, the consumer. Tables are merged
before they are read. Frames are ours alone: 1.1 has none.

Where many files were deleted a moment ago (another stack's folder), ext4 makes new ones slowly, and ours are more.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.ours import start_consumer, stop
from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up
from wattnet.local import LocalStack
from wattnet.producer import create_topic
from wattnet.query import Client

if TYPE_CHECKING:
    from types import TracebackType

METRICS = 1_051_200
ZONES, TYPES = 20, 6
CALL = 50_000  # metrics in a call of write_metrics
WRITE_ROUNDS = 5
READ_ROUNDS = 7
PACKAGE = "wattnet-storage==1.1.0"
PROGRAM = Path(__file__).with_name("program_of_1_x.py")
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
OLD, DIRECT, KAFKA = "1.1", "ours, clickhouse", "ours, kafka"
DATABASE = {OLD: "old_{}", DIRECT: "direct_{}", KAFKA: "kafka_{}"}  # a new one each round
VISIBLE = {
    OLD: "SELECT count() FROM {}.zone_generation",
    DIRECT: "SELECT sum(messages) FROM {}.ledger",
    KAFKA: "SELECT sum(messages) FROM {}.ledger",
}
ZONE = {"zone": "Z07"}
SERIES = {**ZONE, "production_type": "type3"}


@dataclass(frozen=True, slots=True)
class Read:
    """Something that programs read: the hours [first, next), and by how much ours should be faster."""

    what: str
    hours: tuple[int, int]
    labels: dict[str, str]
    list_target: float


@dataclass(frozen=True, slots=True)
class Written:
    """One turn: until all metrics were visible. The processor time is of all processes that had a part in it."""

    metrics_per_s: float
    processor_s: float


class Program:
    """The program of 1.x under one interpreter."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROGRAM.parent
        )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def __call__(self, **order: Any) -> Any:
        """What it answers."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked
        assert answers
        asked.write(json.dumps(order) + "\n")
        asked.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"the program ended: exit code {self._process.wait(10)}")
        return json.loads(line)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Make the environment and the stack; write, read, print."""
    console = Console()
    metrics = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else METRICS
    hours = metrics // (ZONES * TYPES)
    with ExitStack() as opened:
        folder = opened.enter_context(TemporaryDirectory())
        console.print(f"installing {PACKAGE}")
        old_python = install(Path(folder))
        stack = opened.enter_context(LocalStack(progress=console.print))
        programs = {
            name: opened.enter_context(Program(python))
            for name, python in ((OLD, old_python), (DIRECT, sys.executable), (KAFKA, sys.executable))
        }
        driver = opened.enter_context(connect(ClickHouseSettings.from_url(stack.clickhouse_url, database="default")))
        written: dict[str, list[Written]] = {name: [] for name in programs}
        for round_ in range(WRITE_ROUNDS):
            for name, program in programs.items():
                database = DATABASE[name].format(round_)
                one = write(stack, name, program, database, hours, Path(folder))
                written[name].append(one)
                console.print(f"{name}: {one.metrics_per_s:,.0f} metrics/s, {one.processor_s:.1f} s of processor time")
                driver.command(f"DETACH DATABASE {database}")  # or its merges took part in the next turn
        console.print(_writes(written, hours * ZONES * TYPES))
        old, direct = (DATABASE[name].format(WRITE_ROUNDS - 1) for name in (OLD, DIRECT))
        for database, table in ((old, "zone_generation"), (direct, "metrics")):
            driver.command(f"ATTACH DATABASE {database}")
            driver.command(f"OPTIMIZE TABLE {database}.{table} FINAL")
        with Client(stack.clickhouse_url, database=direct) as client:
            reads = [
                Read("a series", (0, hours), SERIES, 5),
                Read("a zone", (0, hours), ZONE, 5),
                Read("a day of all zones", (24, 48), {}, 2),
            ]
            console.print(_reads([(one, *measure(one, programs, client)) for one in reads]))


def install(folder: Path) -> str:
    """The interpreter of an environment with 1.1 in it."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, PACKAGE, "lz4"], check=True)
    return str(python)


def processor_s(pids: list[int]) -> float:
    """Processor time that processes have taken so far; Linux says so."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(ticks) for stat in stats for ticks in stat[11:13]) / os.sysconf("SC_CLK_TCK")


def write(stack: LocalStack, name: str, program: Program, database: str, hours: int, folder: Path) -> Written:
    """Let the program write all hours into a new database, until they are visible there."""
    processes = [program.pid, stack.clickhouse.pid]
    with ExitStack() as opened:
        if name != OLD:
            migrate_up(ClickHouseSettings.from_url(stack.clickhouse_url, database=database))
        if name == KAFKA:
            create_topic(stack.bootstrap_servers, database, partitions=12)
            log = folder / f"{database}.log"
            consumer = start_consumer(stack, database, database, log=opened.enter_context(log.open("wb")))
            opened.callback(stop, [consumer])
            _wait_reading(log)
            processes += [stack.kafka.pid, consumer.pid]
        program(open=_configuration(stack, name, database))
        before_s = processor_s(processes)
        order = {"zones": ZONES, "types": TYPES, "hours": hours, "call": CALL, "dsn": stack.clickhouse_url}
        answer = program(write={**order, "visible": VISIBLE[name].format(database)})
        return Written(hours * ZONES * TYPES / answer["seconds"], processor_s(processes) - before_s)


def _configuration(stack: LocalStack, name: str, database: str) -> dict[str, Any]:
    host, port = stack.env["CLICKHOUSE_HOST"], int(stack.env["CLICKHOUSE_PORT"])
    plugin = "kafka" if name == KAFKA else "clickhouse"
    plugins: dict[str, Any] = {"clickhouse": {"host": host, "port": port, "database": database}}
    if name == KAFKA:
        plugins["kafka"] = {"bootstrap_servers": stack.bootstrap_servers, "topic": database}
    return {"timeseries_step_minutes": 60, "storage_clients": [plugin], "plugin_configs": plugins}


def _wait_reading(log: Path) -> None:
    """Until the consumer has come up: its start is not what is measured."""
    deadline_s = time.monotonic() + 60
    while "reading" not in log.read_text():
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the consumer does not come up: {log.read_text()}")
        time.sleep(0.1)


def measure(read: Read, programs: dict[str, Program], client: Client) -> tuple[float, float, float]:
    """Milliseconds of 1.1, of ours as a list, and of ours as a frame: the fastest of each."""
    start, end = (START + timedelta(hours=hour) for hour in read.hours)
    took: dict[str, list[float]] = {OLD: [], DIRECT: [], "frame": []}
    counts = set()
    for _ in range(READ_ROUNDS):
        for name in (OLD, DIRECT):
            answer = programs[name](read={"hours": read.hours, "labels": read.labels})
            took[name].append(answer["seconds"] * 1000)
            counts.add(answer["metrics"])
        began_s = time.perf_counter()
        counts.add(len(client.metrics("zone_generation", start=start, end=end, **read.labels).to_pandas()))
        took["frame"].append((time.perf_counter() - began_s) * 1000)
    assert len(counts) == 1, f"{read.what}: they do not read the same: {counts}"
    return min(took[OLD]), min(took[DIRECT]), min(took["frame"])


def _writes(written: dict[str, list[Written]], metrics: int) -> Table:
    table = Table(
        title=f"{metrics:,} metrics, from write_metrics to visible: the fastest of {WRITE_ROUNDS}, the median"
    )
    for column in ("", "metrics/s", "of 1.1", "median", "of 1.1", "target", "processor time, s"):
        table.add_column(column, justify="left" if not column else "right")
    targets = {OLD: "", DIRECT: "1.5", KAFKA: "1.0"}
    fastest = {name: max(rounds, key=lambda one: one.metrics_per_s) for name, rounds in written.items()}
    median = {name: statistics.median(one.metrics_per_s for one in rounds) for name, rounds in written.items()}
    for name, one in fastest.items():
        best = (f"{one.metrics_per_s:,.0f}", f"{one.metrics_per_s / fastest[OLD].metrics_per_s:.2f}")
        usual = (f"{median[name]:,.0f}", f"{median[name] / median[OLD]:.2f}")
        table.add_row(name, *best, *usual, targets[name], f"{one.processor_s:.1f}")
    return table


def _reads(rows: list[tuple[Read, float, float, float]]) -> Table:
    table = Table(title="query_metrics, and Client.metrics(...).to_pandas()")
    for column in ("", "1.1, ms", "ours, ms", "faster", "target", "frame, ms", "faster", "target"):
        table.add_column(column, justify="left" if not column else "right")
    for read, old, ours, frame in rows:
        lists = (f"{old:,.0f}", f"{ours:,.0f}", f"{old / ours:.1f}", f"{read.list_target:g}")
        table.add_row(read.what, *lists, f"{frame:,.0f}", f"{old / frame:.1f}", "12")
    return table


if __name__ == "__main__":
    main()
