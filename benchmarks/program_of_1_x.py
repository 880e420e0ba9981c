"""A program written for wattnet-storage 1.1, which benchmarks/legacy.py runs with that package, and with ours.

Orders come on standard input, a JSON object a line, and so do answers on standard output. Nothing of this project is
imported but what 1.1 has, too.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import clickhouse_connect

from wattnet.storage import MetricsRepository, StorageConfig
from wattnet.storage.models import Metric
from wattnet.storage.models.metric_type import MetricType

START = datetime(2024, 1, 1, tzinfo=timezone.utc)

COMMON = {"datasource": "entsoe", "unit": "MW", "valid": True, "zone_status": "complete", "data_state": "final"}


def main() -> None:
    """{"open": …} makes the repository, {"write": …} writes, {"read": …} reads; each answer says how long it took."""
    repository: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        answer: Any = None
        if "open" in order:
            repository = MetricsRepository(StorageConfig(**order["open"]))
        elif "write" in order:
            answer = write(repository, **order["write"])
        else:
            answer = read(repository, **order["read"])
        print(json.dumps(answer), flush=True)


def write(
    repository: Any, *, zones: int, types: int, hours: int, call: int, visible: str, dsn: str
) -> dict[str, float]:
    """Seconds until all is visible (`visible` counts), with `call` metrics a call. Making them is not counted."""
    metrics = [
        Metric(
            MetricType.ZONE_GENERATION,
            float((hour * 37 + zone * 11 + type_) % 4001) / 4,
            START + timedelta(hours=hour),
            {
                "zone": f"Z{zone:02d}",
                "production_type": f"type{type_}",
                "datasource": "entsoe",
                "unit": "MW",
                "valid": True,
                "zone_status": "complete",
                "data_state": "final",
            },
        )
        for hour in range(hours)
        for zone in range(zones)
        for type_ in range(types)
    ]
    client = clickhouse_connect.get_client(dsn=dsn)
    began_s = time.perf_counter()
    for first in range(0, len(metrics), call):
        repository.write_metrics(metrics[first : first + call])
    # 1.1 has it in its plugin only.
    flush = getattr(repository, "flush", None) or repository.storage_manager.storage_clients["clickhouse"].flush
    flush()
    while int(client.query(visible).result_rows[0][0]) < len(metrics):
        time.sleep(0.05)
    return {"seconds": time.perf_counter() - began_s}


def read(repository: Any, *, hours: list[int], labels: dict[str, str]) -> dict[str, float]:
    """How long query_metrics takes for these hours, [first, next), and how many metrics it gives."""
    start, end = (START + timedelta(hours=hour) for hour in hours)
    began_s = time.perf_counter()
    found = repository.query_metrics("zone_generation", start=start, end=end, labels=labels)
    return {"seconds": time.perf_counter() - began_s, "metrics": len(found)}


if __name__ == "__main__":
    main()
