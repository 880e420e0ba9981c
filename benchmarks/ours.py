"""Our consumer as a process, as benchmarks run it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from wattnet.local import LocalStack


def start_consumer(
    stack: LocalStack, topic: str, database: str, *, log: IO[bytes] | int = subprocess.DEVNULL, **settings: str
) -> subprocess.Popen[bytes]:
    """`wattnet consume` from this topic into this database, whose name is the group's, too."""
    env = {
        **os.environ,
        **stack.env,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": database,
        "CLICKHOUSE_DATABASE": database,
        **settings,
    }
    return subprocess.Popen([sys.executable, "-m", "wattnet.cli", "consume"], env=env, stderr=log)


def stop(consumers: list[subprocess.Popen[bytes]]) -> None:
    """End them, all at once."""
    for consumer in consumers:
        consumer.terminate()
    for consumer in consumers:
        consumer.wait(60)
