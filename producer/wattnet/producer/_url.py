"""URLs without the credentials that people write into them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr


class Found(NamedTuple):
    """A URL, or several with commas, fit to be shown; and the credentials of the first one that had some."""

    url: str
    username: str | None
    password: SecretStr | None


def split_credentials(urls: str) -> Found:
    """Take user and password out. Raises ValueError, without them, for what is no http(s) URL."""
    shown: list[str] = []
    username: str | None = None
    password: SecretStr | None = None
    for url in urls.split(","):
        try:
            parts = urlsplit(url.strip())
            usable = parts.scheme in {"http", "https", "mock"} and bool(parts.hostname)
            usable = usable and (parts.port is None or parts.port > 0)
        except ValueError:  # its message quotes the URL
            usable = False
        user, _, place = parts.netloc.rpartition("@") if usable else ("", "", "")
        if not usable or "@" in f"{parts.path}{parts.query}{parts.fragment}":
            raise ValueError(
                "should look like http://host:8081; characters such as / @ : # in a user or password are "
                "percent-encoded there (or set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD)"
            )
        shown.append(parts._replace(netloc=place).geturl())
        if user and username is None:
            name, _, secret = user.partition(":")
            username, password = unquote(name), SecretStr(unquote(secret))
    return Found(",".join(shown), username, password)
