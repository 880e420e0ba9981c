"""`wattnet doctor`: everything that a consumer rests on, looked at from where it would run. Changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from wattnet.consumer._doctor_clickhouse import examine_clickhouse
from wattnet.consumer._doctor_host import examine_host
from wattnet.consumer._doctor_kafka import examine_kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._finding import Finding
    from wattnet.consumer._settings import Settings


def examine(settings: Settings, *, only_fatal: bool = False, client: Client | None = None) -> tuple[Finding, ...]:
    """Look at Kafka, its topic and group, the registry, ClickHouse, its tables and rights, and this machine.

    Never raises for what it finds: a service that is away is a finding too. With `only_fatal` it asks only what decides
    whether a consumer may start (a tenth of a second on a healthy stack, connecting included), and returns only what
    forbids it: no topic, one that is compacted or may not be read; no tables, tables of another version, without the
    window that repeated inserts are recognized by, or without a right to insert, or to read the ledger. What the user
    may not see is not judged. `client` is one of ClickHouse that is open anyway.
    """
    parts: list[Callable[[], Iterator[Finding]]] = [
        partial(examine_kafka, settings.kafka, only_fatal=only_fatal),
        partial(examine_clickhouse, settings.clickhouse, only_fatal=only_fatal, client=client),
    ]
    if not only_fatal:
        # The registry's client takes as long to import as everything else that a consumer needs at its start.
        from wattnet.consumer._doctor_registry import examine_registry

        parts.insert(0, partial(examine_host, settings))
        parts.insert(2, partial(examine_registry, settings.kafka))
    # Side by side: each waits for another service.
    with ThreadPoolExecutor(len(parts), thread_name_prefix="doctor") as executor:
        findings = [one for group in executor.map(lambda part: tuple(part()), parts) for one in group]
    return tuple(one for one in findings if not only_fatal or one.severity == "fatal")
