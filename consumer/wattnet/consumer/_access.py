"""Whether the brokers let this program in at all: asked once, before anything waits for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from wattnet.consumer._errors import ConfigurationError, ServiceUnavailableError
from wattnet.consumer._kafka_codes import heals
from wattnet.consumer._kafka_options import kafka_log, refused_options
from wattnet.producer.kafka_log import reason

if TYPE_CHECKING:
    from wattnet.consumer._settings import KafkaSettings

SLICE_S = 0.2
TIMEOUT_S = 8.0
# Where librdkafka has a reason, such as a refused connection, a wrong address is likelier than a slow broker.
REFUSED_TIMEOUT_S = 4.0
REMEDIES = {
    KafkaError._AUTHENTICATION: "correct KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD",
    KafkaError.SASL_AUTHENTICATION_FAILED: "correct KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD",
    KafkaError._SSL: "correct KAFKA_SSL_CA_LOCATION, or the client's certificate and key",
}


def require_access(settings: KafkaSettings, *, timeout_s: float = TIMEOUT_S) -> None:
    """Return when a broker answers. librdkafka itself would knock for ever, also with a wrong password.

    Raises ConfigurationError when one refuses the password or a certificate is not trusted, ServiceUnavailableError
    when none answers in time.
    """
    refusals: list[KafkaError] = []
    options: dict[str, Any] = {**settings.connection_options(), "error_cb": refusals.append}
    with refused_options():
        admin = AdminClient(options, logger=kafka_log)
    began = time.monotonic()
    while not _answers(admin):
        for error in refusals:
            if error.code() in REMEDIES and not heals(error):
                raise ConfigurationError(
                    f"Kafka at {settings.bootstrap_servers} lets nobody in with these settings: {reason(error.str())}: "
                    f"{REMEDIES[error.code()]}"
                )
        causes = [one for one in refusals if one.code() != KafkaError._ALL_BROKERS_DOWN]
        if time.monotonic() > (began + min(timeout_s, REFUSED_TIMEOUT_S) if causes else began + timeout_s):
            seen = f": {reason(causes[-1].str())}" if causes else ""
            remedy = REMEDIES.get(causes[-1].code()) if causes else None
            raise ServiceUnavailableError(
                f"no broker at {settings.bootstrap_servers} answers{seen}: "
                + (f"if that goes on, {remedy}" if remedy else "is Kafka up, is the address right?")
            )


def _answers(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=SLICE_S).brokers)
    except KafkaException:
        admin.poll(0)  # what librdkafka knows of the reason
        return False
