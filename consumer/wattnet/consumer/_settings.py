"""What operators can set, read once at the edge: KAFKA_*, CLICKHOUSE_*, SCHEMA_REGISTRY_URL and WATTNET_*."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from wattnet.clickhouse import ClickHouseSettings

MIB = 1024 * 1024


class KafkaSettings(BaseSettings):
    """Where Kafka is, what to read and as whom. `options` is a JSON object of any librdkafka keys."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", env_file=".env", extra="ignore", populate_by_name=True)

    bootstrap_servers: str = Field(default="localhost:9092", min_length=1)
    topic: str = Field(default="wattnet.metrics", min_length=1)
    group_id: str = Field(default="wattnet-consumer", min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)
    schema_registry_url: str | None = Field(
        default=None, validation_alias=AliasChoices("schema_registry_url", "SCHEMA_REGISTRY_URL")
    )


class BatchSettings(BaseSettings):
    """How messages become ranges. A range closes at whichever of the first three comes first."""

    model_config = SettingsConfigDict(env_prefix="WATTNET_", env_file=".env", extra="ignore")

    # One insert must stay one block: ClickHouse cuts blocks at 1,048,449 rows.
    max_batch_rows: int = Field(default=100_000, ge=1, le=1_000_000)
    max_batch_bytes: int = Field(default=64 * MIB, ge=1)
    flush_interval_s: float = Field(default=2.0, gt=0)
    # Message bytes, with what Python needs around them, that wait in this process over all partitions.
    max_buffer_bytes: int = Field(default=192 * MIB, ge=1)
    insert_timeout_s: float = Field(default=120, gt=0)
    drain_timeout_s: float = Field(default=30, gt=0)


class Settings(BaseSettings):
    """Everything that a consumer needs to know."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    clickhouse: ClickHouseSettings = Field(default_factory=ClickHouseSettings)
    batch: BatchSettings = Field(default_factory=BatchSettings)
