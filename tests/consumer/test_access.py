"""A wrong address of Kafka is said soon, with Kafka's own reason."""

from __future__ import annotations

import time

import pytest

from wattnet.consumer import KafkaSettings, ServiceUnavailableError, require_access


@pytest.mark.parametrize(
    ("address", "why"),
    [("127.0.0.1:1", "Connection refused"), ("no-such-host.invalid:9092", "Failed to resolve 'no-such-host.invalid")],
)
def test_a_wrong_address_is_said_with_kafkas_reason(address: str, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match=f"no broker at {address} answers: {address}: .*{why}.*address"):
        require_access(KafkaSettings(bootstrap_servers=address))
    assert time.monotonic() - began < 10
