"""What operators can set, read once at the edge: KAFKA_*, SCHEMA_REGISTRY_*, CLICKHOUSE_* and WATTNET_*."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from wattnet.clickhouse import ClickHouseSettings
from wattnet.producer.security import KafkaConnection, Printable

MIB = 1024 * 1024


class KafkaSettings(KafkaConnection):
    """Where Kafka is, what to read, as whom, and in which group."""

    group_id: Printable = Field(default="wattnet-consumer", min_length=1)
    # The next generation of groups (KIP-848) is `consumer`; it needs brokers of 4.0 or newer.
    group_protocol: Literal["classic", "consumer"] = "classic"
    # Static membership: a replica that is back within the session timeout keeps its partitions, nobody rebalances.
    group_instance_id: Printable | None = Field(default=None, min_length=1)


class BatchSettings(BaseSettings):
    """How messages become ranges. A range closes at whichever of the first three comes first."""

    model_config = SettingsConfigDict(env_prefix="WATTNET_", env_file=".env", extra="ignore")

    # One insert must stay one block: ClickHouse cuts blocks at 1,048,449 rows.
    max_batch_rows: int = Field(default=100_000, ge=1, le=1_000_000)
    # As small as ranges become while ClickHouse answers that it is short of memory or has too many parts.
    min_batch_rows: int = Field(default=1_000, ge=1)
    max_batch_bytes: int = Field(default=64 * MIB, ge=1)
    flush_interval_s: float = Field(default=2.0, gt=0)
    # Message bytes, with what Python needs around them, that wait in this process over all partitions.
    max_buffer_bytes: int = Field(default=192 * MIB, ge=1)
    insert_timeout_s: float = Field(default=120, gt=0)
    drain_timeout_s: float = Field(default=30, gt=0)
    # A partition stands still when more than this share of at least 1,000 messages was refused; 1 switches that off.
    breaker_share: float = Field(default=0.5, ge=0, le=1)
    # And so long, before it is tried again with a range of at most 1,000 messages.
    breaker_pause_s: float = Field(default=60, ge=0)


class HttpSettings(BaseSettings):
    """Where /livez, /readyz and /metrics are served. Port 0 is any free one; the log says which."""

    model_config = SettingsConfigDict(env_prefix="WATTNET_HTTP_", env_file=".env", extra="ignore")

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=0, ge=0, le=65535)


class Settings(BaseSettings):
    """Everything that a consumer needs to know."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    clickhouse: ClickHouseSettings = Field(default_factory=ClickHouseSettings)
    batch: BatchSettings = Field(default_factory=BatchSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
