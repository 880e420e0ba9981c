"""The environment read once, with everything that is wrong in it said at once."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from wattnet.cli._failures import EXIT_CONFIGURATION, CommandError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from wattnet.consumer import Settings

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

Group = TypeVar("Group", bound=BaseSettings)


class LogSettings(BaseSettings):
    """What a service logs."""

    model_config = SettingsConfigDict(env_prefix="WATTNET_", env_file=".env", extra="ignore")

    log_level: str = Field(default="INFO")
    log_format: Literal["auto", "text", "json"] = "auto"

    @field_validator("log_level")
    @classmethod
    def _known(cls, level: str) -> str:
        if level.upper() not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return level.upper()


class BadSettingsError(CommandError):
    """One line for each variable that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        message = f"{len(problems)} settings are wrong" if len(problems) > 1 else "a setting is wrong"
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{message} (in the environment or in .env):{lines}", exit_code=EXIT_CONFIGURATION)


def read_settings() -> Settings:
    """Everything a consumer needs. Raises BadSettingsError."""
    # Imported here: who only reads does not load the consumer.
    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.consumer import BatchSettings, HttpSettings, KafkaSettings, Settings

    problems: list[str] = []
    kafka, clickhouse, batch, http = (
        _read(KafkaSettings, problems),
        _read(ClickHouseSettings, problems),
        _read(BatchSettings, problems),
        _read(HttpSettings, problems),
    )
    if kafka is None or clickhouse is None or batch is None or http is None:
        raise BadSettingsError(problems)
    return Settings(kafka=kafka, clickhouse=clickhouse, batch=batch, http=http)


def read_one(group: type[Group]) -> Group:
    """One group of settings. Raises BadSettingsError."""
    problems: list[str] = []
    settings = _read(group, problems)
    if settings is None:
        raise BadSettingsError(problems)
    return settings


def _read(group: type[Group], problems: list[str]) -> Group | None:
    try:
        return group()
    except ValidationError as exc:
        for error in exc.errors():
            rule = error["msg"].removeprefix("Value error, ")
            if not error["loc"]:  # of several settings together: it names them
                problems.append(rule)
                continue
            field, *inside = (str(step) for step in error["loc"])
            where = f" (at {'.'.join(inside)})" if inside else ""
            problems.append(f"{_shown(group, field)}: {rule[:1].lower()}{rule[1:]}{where}")
    except SettingsError as exc:
        # A variable that has to be JSON, and is none.
        match = re.search(r'field "(\w+)"', str(exc))
        problems.append(f'{_shown(group, match[1] if match else "")}: should be a JSON object, such as {{"key": 1}}')
    return None


def _shown(group: type[BaseSettings], field: str) -> str:
    """The variable, with its value where that cannot hold a secret."""
    info = group.model_fields.get(field)
    variable = _variable(group, field, info)
    value = os.environ.get(variable)
    secret = info is not None and SecretStr in (info.annotation, *get_args(info.annotation))
    # KAFKA_OPTIONS may hold a password, any URL too. What is not in the environment came from .env, or from nowhere.
    if value is None or secret or field == "options" or "@" in value:
        return variable
    return f"{variable}={value!r}"


def _variable(group: type[BaseSettings], field: str, info: FieldInfo | None) -> str:
    if info is not None and isinstance(info.validation_alias, AliasChoices):
        return str(info.validation_alias.choices[-1])
    if field.isupper():  # pydantic names the alias itself
        return field
    return f"{group.model_config.get('env_prefix', '')}{field}".upper()
