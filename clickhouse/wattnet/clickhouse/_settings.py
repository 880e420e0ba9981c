"""Where ClickHouse is and who asks: the usual CLICKHOUSE_* variables, or a URL."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wattnet.schemas.secrets import secret_from_file

HTTP_PORT = 8123
HTTPS_PORT = 8443
TRUE = frozenset({"1", "true", "yes", "on"})
CLUSTER_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
# What a URL may say behind its question mark: the same names as clickhouse-connect's own URLs.
TLS_PARAMETERS = frozenset({"verify", "ca_cert", "client_cert", "client_cert_key"})


class ClickHouseSettings(BaseSettings):
    """ClickHouse's HTTP interface. Arguments win over the environment, that over `.env`, that over the defaults.

    A password may stand in a file (`CLICKHOUSE_PASSWORD_FILE`), as container secrets do.

    secure                        TLS; the server's certificate is held against the system's authorities
    ca_cert                       or against this file (PEM); 'certifi' means the package's list
    verify                        false takes any certificate: who stands between reads and changes everything
    client_cert, client_cert_key  what the server knows this client by (PEM). With a password too, that is sent as well
    cluster                       its tables are replicated and sharded over this cluster of the server's configuration
    """

    # A validation error would show its whole input, passwords too.
    model_config = SettingsConfigDict(
        env_prefix="CLICKHOUSE_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = Field(default="localhost", min_length=1)
    port: int = Field(default=HTTP_PORT, ge=1, le=65535)
    user: str = "default"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    database: str = Field(default="wattnet", min_length=1)
    secure: bool = False
    verify: bool = True
    ca_cert: str | None = None
    client_cert: str | None = None
    client_cert_key: str | None = None
    cluster: str | None = None

    @field_validator("host")
    @classmethod
    def _host_alone(cls, host: str) -> str:
        if any(character in "/@?#" or not character.isprintable() for character in host):
            raise ValueError("should be a host name or an address alone: no scheme, user, password or path")
        return host

    @field_validator("user", "database")
    @classmethod
    def _fit_to_be_shown(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("should hold printable characters only")
        return text

    @field_validator("database")
    @classmethod
    def _needs_no_escapes(cls, name: str) -> str:
        # Not every tool that quotes names escapes what is in them.
        if any(character in "\"'`\\" for character in name):
            raise ValueError("should hold no quotes and no backslashes")
        return name

    @field_validator("cluster")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        if name and not CLUSTER_NAME.fullmatch(name):
            raise ValueError("should hold letters, digits, '_', '-' and '.' only, as a cluster's name does")
        return name or None

    @field_validator("ca_cert", "client_cert", "client_cert_key")
    @classmethod
    def _is_there(cls, path: str | None) -> str | None:
        if path and path != "certifi" and not Path(path).is_file():
            raise ValueError("there is no such file")
        return path or None

    @model_validator(mode="before")
    @classmethod
    def _port_follows_tls(cls, values: dict[str, object]) -> dict[str, object]:
        if str(values.get("secure", "")).lower() in TRUE:
            values.setdefault("port", HTTPS_PORT)
        return values

    @model_validator(mode="before")
    @classmethod
    def _password_from_file(cls, values: dict[str, object]) -> dict[str, object]:
        path = values.get("password_file")
        if path and not values.get("password"):
            values["password"] = secret_from_file(str(path), variable="CLICKHOUSE_PASSWORD_FILE")
        return values

    @model_validator(mode="after")
    def _tls_where_it_is_asked_for(self) -> ClickHouseSettings:
        given = [name for name in ("ca_cert", "client_cert", "client_cert_key") if getattr(self, name)]
        if given and not self.secure:
            raise ValueError(f"CLICKHOUSE_{given[0].upper()} is set, but CLICKHOUSE_SECURE is not: set it to true")
        if self.client_cert_key and not self.client_cert:
            raise ValueError("CLICKHOUSE_CLIENT_CERT_KEY is set, but CLICKHOUSE_CLIENT_CERT is not: set both")
        return self

    @classmethod
    def from_url(cls, url: str, *, database: str | None = None) -> ClickHouseSettings:
        """Settings from `http[s]://[user[:password]@]host[:port][/database]`; nothing is taken from the environment.

        `?ca_cert=…&verify=…&client_cert=…&client_cert_key=…` may follow. Raises ValueError for anything else.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(
                f"{_without_credentials(url)!r} is no ClickHouse URL: this client speaks ClickHouse's HTTP interface, "
                "so write it like http://localhost:8123 or https://user:password@host:8443"
            )
        tls = dict(parse_qsl(parts.query))
        if unknown := sorted(tls.keys() - TLS_PARAMETERS):
            raise ValueError(
                f"{unknown[0]!r} in a ClickHouse URL is not known: {', '.join(sorted(TLS_PARAMETERS))} are"
            )
        secure = parts.scheme == "https"
        return cls.model_construct(
            host=parts.hostname,
            port=parts.port or (HTTPS_PORT if secure else HTTP_PORT),
            user=unquote(parts.username or "default"),
            password=SecretStr(unquote(parts.password or "")),
            password_file=None,
            database=database or parts.path.strip("/") or "wattnet",
            secure=secure,
            verify=tls.get("verify", "true").lower() in TRUE,
            ca_cert=tls.get("ca_cert"),
            client_cert=tls.get("client_cert"),
            client_cert_key=tls.get("client_cert_key"),
            cluster=None,
        )

    @property
    def address(self) -> str:
        """The URL without credentials: fit for messages and logs."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]
