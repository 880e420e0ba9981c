"""MetricsRepository: write metrics, query metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattnet.storage._errors import RepositoryClosedError
from wattnet.storage._times import as_utc
from wattnet.storage.clients.manager import StorageClientsManager

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from wattnet.storage.config import StorageConfig
    from wattnet.storage.models import Metric


class MetricsRepository:
    """Writes metrics to the configured storage clients, and reads them back. Threads and forked workers may share it.

    config  None takes everything from the environment and `config/.env.<WATTNET_ENV>`, and sets up logging as
            LOG_LEVEL, LOG_HANDLERS and LOG_FILE say

    Raises ConfigurationError (no client, a wrong setting), ClientNotInstalledError, NotReadyError when ClickHouse does
    not answer in all tries (`connect_retries`, of the plugin `clickhouse`).
    """

    def __init__(self, config: StorageConfig | None = None) -> None:
        if config is None:
            from wattnet.storage._environment import config_from_environment

            config = config_from_environment()
        self.storage_manager = StorageClientsManager(config)
        self.step = config.timeseries_step_minutes * 60
        self._closed = False

    def write_metrics(self, metrics: list[Metric]) -> None:
        """Return when all of them are acknowledged by the storage clients.

        Raises WriteError with those that are not, and why; all others are. RefusedMetricsError (also a ValueError) when
        it is for what they say: the good metrics of the list are stored then.
        """
        self._check_open()
        self.storage_manager.write_metrics(list(metrics))

    def query_metrics(
        self,
        metric_name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        labels: dict[str, Any] | None = None,
    ) -> list[Metric]:
        """The best metric of each point: valid before not valid, complete before preview before missing, the newest.

        start, end  whole buckets of the step: neither, that of now; one, the one that it lies in; both, from the
                    bucket of `start` to `end` rounded up to a bucket, without that. Naive times are read in
                    the zone of this process
        labels      equality, or for a list, tuple or set any one of its values; "" and None mean that it is absent

        In the order of their timestamps. Metadata has every label of the series and what readers of the type expect:
        `valid` as "true" or "false", zone_status, data_state and unit never empty ("unknown"), `year` as int.

        Raises ValueError for an end before its start, a label that no series has, a name under which nothing is stored
        and that is no metric type.
        """
        self._check_open()
        first = None if start is None else as_utc(start, "start", stacklevel=2)
        after = None if end is None else as_utc(end, "end", stacklevel=2)
        if first is not None and after is not None and after < first:
            raise ValueError(f"end {after.isoformat()} is before start {first.isoformat()}: exchange them")
        return self.storage_manager.read_metrics(str(metric_name), first, after, labels)

    def flush(self) -> None:
        """Return when everything that was written is acknowledged: `write_metrics` has seen to it already."""
        self._check_open()
        self.storage_manager.flush()

    def close(self) -> None:
        """Flush, and give the connections back. Closing again does nothing."""
        if not self._closed:
            self._closed = True
            self.storage_manager.close()

    def __enter__(self) -> MetricsRepository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RepositoryClosedError("the repository is closed: make a new one, or use it inside its with-block")
