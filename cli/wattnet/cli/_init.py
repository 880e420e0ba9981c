"""`wattnet init`."""

from __future__ import annotations

import typer

# Deployments start everything at once, and repeat this when it says 69.
KAFKA_TIMEOUT_S = 10.0


def init(
    partitions: int = typer.Option(12, min=1, help="Partitions of a new topic: the most consumers that can share it."),
    replication_factor: int | None = typer.Option(
        None, min=1, help="Copies of a new topic, each on a broker of its own.", show_default="the brokers' own default"
    ),
) -> None:
    """Make the topic and the tables that are not there yet. Safe to repeat."""
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_settings
    from wattnet.clickhouse import migrate_up
    from wattnet.producer import create_topic

    settings = read_settings()
    keep_quiet()
    kafka, clickhouse = settings.kafka, settings.clickhouse
    created = create_topic(
        kafka.bootstrap_servers,
        kafka.topic,
        partitions=partitions,
        replication_factor=replication_factor,
        timeout_s=KAFKA_TIMEOUT_S,
        options=kafka.connection_options(),
    )
    what = f"created, {partitions} partitions" if created else "was there already"
    typer.echo(f"topic {kafka.topic} at {kafka.bootstrap_servers}: {what}")
    applied = migrate_up(clickhouse)
    what = f"applied {', '.join(one.name for one in applied)}" if applied else "was up to date already"
    typer.echo(f"database {clickhouse.database} at {clickhouse.address}: {what}")
