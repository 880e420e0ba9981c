"""What both plugins do: they read the tables of one ClickHouse, and each has a way of its own into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wattnet.storage._buckets import bucket_range
from wattnet.storage._columns import ColumnReader
from wattnet.storage._errors import raise_failures
from wattnet.storage._reading import read, reader
from wattnet.storage.clients.base import BaseStorageClient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.storage._columns import Columns
    from wattnet.storage._errors import Failure
    from wattnet.storage.config import StorageConfig
    from wattnet.storage.models import Metric


class Writer(Protocol):
    """A way into the tables. Threads may share it."""

    def write(self, columns: Columns, metrics: Sequence[Metric]) -> list[Failure]:
        """Return when each row is acknowledged or given up, with what became of the latter; `metrics` are theirs."""

    def close(self) -> None: ...


class TablesClient(BaseStorageClient):
    """Reads the current values, and hands what is written and breaks no rule to its writer."""

    answers_best = True

    def __init__(self, config: StorageConfig, tables: ClickHouseSettings, writer: Writer) -> None:
        super().__init__(config)
        self._step_minutes = config.timeseries_step_minutes
        self._reader = reader(tables)
        self._columns = ColumnReader()
        self._writer = writer

    def read_metrics(
        self,
        metric_name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        labels: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,  # noqa: ARG002  the base has it for other plugins
    ) -> list[Metric]:
        begin, after = bucket_range(start, end, step_minutes=self._step_minutes)
        return read(self._reader, metric_name, begin, after, labels)

    def write_metrics(self, metrics: list[Metric]) -> None:
        columns, refused = self._columns.read(metrics)
        raise_failures(refused, self._writer.write(columns, metrics), len(metrics))

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
