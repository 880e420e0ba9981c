"""`wattnet kafka-engine on | off | status`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wattnet.consumer import KafkaEngineStatus, Settings

app = typer.Typer(
    help="Let ClickHouse's Kafka engine feed the tables instead.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
LIMITS = """\
It stores at least once: after a failure it may store some messages again (current values stay right, `wattnet verify`
says what it sees). Empty messages leave no trace. While the schema registry is away, messages with schemas that
ClickHouse has not met become dead letters, with their bytes. `wattnet kafka-engine off` hands back to the consumers."""


@app.command()
def on(
    consumers: int = typer.Option(2, min=1, help="Readers in ClickHouse, at most one a partition."),
) -> None:
    """Stop all consumers first: the engine goes on where they ended. Needs SCHEMA_REGISTRY_URL."""
    from wattnet.consumer import kafka_engine_on

    status = kafka_engine_on(_settings(), consumers=consumers)
    _show(status)
    typer.echo(LIMITS)


@app.command()
def off() -> None:
    """Stop the engine and hand its partitions back: consumers go on where it ended."""
    from wattnet.consumer import kafka_engine_off

    _show(kafka_engine_off(_settings()))


@app.command()
def status(
    as_json: bool = typer.Option(False, "--json", help="Print everything as one JSON object."),
) -> None:
    """Say whether the engine is on, how far it is, and what somebody should look after (exit code 1 then)."""
    from wattnet.consumer import kafka_engine_status

    found = kafka_engine_status(_settings())
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found)
    if found.problems:
        raise typer.Exit(1)


def _show(status: KafkaEngineStatus) -> None:
    if status.state == "off":
        typer.echo(f"the Kafka engine is off: topic {status.topic} is for `wattnet consume`")
    else:
        how = "is on" if status.state == "on" else "is being switched off"
        typer.echo(f"the Kafka engine {how}: topic {status.topic}, group {status.group_id}, {status.members} readers")
        typer.echo(f"{'partition':>9}  {'from':>12}  {'committed':>12}  {'lag':>12}  {'stored':>12}  {'refused':>7}")
        for one in status.partitions:
            typer.echo(
                f"{one.partition:>9}  {one.first:>12,}  {one.next:>12,}  {one.lag:>12,}  {one.stored:>12,}  "
                f"{one.refused:>7,}"
            )
    for problem in status.problems:
        typer.secho(problem, fg="red")


def _settings() -> Settings:
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_settings

    settings = read_settings()
    keep_quiet()
    return settings
