"""Where ClickHouse is and who asks: the usual CLICKHOUSE_* variables, or a URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HTTP_PORT = 8123
HTTPS_PORT = 8443


class ClickHouseSettings(BaseSettings):
    """ClickHouse's HTTP interface. Arguments win over the environment, that over `.env`, that over the defaults.

    A password may stand in a file (`CLICKHOUSE_PASSWORD_FILE`), as container secrets do.
    """

    model_config = SettingsConfigDict(env_prefix="CLICKHOUSE_", env_file=".env", extra="ignore", frozen=True)

    host: str = Field(default="localhost", min_length=1)
    port: int = Field(default=HTTP_PORT, ge=1, le=65535)
    user: str = "default"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    database: str = Field(default="wattnet", min_length=1)
    secure: bool = False

    @model_validator(mode="before")
    @classmethod
    def _port_follows_tls(cls, values: dict[str, object]) -> dict[str, object]:
        if str(values.get("secure", "")).lower() in {"1", "true", "yes", "on"}:
            values.setdefault("port", HTTPS_PORT)
        return values

    @model_validator(mode="before")
    @classmethod
    def _password_from_file(cls, values: dict[str, object]) -> dict[str, object]:
        path = values.get("password_file")
        if path and not values.get("password"):
            values["password"] = Path(str(path)).read_text(encoding="utf-8").rstrip("\n")
        return values

    @classmethod
    def from_url(cls, url: str, *, database: str | None = None) -> ClickHouseSettings:
        """Settings from `http[s]://[user[:password]@]host[:port][/database]`; nothing is taken from the environment.

        Raises ValueError for another scheme or a URL without a host.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(
                f"{url!r} is no ClickHouse URL: this client speaks ClickHouse's HTTP interface, "
                "so write it like http://localhost:8123 or https://user:password@host:8443"
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
        )

    @property
    def address(self) -> str:
        """The URL without credentials: fit for messages and logs."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"
