"""A storage plugin of a third party: metrics in a file, a line of JSON each."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from pydantic_settings import BaseSettings, SettingsConfigDict

from wattnet.storage import BaseStorageClient, Failure, RefusedMetricsError, StorageConfig, bucket_range
from wattnet.storage.models import Metric


class JsonLinesConfig(BaseSettings):
    """Where the file is: plugin_configs["jsonlines"], else JSONLINES_PATH, else the default."""

    model_config = SettingsConfigDict(env_prefix="JSONLINES_")

    path: Path = Path("metrics.jsonl")


class JsonLinesClient(BaseStorageClient):
    """Every revision is a line. The repository chooses the best of a point, and the last line counts as the newest."""

    config_class: ClassVar[type[BaseSettings]] = JsonLinesConfig

    def __init__(self, config: StorageConfig) -> None:
        self._path = JsonLinesConfig(**config.plugin_configs.get("jsonlines", {})).path
        self._step_minutes = config.timeseries_step_minutes
        self._writing = Lock()  # a repository's threads share its client

    def write_metrics(self, metrics: list[Metric]) -> None:
        lines: list[str] = []
        failures: list[Failure] = []
        for position, metric in enumerate(metrics):
            try:
                lines.append(json.dumps(metric.to_dict(), allow_nan=False) + "\n")
            except (TypeError, ValueError) as exc:  # noqa: PERF203  the good ones are stored
                failures.append(Failure(position, metric, str(exc)))
        with self._writing, self._path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())  # written means stored
        if failures:
            raise RefusedMetricsError(failures, written=len(lines))

    def read_metrics(
        self,
        metric_name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        labels: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> list[Metric]:
        begin, after = bucket_range(start, end, step_minutes=self._step_minutes)
        wanted = (labels or {}).items()
        return [
            metric
            for metric in self._stored()
            if metric.name == metric_name and begin <= metric.timestamp < after and wanted <= metric.metadata.items()
        ]

    def _stored(self) -> list[Metric]:
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [
            Metric(line["name"], line["value"], datetime.fromisoformat(line["timestamp"]), line["metadata"])
            for line in lines
        ]
