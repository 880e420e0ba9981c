"""Through the topic: acknowledged by Kafka, stored by the consumers, read from ClickHouse. The way for modules."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  pydantic looks it up
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wattnet.clickhouse import secret_from_file
from wattnet.producer import Producer, ProducerError
from wattnet.producer.security import security_options
from wattnet.storage._plugin_settings import plugin_settings
from wattnet.storage._publishing import TopicWriter
from wattnet.storage.clients.plugins._tables import TablesClient
from wattnet.storage.clients.plugins.clickhouse import ClickHouseConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from wattnet.storage.config import StorageConfig


# A call ends with a flush, and that sends at once whatever lingers. So this delays no call, but fills the batches of a
# long one, which spares the brokers and the consumers work (docs/performance.md).
LINGER_MS = 200


class KafkaConfig(BaseSettings):
    """Kafka's address from arguments, else KAFKA_* in the environment, else the defaults; it reads no `.env`.

    security_protocol, sasl_*, ssl_*  librdkafka's keys of these names; a password may stand in a file
    options                           any other librdkafka keys, a JSON object in the environment
    schema_registry_url               SCHEMA_REGISTRY_URL; may hold user and password
    """

    # A validation error would show its whole input, passwords too.
    model_config = SettingsConfigDict(
        env_prefix="KAFKA_", extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    bootstrap_servers: str = Field(default="localhost:9092", min_length=1)
    topic: str = Field(default="wattnet.metrics", min_length=1)
    security_protocol: str | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    ssl_ca_location: str | None = None
    ssl_certificate_location: str | None = None
    ssl_key_location: str | None = None
    ssl_key_password: SecretStr | None = None
    ssl_key_password_file: Path | None = None
    options: dict[str, Any] = Field(default_factory=dict, repr=False)  # any of them may be a password
    schema_registry_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("schema_registry_url", "SCHEMA_REGISTRY_URL")
    )

    @model_validator(mode="before")
    @classmethod
    def _passwords_from_files(cls, values: dict[str, object]) -> dict[str, object]:
        for secret in ("sasl_password", "ssl_key_password"):
            path = values.get(f"{secret}_file")
            if path and not values.get(secret):
                values[secret] = secret_from_file(str(path), variable=f"KAFKA_{secret.upper()}_FILE")
        return values

    def producer_options(self) -> dict[str, Any]:
        """librdkafka's keys. They hold the passwords as plain text: neither print nor log them."""
        return security_options(self) | self.options


class KafkaClient(TablesClient):
    """Writes to the topic: what was written is safe in Kafka, and seen by queries once a consumer has stored it.

    Neither Kafka nor ClickHouse need answer when it is made. ClickHouse's address is what the plugin `clickhouse` is
    told (plugin_configs, CLICKHOUSE_*).
    """

    config_class = KafkaConfig

    def __init__(self, config: StorageConfig) -> None:
        self._settings = plugin_settings(KafkaConfig, "kafka", config)
        super().__init__(config, plugin_settings(ClickHouseConfig, "clickhouse", config), TopicWriter(self._producer))

    def _producer(self, on_error: Callable[[ProducerError], object]) -> Producer:
        settings = self._settings
        registry = settings.schema_registry_url
        return Producer(
            settings.bootstrap_servers,
            topic=settings.topic,
            schema_registry_url=None if registry is None else registry.get_secret_value(),
            options={"linger.ms": LINGER_MS, **settings.producer_options()},
            on_error=on_error,
        )
