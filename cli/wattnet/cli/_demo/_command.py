"""The command: what happens in which order, and what is said about it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wattnet.cli._demo._against import Against  # noqa: TC001  typer reads it
from wattnet.cli._signals import Stopped, stoppable

if TYPE_CHECKING:
    from rich.console import Console

    from wattnet.cli._demo._road import Consumers
    from wattnet.consumer import Settings
    from wattnet.query import Client

REPLICAS = 2
EXIT_NOT_EXACT = 1


def demo(
    data_dir: Path = typer.Option(Path(".wattnet/demo"), help="Where everything is kept; made if it is not there."),
    against: Against | None = typer.Option(
        None,
        help="Start nothing: fill the stack of docker-compose.yml, which has consumers; the environment or .env says "
        "where it is, and as whom.",
    ),
) -> None:
    """Send a year of eight US grids to the tables, and prove it.

    Starts real Kafka, real ClickHouse and two consumers here, publishes about 630,000 metrics, shows what is stored,
    and stops everything. Repeating it changes no value: the same revisions replace themselves.
    """
    from rich.console import Console

    from wattnet.cli._logging import keep_quiet

    keep_quiet()
    console = Console(highlight=False, markup=False)
    try:
        with stoppable():
            if against is None:
                _here(data_dir, console)
            else:
                _against(console)
    except Stopped as stopped:
        where = data_dir if against is None else f"the stack of {against.value}"
        typer.echo(f"stopped ({stopped}); what was stored stays in {where}", err=True)
        raise typer.Exit(stopped.exit_code) from None


def _here(data_dir: Path, console: Console) -> None:
    from wattnet.cli._demo import _road
    from wattnet.cli._demo._replicas import Replicas
    from wattnet.cli._demo._words import show_next_steps
    from wattnet.cli._settings import read_one
    from wattnet.consumer import BatchSettings
    from wattnet.local import LocalStack
    from wattnet.query import Client

    batch = read_one(BatchSettings)  # what the consumers will read, checked before anything is started
    aside = _aside()
    say = partial(aside.print, soft_wrap=True)
    with LocalStack(data_dir, progress=say) as stack:
        try:
            with Replicas(stack.env, stack.data_dir / "logs", count=REPLICAS) as replicas:
                say(f"started {REPLICAS} consumers, logging to {replicas.logs}")
                settings = _road.settings_for(stack, batch)
                try:
                    with Client(stack.clickhouse_url) as client:
                        exact = _travel_and_show(settings, replicas, client, console, aside)
                finally:
                    say("stopping the consumers")
        finally:
            say("stopping Kafka and ClickHouse")
    if not exact:
        raise typer.Exit(EXIT_NOT_EXACT)
    show_next_steps(console, data_dir)


def _against(console: Console) -> None:
    from wattnet.cli._demo._against import ComposeConsumers
    from wattnet.cli._reading import open_client
    from wattnet.cli._settings import read_settings

    settings, aside = read_settings(), _aside()
    aside.print(
        f"filling topic {settings.kafka.topic} at {settings.kafka.bootstrap_servers}, "
        f"to be read in database {settings.clickhouse.database} at {settings.clickhouse.address}",
        soft_wrap=True,
    )
    with open_client() as client:
        exact = _travel_and_show(settings, ComposeConsumers(), client, console, aside)
    if not exact:
        raise typer.Exit(EXIT_NOT_EXACT)


def _travel_and_show(
    settings: Settings, consumers: Consumers, client: Client, console: Console, aside: Console
) -> bool:
    from wattnet.cli._demo import _pictures, _road
    from wattnet.cli._demo._meter import meter
    from wattnet.cli._demo._words import show_verdict

    before = _road.contents(settings)
    with meter(aside) as show:
        journey = _road.travel(settings, consumers, show)
    aside.print("verifying")
    verdict = _road.prove(settings)
    after = _road.contents(settings)
    _pictures.show_rates(console, journey)
    _pictures.show_newest(console, client)
    _pictures.show_week(console, client)
    show_verdict(console, verdict, before, after)
    return verdict.ok


def _aside() -> Console:
    """Standard error: what happens, beside what is shown."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False)
