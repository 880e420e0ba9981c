"""Straight into ClickHouse, without Kafka: for scripts, tests, and readers."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from wattnet.clickhouse import ClickHouseSettings


class ClickHouseConfig(ClickHouseSettings):
    """ClickHouse's address from arguments, else CLICKHOUSE_* in the environment, else the defaults; it reads no `.env`.

    connect_retries      how many times a repository tries to reach it when it is made
    connect_retry_delay  how many seconds it waits between two tries
    """

    model_config = SettingsConfigDict(env_file=None)

    connect_retries: int = Field(default=5, ge=1)
    connect_retry_delay: float = Field(default=3, ge=0)
