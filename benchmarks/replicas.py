"""How replicas share a backlog, and how soon one that joins takes part.

    python -m benchmarks.replicas

For each group protocol of Kafka (classic: cooperative rebalancing among the members; consumer: KIP-848, by the broker):
1, 2 and 4 replicas start at once on the same backlog, and the rate is counted as in benchmarks.drain; then one replica
reads, and another one joins it. Everything is as by default.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.backlog import fill
from benchmarks.ours import start_consumer, stop
from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

    from benchmarks.backlog import Backlog
    from wattnet.local import LocalStack

PROTOCOLS = ("classic", "consumer")
REPLICAS = (1, 2, 4)
TIMEOUT_S = 240.0
MESSAGES = 2_000_000


@dataclass(frozen=True, slots=True)
class Shared:
    """So many replicas on a backlog. The first insert is counted from the start of the processes."""

    protocol: str
    replicas: int
    rows_per_s: float
    first_insert_s: float


@dataclass(frozen=True, slots=True)
class Joined:
    """A replica that joined another one at work: seconds to its first insert, from three moments on.

    `from_assignment_s` is from the moment that the group gave it partitions, `from_joining_s` from its subscription.
    None where the backlog was stored before it got any.
    """

    protocol: str
    from_start_s: float | None
    from_joining_s: float | None
    from_assignment_s: float | None


def measure(stack: LocalStack, backlog: Backlog, *, told: Callable[[str], None]) -> tuple[list[Shared], list[Joined]]:
    """Each protocol and number of replicas once."""
    shared, joined = [], []
    for protocol in PROTOCOLS:
        for replicas in REPLICAS:
            shared.append(_share(stack, backlog, protocol, replicas))
            told(f"{protocol}, {replicas} replicas: {shared[-1].rows_per_s:,.0f} rows/s")
        joined.append(_join(stack, backlog, protocol))
        told(f"{protocol}, one more: first insert {joined[-1].from_joining_s} s after joining")
    return shared, joined


def _share(stack: LocalStack, backlog: Backlog, protocol: str, replicas: int) -> Shared:
    with _database(stack) as (database, client):
        began_s = time.perf_counter()
        consumers = [
            start_consumer(stack, backlog.topic, database, KAFKA_GROUP_PROTOCOL=protocol) for _ in range(replicas)
        ]
        try:
            first = _wait_stored(client, 1, began_s), time.perf_counter()
            _wait_stored(client, backlog.messages, began_s)
            ended_s = time.perf_counter()
        finally:
            stop(consumers)
    return Shared(protocol, replicas, (backlog.messages - first[0]) / (ended_s - first[1]), first[1] - began_s)


def _join(stack: LocalStack, backlog: Backlog, protocol: str) -> Joined:
    # Small ranges, so that the backlog lasts until the other one has joined.
    settings = {"KAFKA_GROUP_PROTOCOL": protocol, "WATTNET_MAX_BATCH_ROWS": "2000"}
    consumers: list[subprocess.Popen[bytes]] = []
    with _database(stack) as (database, client), TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        try:
            consumers.append(start_consumer(stack, backlog.topic, database, log=subprocess.DEVNULL, **settings))
            _wait_stored(client, 1, time.perf_counter())
            began = time.time()
            with log.open("wb") as stderr:
                settings["WATTNET_LOG_LEVEL"] = "debug"
                consumers.append(start_consumer(stack, backlog.topic, database, log=stderr, **settings))
            while _moment(log, " stored: ") is None and _stored(client) < backlog.messages:
                time.sleep(0.1)
        finally:
            stop(consumers)
        joining, assigned, stored = (
            _moment(log, event) for event in ("reading ", "assigned: partitions [", " stored: ")
        )
    if stored is None or joining is None or assigned is None:
        return Joined(protocol, None, None, None)
    return Joined(protocol, stored - began, stored - joining, stored - assigned)


def _moment(log: Path, event: str) -> float | None:
    """When it first logged such an event, and for an assignment one that is not empty."""
    for line in log.read_text().rpartition("\n")[0].splitlines():
        logged = json.loads(line)
        if event in logged["event"] and "[]" not in logged["event"]:
            return datetime.fromisoformat(logged["timestamp"].replace("Z", "+00:00")).timestamp()
    return None


@contextmanager
def _database(stack: LocalStack) -> Iterator[tuple[str, Client]]:
    database = f"bench_{uuid.uuid4().hex[:8]}"
    settings = ClickHouseSettings.from_url(stack.clickhouse_url, database=database)
    migrate_up(settings)
    client = connect(settings)
    try:
        yield database, client
    finally:
        client.command(f"DROP DATABASE {database}")
        client.close()


def _wait_stored(client: Client, messages: int, began_s: float) -> int:
    """Until so many are stored; returns how many."""
    while (stored := _stored(client)) < messages:
        if time.perf_counter() - began_s > TIMEOUT_S:
            raise RuntimeError(f"{stored:,} of {messages:,} metrics were stored within {TIMEOUT_S} s")
        time.sleep(0.05)
    return stored


def _stored(client: Client) -> int:
    return int(client.query("SELECT sum(messages) FROM ledger").result_rows[0][0])


def main(messages: int = MESSAGES) -> None:
    from wattnet.local import LocalStack

    with LocalStack(schema_registry=True, progress=print) as stack:
        assert stack.schema_registry_url
        backlog = fill(stack.bootstrap_servers, stack.schema_registry_url, messages)
        shared, joined = measure(stack, backlog, told=print)
    for result in (*shared, *joined):
        print(result)


if __name__ == "__main__":
    main()
