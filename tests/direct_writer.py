"""A feeder without Kafka: metrics straight into metrics_ingest, as the design lets a direct writer do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client as Driver

    from wattnet.schemas import Metric

COLUMNS = [
    *("topic", "topic_id", "partition", "offset", "kafka_time", "claim_first", "claim_next", "claim_messages"),
    *("name", "value", "timestamp", "labels", "knowledge_time", "valid", "zone_status", "data_state", "attributes"),
]


@dataclass
class DirectWriter:
    """Metrics without a knowledge_time get a later one with each, some hours ago."""

    driver: Driver
    known: datetime = field(default_factory=lambda: datetime.now(timezone.utc) - timedelta(hours=6))

    def put(self, *metrics: Metric) -> None:
        """One insert of all."""
        now = datetime.now(timezone.utc)
        call = str(uuid.uuid4())
        count = len(metrics)
        rows: list[list[Any]] = []
        for offset, metric in enumerate(metrics):
            self.known += timedelta(microseconds=1)
            source = ["direct", call, 0, offset, now, 0, count, count]
            identity = [metric.name, metric.value, metric.timestamp, dict(metric.labels)]
            known = metric.knowledge_time or self.known
            quality = [metric.valid, metric.zone_status, metric.data_state, dict(metric.attributes)]
            rows.append([*source, *identity, known, *quality])
        self.driver.insert("metrics_ingest", rows, column_names=COLUMNS, settings={"async_insert": 0})

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What the tables themselves say."""
        return [tuple(row) for row in self.driver.query(sql, parameters=parameters).result_rows]

    def roll_up(self) -> None:
        """A pass over what was put so far: one that begins now, and is done."""
        for act in ("REFRESH", "WAIT"):
            self.driver.command(f"SYSTEM {act} VIEW rollup_pass")
