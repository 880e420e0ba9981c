"""As whom a client speaks to Kafka and whom it trusts: from settings to librdkafka's keys.

For programs that read KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and KAFKA_SSL_* with pydantic; that it imports, so it is no
part of what `wattnet.producer` imports.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from wattnet.producer._errors import ProducerConfigError
from wattnet.producer._url import split_credentials
from wattnet.schemas.secrets import secret_from_file

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["KafkaConnection", "producer_arguments", "security_options"]

# What begins so concerns any client of the cluster, not only a consumer.
_CONNECTION_KEYS = (
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

_KEYS = (
    "security.protocol",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
)


def security_options(settings: BaseModel) -> dict[str, str]:
    """What the fields that are named like librdkafka's keys, `_` for `.`, say; None says nothing.

    The passwords are plain text there: neither print nor log them.
    """
    said = {key: getattr(settings, key.replace(".", "_")) for key in _KEYS}
    return {
        key: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for key, value in said.items()
        if value is not None
    }


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
_ExistingPath = Annotated[Path, AfterValidator(_existing)]
_SecurityProtocol = Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)]


def _registry(field: str) -> AliasChoices:
    """SCHEMA_REGISTRY_*, not KAFKA_*."""
    return AliasChoices(f"schema_registry_{field}", f"SCHEMA_REGISTRY_{field.upper()}")


class KafkaConnection(BaseSettings):
    """Where Kafka is, which topic it is about and as whom: KAFKA_* and SCHEMA_REGISTRY_*, else `.env`.

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
    security_protocol: _SecurityProtocol | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    ssl_ca_location: _ExistingPath | None = None
    ssl_certificate_location: _ExistingPath | None = None
    ssl_key_location: _ExistingPath | None = None
    ssl_key_password: SecretStr | None = None
    ssl_key_password_file: Path | None = None
    options: dict[str, Any] = Field(default_factory=dict, repr=False)  # any of them may be a password
    schema_registry_url: str | None = Field(default=None, validation_alias=_registry("url"))
    schema_registry_username: str | None = Field(default=None, validation_alias=_registry("username"))
    schema_registry_password: SecretStr | None = Field(default=None, validation_alias=_registry("password"))
    schema_registry_password_file: Path | None = Field(default=None, validation_alias=_registry("password_file"))
    schema_registry_ssl_ca_location: _ExistingPath | None = Field(
        default=None, validation_alias=_registry("ssl_ca_location")
    )

    @model_validator(mode="after")
    def _secrets(self) -> KafkaConnection:
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
    def _nothing_is_ignored(self) -> KafkaConnection:
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
        passed = {key: value for key, value in self.options.items() if key.startswith(_CONNECTION_KEYS)}
        return {**security_options(self), **passed, "bootstrap.servers": self.bootstrap_servers}

    def registry_url(self) -> str | None:
        """The schema registry's URL with the credentials in it, as Producer takes it; None without one."""
        if not self.schema_registry_url or self.schema_registry_username is None:
            return self.schema_registry_url or None
        password = self.schema_registry_password or SecretStr("")
        user = f"{quote(self.schema_registry_username, safe='')}:{quote(password.get_secret_value(), safe='')}"
        parts = urlsplit(self.schema_registry_url)
        return parts._replace(netloc=f"{user}@{parts.netloc}").geturl()

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


def producer_arguments(settings: KafkaConnection | None = None) -> dict[str, Any]:
    """The arguments of a Producer of the topic that the settings name; those of the environment unless given.

    Args:
        settings: Where Kafka is and as whom.

    Returns:
        bootstrap_servers, topic, schema_registry_url and options. They hold passwords as plain text.

    Raises:
        ProducerConfigError: The environment has a value that a variable cannot have.
    """
    try:
        settings = KafkaConnection() if settings is None else settings
    except (ValidationError, SettingsError) as exc:
        # Without its cause, which may hold a password.
        raise ProducerConfigError(f"the environment (KAFKA_*, SCHEMA_REGISTRY_*) or .env is wrong: {exc}") from None
    options = settings.connection_options()
    return {
        "bootstrap_servers": options.pop("bootstrap.servers"),
        "topic": settings.topic,
        "schema_registry_url": settings.registry_url(),
        "options": options,
    }
