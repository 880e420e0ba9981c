"""What a storage plugin is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic_settings import BaseSettings

    from wattnet.storage.config import StorageConfig
    from wattnet.storage.models import Metric


class BaseStorageClient(ABC):
    """One place where metrics are kept. A package registers its own as an entry point `wattnet.storage.clients`.

    config_class   its settings, a pydantic-settings class: what `StorageConfig.plugin_configs` has under the plugin's
                   name is given to it. A plugin may do without
    answers_best   whether `read_metrics` gives one metric for each series and timestamp, the best; where it does not,
                   the repository chooses among them (`filter_best_metrics`)

    A repository makes one client, and its threads share it. After a fork the child makes its own.
    """

    config_class: ClassVar[type[BaseSettings]]
    answers_best: ClassVar[bool] = False

    def __init__(self, config: StorageConfig | None = None) -> None:  # noqa: B027
        """`config` is the repository's, with every plugin's settings. Plugins for 1.1 do not hand it on."""

    @abstractmethod
    def read_metrics(
        self,
        metric_name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        labels: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
    ) -> list[Metric]:
        """The metrics of this name that have these labels, in the buckets that `bucket_range` says.

        Times are aware and in UTC, and the end is not before the start: the repository has seen to it.
        """

    @abstractmethod
    def write_metrics(self, metrics: list[Metric]) -> None:
        """Store all of them before it returns. Raises WriteError with those that were not stored."""

    # No abstract methods: plugins for 1.1 have neither.
    def flush(self) -> None:  # noqa: B027
        """Return when everything that was written is stored."""

    def close(self) -> None:  # noqa: B027
        """Flush, and give back what is open. Called once."""
