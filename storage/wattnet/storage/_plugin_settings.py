"""The settings of a plugin of this package, from what a StorageConfig says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from wattnet.schemas import suggest
from wattnet.storage._errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from wattnet.storage.config import StorageConfig

Settings = TypeVar("Settings", bound="BaseSettings")


def plugin_settings(kind: type[Settings], name: str, config: StorageConfig) -> Settings:
    """`config.plugin_configs[name]`, else the environment, else the defaults.

    Raises ConfigurationError for a setting that there is not, which would be ignored otherwise, and for wrong values.
    """
    given = dict(config.plugin_configs.get(name, {}))
    for setting in given:
        if setting not in kind.model_fields:
            meant = suggest(str(setting), kind.model_fields)
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(kind.model_fields)}"
            raise ConfigurationError(f"plugin_configs[{name!r}] has a setting {setting!r}, which there is not: {hint}")
    try:
        return kind(**given)
    except ValidationError as exc:
        raise ConfigurationError(f"plugin_configs[{name!r}] or the environment cannot be used: {exc}").caused_by(
            exc
        ) from None
