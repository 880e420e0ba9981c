"""What operators can set, read once at the edge: KAFKA_*, SCHEMA_REGISTRY_*, CLICKHOUSE_* and WATTNET_*."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wattnet.clickhouse import ClickHouseSettings, secret_from_file
from wattnet.consumer._url import split_credentials

MIB = 1024 * 1024
# What begins so concerns any client of the cluster, not only a consumer.
CONNECTION_KEYS = (
    "broker.",
    "client.",
    "debug",
    "enable.sasl.",
    "enable.ssl.",
    "https.",
    "log",
    "reconnect.",
    "sasl.",
    "security.",
    "socket.",
    "ssl.",
)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ValueError("there is no such file")
    return path


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("should hold printable characters only")
    return text


Printable = Annotated[str, AfterValidator(_printable)]
ExistingPath = Annotated[Path, AfterValidator(_existing)]
SecurityProtocol = Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)]


def _registry(field: str) -> AliasChoices:
    """SCHEMA_REGISTRY_*, not KAFKA_*."""
    return AliasChoices(f"schema_registry_{field}", f"SCHEMA_REGISTRY_{field.upper()}")


class KafkaSettings(BaseSettings):
    """Where Kafka is, what to read and as whom.

    `options` is a JSON object of any librdkafka keys, and wins over the other settings. `security_protocol`, `sasl_*`
    and `ssl_*` are librdkafka's keys of these names; a password may stand in a file (`KAFKA_SASL_PASSWORD_FILE`,
    `KAFKA_SSL_KEY_PASSWORD_FILE`, `SCHEMA_REGISTRY_PASSWORD_FILE`). Credentials in the registry's URL are taken out of
    it, so that the URL may be shown.
    """

    # A validation error would show its whole input, passwords too.
    model_config = SettingsConfigDict(
        env_prefix="KAFKA_", env_file=".env", extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    bootstrap_servers: Printable = Field(default="localhost:9092", min_length=1)
    topic: str = Field(default="wattnet.metrics", max_length=249, pattern=r"^[A-Za-z0-9._-]+$")  # Kafka's own rule
    group_id: Printable = Field(default="wattnet-consumer", min_length=1)
    # The next generation of groups (KIP-848) is `consumer`; it needs brokers of 4.0 or newer.
    group_protocol: Literal["classic", "consumer"] = "classic"
    # Static membership: a replica that is back within the session timeout keeps its partitions, nobody rebalances.
    group_instance_id: Printable | None = Field(default=None, min_length=1)
    security_protocol: SecurityProtocol | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    ssl_ca_location: ExistingPath | None = None
    ssl_certificate_location: ExistingPath | None = None
    ssl_key_location: ExistingPath | None = None
    ssl_key_password: SecretStr | None = None
    ssl_key_password_file: Path | None = None
    options: dict[str, Any] = Field(default_factory=dict, repr=False)  # any of them may be a password
    schema_registry_url: str | None = Field(default=None, validation_alias=_registry("url"))
    schema_registry_username: str | None = Field(default=None, validation_alias=_registry("username"))
    schema_registry_password: SecretStr | None = Field(default=None, validation_alias=_registry("password"))
    schema_registry_password_file: Path | None = Field(default=None, validation_alias=_registry("password_file"))
    schema_registry_ssl_ca_location: ExistingPath | None = Field(
        default=None, validation_alias=_registry("ssl_ca_location")
    )

    @model_validator(mode="after")
    def _secrets(self) -> KafkaSettings:
        for secret, variable in (
            ("sasl_password", "KAFKA_SASL_PASSWORD_FILE"),
            ("ssl_key_password", "KAFKA_SSL_KEY_PASSWORD_FILE"),
            ("schema_registry_password", "SCHEMA_REGISTRY_PASSWORD_FILE"),
        ):
            path: Path | None = getattr(self, f"{secret}_file")
            if path is not None and getattr(self, secret) is None:
                setattr(self, secret, secret_from_file(path, variable=variable))
        if self.schema_registry_url:
            found = split_credentials(self.schema_registry_url)
            self.schema_registry_url = found.url
            if self.schema_registry_username is None and found.username is not None:
                self.schema_registry_username, self.schema_registry_password = found.username, found.password
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> KafkaSettings:
        protocol = str(self.options.get("security.protocol", self.security_protocol or "PLAINTEXT")).upper()
        for field, needed in (
            ("sasl_mechanism", "SASL"),
            ("sasl_username", "SASL"),
            ("sasl_password", "SASL"),
            ("ssl_ca_location", "SSL"),
            ("ssl_certificate_location", "SSL"),
            ("ssl_key_location", "SSL"),
        ):
            if getattr(self, field) is not None and needed not in protocol:
                raise ValueError(
                    f"KAFKA_{field.upper()} is set, but KAFKA_SECURITY_PROTOCOL is {protocol}, "
                    "which has no use for it: set it to SASL_SSL (or SSL, SASL_PLAINTEXT)"
                )
        return self

    def connection_options(self) -> dict[str, Any]:
        """librdkafka's keys that any client of this cluster needs: where it is, as whom, whom to trust.

        They hold the passwords as plain text: neither print nor log them.
        """
        # Imported here: it loads the producer, which who asks ClickHouse alone can do without.
        from wattnet.producer.security import security_options

        passed = {key: value for key, value in self.options.items() if key.startswith(CONNECTION_KEYS)}
        return {**security_options(self), **passed, "bootstrap.servers": self.bootstrap_servers}

    def registry_options(self) -> dict[str, Any] | None:
        """confluent-kafka's keys for a client of the schema registry, None without one. They hold the password too."""
        if not self.schema_registry_url:
            return None
        options: dict[str, Any] = {"url": self.schema_registry_url}
        if self.schema_registry_username is not None:
            password = self.schema_registry_password or SecretStr("")
            options["basic.auth.user.info"] = f"{self.schema_registry_username}:{password.get_secret_value()}"
        if self.schema_registry_ssl_ca_location is not None:
            options["ssl.ca.location"] = str(self.schema_registry_ssl_ca_location)
        return options


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
