"""Whether the brokers let this program in at all: asked once, before anything waits for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._kafka_admin import REQUEST_TIMEOUT_S
from wattnet.consumer._kafka_codes import heals
from wattnet.consumer._kafka_options import librdkafka_logger, refused_options

if TYPE_CHECKING:
    from wattnet.consumer._settings import KafkaSettings

SLICE_S = 0.2
REMEDIES = {
    KafkaError._AUTHENTICATION: "correct KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD",
    KafkaError.SASL_AUTHENTICATION_FAILED: "correct KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD",
    KafkaError._SSL: "correct KAFKA_SSL_CA_LOCATION, or the client's certificate and key",
}


def require_access(settings: KafkaSettings, *, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
    """Return when a broker answers. librdkafka itself would knock for ever, also with a wrong password.

    Raises ConfigurationError when one refuses the password or a certificate is not trusted, ServiceUnavailableError
    when none answers in time.
    """
    refusals: list[KafkaError] = []
    options: dict[str, Any] = {**settings.connection_options(), "error_cb": refusals.append}
    with refused_options():
        admin = AdminClient(options, logger=librdkafka_logger)
    deadline = time.monotonic() + timeout_s
    while not _answers(admin):
        for error in refusals:
            if error.code() in REMEDIES and not heals(error):
                raise ConfigurationError(
                    f"Kafka at {settings.bootstrap_servers} lets nobody in with these settings: {error.str()}: "
                    f"{REMEDIES[error.code()]}"
                )
        if time.monotonic() > deadline:
            seen = f": {refusals[-1].str()}" if refusals else ""
            remedy = REMEDIES.get(refusals[-1].code()) if refusals else None
            perhaps = f". If that goes on, {remedy}" if remedy else ""
            raise ServiceUnavailableError(f"no broker at {settings.bootstrap_servers} answers{seen}{perhaps}")


def _answers(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=SLICE_S).brokers)
    except KafkaException:
        admin.poll(0)  # what librdkafka knows of the reason
        return False
