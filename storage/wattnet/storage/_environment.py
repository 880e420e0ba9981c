"""Everything from the environment, as wattnet-storage 1.0 had it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from wattnet.storage._errors import ConfigurationError
from wattnet.storage._logging import set_up_logging
from wattnet.storage.config import StorageConfig
from wattnet.storage.utils.plugin_loader import get_storage_clients_extensions


class EnvironmentSettings(BaseSettings):
    """The settings that are no plugin's."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    storage_clients: list[str] = Field(default_factory=list)
    timeseries_step_minutes: int = 15
    database: str | None = None
    log_level: str = "INFO"
    log_handlers: list[Literal["console", "file"]] = Field(default_factory=lambda: ["console"])  # type: ignore[arg-type]
    log_file: Path = Path("./logs/wattnet-storage.log")


def config_from_environment() -> StorageConfig:
    """The environment wins over `config/.env.<WATTNET_ENV>` of the current folder; logging is set up as it says.

    Every plugin's settings are read in the same way; DATABASE counts where CLICKHOUSE_DATABASE is not set.
    """
    file = Path("config") / f".env.{os.environ.get('WATTNET_ENV') or 'development'}"
    try:
        settings = EnvironmentSettings(_env_file=file)  # type: ignore[call-arg]  # pydantic-settings adds it
        plugin_configs: dict[str, dict[str, Any]] = {}
        for name, client in get_storage_clients_extensions().items():
            if hasattr(client, "config_class"):
                given = client.config_class(_env_file=[file])
                plugin_configs[name] = given.model_dump()
                if name == "clickhouse" and settings.database and "database" not in given.model_fields_set:
                    plugin_configs[name]["database"] = settings.database
    except ValidationError as exc:
        raise ConfigurationError(f"a setting in the environment or in {file} cannot be used: {exc}").caused_by(
            exc
        ) from None
    except SettingsError as exc:
        raise ConfigurationError(
            f"a setting in the environment or in {file} is no JSON: {exc}: write a list with brackets and quotes, "
            'STORAGE_CLIENTS=["clickhouse"]'
        ).caused_by(exc) from None
    set_up_logging(settings.log_level, settings.log_handlers, settings.log_file)
    return StorageConfig(
        timeseries_step_minutes=settings.timeseries_step_minutes,
        storage_clients=settings.storage_clients,
        plugin_configs=plugin_configs,
    )
