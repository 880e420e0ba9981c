"""What a repository is told by the program that makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wattnet.storage._errors import ConfigurationError


@dataclass(frozen=True)
class StorageConfig:
    """Immutable. What a client's settings do not say here, they take from the environment, then from their defaults.

    timeseries_step_minutes  how long a bucket of time is, in minutes
    storage_clients          names of the plugins that are used, such as "kafka" or "clickhouse"
    plugin_configs           settings by the name of the plugin: what its `config_class` takes

    Raises ConfigurationError (a ValueError) for a step that is no number of minutes above 0, or a client named twice.
    """

    timeseries_step_minutes: int = 15
    storage_clients: list[str] = field(default_factory=list)
    # It may hold passwords.
    plugin_configs: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        step = self.timeseries_step_minutes
        if isinstance(step, bool) or not isinstance(step, int):
            raise ConfigurationError(
                f"timeseries_step_minutes is {step!r}, a {type(step).__name__}: give a whole number of minutes"
            )
        if step <= 0:
            raise ConfigurationError(f"timeseries_step_minutes must be > 0, got {step}: give a number of minutes")
        if isinstance(self.storage_clients, str):
            raise ConfigurationError(
                f"storage_clients is {self.storage_clients!r}, a string: give a list, [{self.storage_clients!r}]"
            )
        if twice := sorted({name for name in self.storage_clients if self.storage_clients.count(name) > 1}):
            raise ConfigurationError(f"storage_clients contains duplicate entries: {twice}: name each client once")
