"""As whom a client speaks to Kafka and whom it trusts: from settings to librdkafka's keys.

For programs that read KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and KAFKA_SSL_* with pydantic; that it imports, so it is no
part of what `wattnet.producer` imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["security_options"]

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
