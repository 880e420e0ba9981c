"""`wattnet doctor`: everything that a consumer rests on, looked at from where it would run. Changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from wattnet.consumer._doctor_clickhouse import examine_clickhouse
from wattnet.consumer._doctor_group import examine_group
from wattnet.consumer._doctor_host import examine_host
from wattnet.consumer._doctor_kafka import examine_kafka
from wattnet.consumer._finding import unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._finding import Finding
    from wattnet.consumer._settings import Settings

# What is looked at, by the names of its findings: where several are possible, any of them.
CHECKS: tuple[tuple[str, ...], ...] = (
    ("versions",),
    ("memory",),
    ("KAFKA_OPTIONS",),
    ("kafka",),
    ("topic",),
    ("cleanup",),
    ("copies",),
    ("retention",),
    ("timestamps",),
    ("newest message",),
    ("brokers' clocks",),
    ("group",),
    ("lag",),
    ("lag against retention",),
    ("clickhouse", "database"),
    ("clocks",),
    ("migrations", "tables"),
    ("deduplication",),
    ("rights", "inserts"),
    ("ledger",),
    ("feeder",),
    ("disk",),
    ("ClickHouse's memory",),
    ("parts",),
    ("dead letters",),
    ("breakers",),
    ("other groups",),
)


def examine(settings: Settings, *, only_fatal: bool = False, client: Client | None = None) -> tuple[Finding, ...]:
    """Look at Kafka, its topic and group, the registry, ClickHouse, its tables and rights, and this machine.

    Never raises for what it finds: a service that is away is a finding too. With `only_fatal` it asks only what decides
    whether a consumer may start (a tenth of a second on a healthy stack, connecting included), and returns only what
    forbids it: no topic, one that is compacted or may not be read; no tables, tables of another version, without the
    window that repeated inserts are recognized by, or without a right to insert, or to read the ledger. What the user
    may not see is not judged. Without it, what could not be looked at is a finding, too (`unseen`). `client` is one of
    ClickHouse that is open anyway.
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
        parts.append(partial(examine_group, settings))
    # Side by side: each waits for another service.
    with ThreadPoolExecutor(len(parts), thread_name_prefix="doctor") as executor:
        findings = [one for group in executor.map(lambda part: tuple(part()), parts) for one in group]
    if only_fatal:
        return tuple(one for one in findings if one.severity == "fatal")
    seen = {one.name for one in findings}
    missing = [names[0] for names in CHECKS if not seen.intersection(names)]
    return (*findings, *(unseen(name, "see what is said of the others") for name in missing))
